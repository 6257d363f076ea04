"""Penalise an output without a sigmoid outside the range of an image."""

import torch.nn.functional as F
from torch import Tensor

from tsjnet_mm.registry import MODELS

from ._precision import full_precision
from .base import FusionLoss


@full_precision
def range_loss(fused: Tensor) -> Tensor:
    """Mean distance of the values from [0, 1].

    Args:
        fused (Tensor): (B, 1, H, W), not clipped.

    Returns:
        Tensor: Scalar, at least 0.
    """
    return (F.relu(-fused) + F.relu(fused - 1)).mean()


@MODELS.register_module()
class RangeLoss(FusionLoss):
    """Module of :func:`range_loss`. Clipping has no gradient; this loss has."""

    def forward(self, outputs: dict[str, Tensor]) -> Tensor:
        """Weighted loss (scalar) of a fusor's outputs."""
        return self.loss_weight * range_loss(outputs['fused'])
