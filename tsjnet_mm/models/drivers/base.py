"""What detection and segmentation drivers share.

A driver puts a task network behind the fused image, in the same graph, so that the task's loss
drives the fusor. The wrapped model is any that mmdet or mmseg can build.
"""

from fnmatch import fnmatch

from mmengine.model import BaseModule
from torch import Tensor

from tsjnet_mm.registry import MODELS
from tsjnet_mm.utils import recolour


def network_images(luma, visible, appearance):
    """Images as the data preprocessors of mmdet and mmseg take them, differentiably.

    Args:
        luma (Tensor): (B, 1, H, W) in [0, 1].
        visible (Tensor): (B, 3, H, W) RGB in [0, 1], for the chroma.
        appearance (str): ``'grey'`` repeats the luma over three channels, ``'colour'`` gives
            it the visible image's chroma.

    Returns:
        list[Tensor]: B images (3, H, W) in 0..255, BGR as OpenMMLab's loaders give; the
        preprocessor's own channel conversion and normalisation come on top.
    """
    if appearance == 'colour':
        image = recolour(luma, visible).flip(1)
    else:
        image = luma.expand(-1, 3, -1, -1)
    return list(255 * image.float())


class BaseDriver(BaseModule):
    """Wraps a task network.

    Args:
        model (dict): Config of the wrapped model; its ``init_cfg`` may name a checkpoint.
        scope (str): Registry scope of the library it comes from.
        loss_terms (Sequence[str]): Shell-style patterns of the names of the loss terms that
            count; the others are dropped.
        loss_weight (float): Factor of the terms. Defaults to 1.
        frozen (bool): Keep the weights, and batch normalisation in eval mode; gradients still
            reach the image. Defaults to True.
        appearance (str): What the network sees: ``'grey'`` repeats the luma over three
            channels, ``'colour'`` gives it the visible image's chroma. Defaults to
            ``'grey'``.
        init_cfg (dict, optional): Initialisation, see mmengine's ``BaseModule``.

    Raises:
        ValueError: ``appearance`` is unknown.
    """

    def __init__(
        self,
        model,
        scope,
        loss_terms,
        loss_weight=1.0,
        frozen=True,
        appearance='grey',
        init_cfg=None,
    ):
        super().__init__(init_cfg)
        if appearance not in ('grey', 'colour'):
            raise ValueError(f"appearance must be 'grey' or 'colour', got {appearance!r}")
        self.model = MODELS.build({'_scope_': scope, **model})
        self.loss_terms = tuple(loss_terms)
        self.loss_weight = loss_weight
        self.frozen = frozen
        self.appearance = appearance
        if frozen:
            self.requires_grad_(False)
            self.eval()

    def train(self, mode=True):
        """Set the mode; a frozen driver stays in eval mode."""
        return super().train(mode and not self.frozen)

    def keep_terms(self, losses):
        """Sum each term's parts, and keep and weight those that ``loss_terms`` names.

        Args:
            losses (dict[str, Tensor | list[Tensor]]): What the wrapped model returned.

        Returns:
            dict[str, Tensor]: Name to scalar.

        Raises:
            ValueError: No term matches; lists those that there are.
        """
        kept = {}
        for name, value in losses.items():
            if any(fnmatch(name, pattern) for pattern in self.loss_terms):
                parts = [value] if isinstance(value, Tensor) else value
                kept[name] = self.loss_weight * sum(part.mean() for part in parts)
        if not kept:
            raise ValueError(
                f'no loss term of {type(self.model).__name__} matches loss_terms '
                f'{self.loss_terms}; it returns {sorted(losses)}'
            )
        return kept
