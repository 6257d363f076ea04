"""Intensity term of the authors' release: distance to the brighter source."""

import torch
import torch.nn.functional as F
from torch import Tensor

from tsjnet_mm.registry import MODELS

from ._precision import full_precision
from .base import FusionLoss


@full_precision
def intensity_loss(fused: Tensor, ir: Tensor, vi: Tensor) -> Tensor:
    """Mean of ``|F - max(I, V)|``.

    Args:
        fused (Tensor): (B, 1, H, W) in [0, 1].
        ir (Tensor): (B, 1, H, W) in [0, 1].
        vi (Tensor): (B, 1, H, W) in [0, 1], luma.

    Returns:
        Tensor: Scalar in [0, 1].
    """
    return F.l1_loss(fused, torch.maximum(ir, vi))


@MODELS.register_module()
class IntensityLoss(FusionLoss):
    """Module of :func:`intensity_loss`."""

    def forward(self, outputs: dict[str, Tensor]) -> Tensor:
        """Weighted loss (scalar) of a fusor's outputs."""
        return self.loss_weight * intensity_loss(outputs['fused'], outputs['ir'], outputs['vi'])
