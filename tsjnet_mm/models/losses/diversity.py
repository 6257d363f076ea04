"""Diversity of the decoder's spatial attention heads (TSJNet, Eq. 9)."""

from torch import Tensor

from tsjnet_mm.registry import MODELS

from ._precision import full_precision
from .base import FusionLoss


@full_precision
def diversity_loss(attention: Tensor, sign: int = -1) -> Tensor:
    """``sign * mean_i(1 - max_j att_ij) + mean_ij att_ij``; i pixels, j attention heads.

    Eq. 9 as printed has ``sign=-1``; the authors' release computes ``sign=+1``, which favours
    pixels that one head attends to and few others do.

    Args:
        attention (Tensor): (B, heads, H, W) in [0, 1].
        sign (int): -1 (the paper) or +1 (the release). Defaults to -1.

    Returns:
        Tensor: Scalar; in [-1, 1] for -1, in [1 / heads, 1] for +1.

    Raises:
        ValueError: ``sign`` is neither.
    """
    if sign not in (-1, 1):
        raise ValueError(f'sign must be -1 or +1, got {sign!r}')
    return sign * (1 - attention.amax(dim=1)).mean() + attention.mean()


@MODELS.register_module()
class DiversityLoss(FusionLoss):
    """Module of :func:`diversity_loss`.

    Args:
        sign (int): -1 (the paper) or +1 (the release). Defaults to -1.
        loss_weight (float): Factor of the term, a1 = 0.1 in the paper. Defaults to 1.
    """

    needs_attention = True

    def __init__(self, sign: int = -1, loss_weight: float = 1.0) -> None:
        super().__init__(loss_weight)
        self.sign = sign

    def forward(self, outputs: dict[str, Tensor]) -> Tensor:
        """Weighted loss (scalar) of a fusor's outputs."""
        return self.loss_weight * diversity_loss(outputs['attention'], sign=self.sign)
