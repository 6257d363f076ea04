"""Brightness of objects: that of the source in which the detector sees each of them better.

Not in the paper, which drives the fusor by the detector's loss alone. In docs/experiments.md
that loss helped the detector that drove, and no other one. Detectors found more in images whose
local brightness was nearer to the visible image's. So this term asks the detector only which
source shows an object better, and the source itself is the target. With it, also without the
detector's own loss, two detectors that drove nothing found a little more; most of that came
from the ``background``.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from tsjnet_mm.registry import MODELS

from ._precision import full_precision


def around_boxes(bboxes: Tensor, size: tuple[int, int], grow: float) -> Tensor:
    """Masks of boxes and of what is around them.

    Args:
        bboxes (Tensor): (N, 4) xyxy in pixels.
        size (tuple[int, int]): (H, W) of the masks.
        grow (float): How far a mask reaches over each side of its box, in widths and heights
            of the box.

    Returns:
        Tensor: (N, H, W) float, 1 in pixels whose centres are inside.
    """
    left, top, right, bottom = bboxes.unbind(1)
    wide, high = grow * (right - left), grow * (bottom - top)
    y, x = (torch.arange(side, device=bboxes.device) + 0.5 for side in size)
    across = (x > (left - wide)[:, None]) & (x < (right + wide)[:, None])
    down = (y > (top - high)[:, None]) & (y < (bottom + high)[:, None])
    return (down[:, :, None] & across[:, None]).float()


@full_precision
def object_brightness_loss(
    fused: Tensor,
    ir: Tensor,
    vi: Tensor,
    bboxes: Sequence[Tensor],
    ir_scores: Sequence[Tensor],
    vi_scores: Sequence[Tensor],
    window: int = 16,
    grow: float = 0.5,
    softness: float = 0.1,
    share: float = 0.7,
    background: float | None = None,
) -> Tensor:
    r"""Distance of local means, near objects, from those of the source that shows them better.

    With the means :math:`\bar F, \bar I, \bar V` over squares of ``window`` pixels, and
    :math:`w_o = \sigma((s_o^V - s_o^I) / \mathrm{softness})` of the detector's two scores of
    an object, it is the mean of :math:`|\bar F - w \bar V - (1 - w) \bar I|` over the
    squares near objects. There, :math:`w = 1 - a + (2 a - 1) \bar w_o` with ``share``
    :math:`a` and the mean :math:`\bar w_o` over the objects that are near. With a
    ``background`` the same mean over the other squares is added, where :math:`w` is that
    number.

    Args:
        fused (Tensor): (B, 1, H, W) in [0, 1].
        ir (Tensor): (B, 1, H, W) in [0, 1].
        vi (Tensor): (B, 1, H, W) in [0, 1], luma.
        bboxes (Sequence[Tensor]): Of each pair (N, 4), xyxy in pixels.
        ir_scores (Sequence[Tensor]): Of each pair (N,) in [0, 1]: how surely the detector
            finds each object in the infrared image.
        vi_scores (Sequence[Tensor]): The same in the visible image.
        window (int): Side of the squares in pixels. Defaults to 16.
        grow (float): How far around an object, in widths and heights of its box. Defaults
            to 0.5.
        softness (float): Difference of the scores at which the better source counts 2.7 times
            as much as the other. Defaults to 0.1.
        share (float): Share of the better source in the target if the other does not show
            the object; from 0.5, the mean of both, to 1. Defaults to 0.7.
        background (float, optional): Share of the visible image in the target of squares that
            are near no object, from 0 to 1. Defaults to None: these squares are free.

    Returns:
        Tensor: Scalar in [0, 2], in [0, 1] without ``background``; 0 where nothing counts.
    """
    means = [
        F.avg_pool2d(image, window, ceil_mode=True, count_include_pad=False)[:, 0]
        for image in (fused, ir, vi)
    ]
    total, squares = [0, 0], [0, 0]  # near objects, and elsewhere
    for mean_fused, mean_ir, mean_vi, boxes, s_ir, s_vi in zip(
        *means, bboxes, ir_scores, vi_scores, strict=True
    ):
        masks = around_boxes(boxes / window, tuple(mean_fused.shape), grow)
        weights = ((s_vi - s_ir) / softness).sigmoid()[:, None, None]
        count = masks.sum(0)
        weight = (masks * weights).sum(0) / count.clamp(min=1)
        weight = 1 - share + (2 * share - 1) * weight
        near = count > 0
        if background is not None:
            weight = torch.where(near, weight, background)
        distance = (mean_fused - weight * mean_vi - (1 - weight) * mean_ir).abs()
        for place, mask in enumerate((near, ~near)):
            total[place] = total[place] + (mask * distance).sum()
            squares[place] += int(mask.sum())
    places = range(1 if background is None else 2)
    means = [total[place] / squares[place] for place in places if squares[place]]
    return sum(means) if means else fused.sum() * 0


@MODELS.register_module()
class ObjectBrightnessLoss(torch.nn.Module):
    """Module of :func:`object_brightness_loss`, for :class:`JointFusor`'s ``object_loss``.

    Args:
        window (int): See :func:`object_brightness_loss`. Defaults to 16.
        grow (float): See :func:`object_brightness_loss`. Defaults to 0.5.
        softness (float): See :func:`object_brightness_loss`. Defaults to 0.1.
        share (float): See :func:`object_brightness_loss`. Defaults to 0.7.
        background (float, optional): See :func:`object_brightness_loss`. Defaults to None.
        loss_weight (float): Factor of the loss. Defaults to 1.

    Raises:
        ValueError: ``window`` or ``softness`` is not above 0, ``grow`` is below 0, ``share`` is
            not from 0.5 to 1, or ``background`` not from 0 to 1.
    """

    def __init__(
        self,
        window: int = 16,
        grow: float = 0.5,
        softness: float = 0.1,
        share: float = 0.7,
        background: float | None = None,
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__()
        if not (window > 0 and softness > 0 and grow >= 0 and 0.5 <= share <= 1):
            raise ValueError(
                'window and softness must be above 0, grow at least 0 and share from 0.5 to 1, '
                f'got {window}, {softness}, {grow} and {share}'
            )
        if background is not None and not 0 <= background <= 1:
            raise ValueError(f'background must be from 0 to 1 or None, got {background}')
        self.options = {'window': window, 'grow': grow, 'softness': softness, 'share': share}
        self.options['background'] = background
        self.loss_weight = loss_weight

    def forward(
        self,
        outputs: dict[str, Tensor],
        bboxes: Sequence[Tensor],
        ir_scores: Sequence[Tensor],
        vi_scores: Sequence[Tensor],
    ) -> Tensor:
        """Weighted loss (scalar) of a fusor's outputs, near objects.

        Args:
            outputs (dict[str, Tensor]): ``ir``, ``vi`` and ``fused``, each (B, 1, H, W).
            bboxes (Sequence[Tensor]): See :func:`object_brightness_loss`; the scores too.
            ir_scores (Sequence[Tensor]): Of each pair (N,).
            vi_scores (Sequence[Tensor]): Of each pair (N,).

        Returns:
            Tensor: Scalar.
        """
        images = (outputs[key] for key in ('fused', 'ir', 'vi'))
        return self.loss_weight * object_brightness_loss(
            *images, bboxes, ir_scores, vi_scores, **self.options
        )
