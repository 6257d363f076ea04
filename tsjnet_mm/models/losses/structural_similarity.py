"""Structural similarity terms: the paper's (TSJNet, Eq. 8) and the release's weighted one."""

from torch import Tensor

from tsjnet_mm.registry import MODELS
from tsjnet_mm.utils.ssim_terms import structural_similarity

from ._precision import full_precision
from .base import FusionLoss
from .gradient import sobel_magnitude


@full_precision
def ssim_loss(fused: Tensor, ir: Tensor, vi: Tensor, weighting: str = 'equal') -> Tensor:
    """One minus the similarity of the fused image to its two sources.

    ``equal``: (1 - ssim(F, I)) / 2 + (1 - ssim(F, V)) / 2, Eq. 8. ``gradient``: the weights of
    an image are its sources' shares of their mean Sobel magnitudes; the authors' release takes
    these means over the batch. SSIM with a Gaussian window of 11, sigma 1.5, over the valid
    area; the loss is the mean of the images'.

    Args:
        fused (Tensor): (B, 1, H, W) in [0, 1], sides of at least 11.
        ir (Tensor): (B, 1, H, W) in [0, 1].
        vi (Tensor): (B, 1, H, W) in [0, 1], luma.
        weighting (str): ``'equal'`` or ``'gradient'``. Defaults to ``'equal'``.

    Returns:
        Tensor: Scalar in [0, 2].

    Raises:
        ValueError: ``weighting`` is unknown.
    """
    to_ir = structural_similarity(fused, ir, data_range=1.0, reduction='image')
    to_vi = structural_similarity(fused, vi, data_range=1.0, reduction='image')
    if weighting == 'equal':
        share = 0.5
    elif weighting == 'gradient':
        detail_ir = sobel_magnitude(ir).mean((1, 2, 3))
        detail_vi = sobel_magnitude(vi).mean((1, 2, 3))
        share = (detail_ir + 1e-8) / (detail_ir + detail_vi + 2e-8)
    else:
        raise ValueError(f"weighting must be 'equal' or 'gradient', got {weighting!r}")
    return (1 - share * to_ir - (1 - share) * to_vi).mean()


@MODELS.register_module()
class SSIMLoss(FusionLoss):
    """Module of :func:`ssim_loss`.

    Args:
        weighting (str): ``'equal'`` or ``'gradient'``. Defaults to ``'equal'``.
        loss_weight (float): Factor of the term. Defaults to 1.
    """

    metrics = ('SSIM',)

    def __init__(self, weighting: str = 'equal', loss_weight: float = 1.0) -> None:
        super().__init__(loss_weight)
        self.weighting = weighting

    def forward(self, outputs: dict[str, Tensor]) -> Tensor:
        """Weighted loss (scalar) of a fusor's outputs."""
        return self.loss_weight * ssim_loss(
            outputs['fused'], outputs['ir'], outputs['vi'], weighting=self.weighting
        )
