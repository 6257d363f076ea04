"""A temporal filter that keeps a fused sequence from changing where its sources rest.

Not in the paper. Where the two images are equally strong, weights of a fusion turn from one to
the other from frame to frame, and the fused image flickers though nothing moves.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from tsjnet_mm.utils import rgb_to_luma

#: Share of a remaining difference that each frame takes over where both sources rest.
_REST = 0.1
#: Mean change of a source, in a square of _CELL pixels, from which a frame is taken as it is.
_MOTION = 128 / 255
_CELL = 8
#: Mean change of a whole frame that is taken for a cut to another scene.
_CUT = 0.1


class TemporalFilter:
    r"""Let the fused luma change hardly more than the source that changes more.

    With :math:`m` the larger of both sources' changes at a pixel and :math:`d` the difference
    of the new fused frame from the last filtered one, the filtered frame is

    .. math:: \hat F_t = \hat F_{t-1} + \mathrm{clip}(d, -(m + r |d|), m + r |d|)

    where :math:`r` is 0.1 at rest and rises to 1 with the motion around the pixel, so what
    moves is not smeared. A frame of another size, and a cut to another scene, begin anew.

    Example:
        >>> keep = TemporalFilter()
        >>> still = torch.zeros(1, 1, 8, 8)
        >>> _ = keep(still, still, still)
        >>> round(float(keep(still, still, still + 0.5).mean()), 3)  # a tenth of the jump
        0.05
    """

    def __init__(self) -> None:
        self._previous = None

    def __call__(self, ir: Tensor, vi: Tensor, fused: Tensor) -> Tensor:
        """Filter the next frames of a sequence.

        Args:
            ir (Tensor): (B, 1, H, W) in [0, 1]; consecutive frames.
            vi (Tensor): (B, 3, H, W) RGB or (B, 1, H, W) in [0, 1].
            fused (Tensor): (B, 1, H, W) in [0, 1].

        Returns:
            Tensor: (B, 1, H, W) in [0, 1].
        """
        frames = zip(ir.split(1), rgb_to_luma(vi).split(1), fused.split(1), strict=True)
        return torch.cat([self._next(*frame) for frame in frames])

    def _next(self, ir, vi, fused):
        previous, self._previous = self._previous, (ir, vi, fused)
        if previous is None or previous[2].shape != fused.shape:
            return fused
        change = torch.maximum((ir - previous[0]).abs_(), (vi - previous[1]).abs_())
        around = F.avg_pool2d(change, _CELL, ceil_mode=True, count_include_pad=False)
        if around.mean() > _CUT:
            return fused
        share = (around / _MOTION).clamp_(_REST, 1)
        share = F.interpolate(share, fused.shape[2:], mode='bilinear', align_corners=False)
        step = fused - previous[2]
        limit = change.addcmul_(share, step.abs())
        fused = previous[2] + step.clamp_(-limit, limit)
        self._previous = (ir, vi, fused)
        return fused
