"""Gradient term of the authors' release: distance to the larger source gradient."""

import torch
import torch.nn.functional as F
from torch import Tensor

from tsjnet_mm.registry import MODELS

from ._precision import full_precision
from .base import FusionLoss

_SOBEL_X = ((-1.0, 0.0, 1.0), (-2.0, 0.0, 2.0), (-1.0, 0.0, 1.0))


def sobel_magnitude(image: Tensor) -> Tensor:
    """L1 magnitude of the Sobel gradient, ``|dx| + |dy|``, with zero padding.

    Args:
        image (Tensor): (B, 1, H, W).

    Returns:
        Tensor: (B, 1, H, W), non-negative.
    """
    horizontal = torch.tensor(_SOBEL_X, dtype=image.dtype, device=image.device)
    kernels = torch.stack((horizontal, horizontal.t())).unsqueeze(1)
    return F.conv2d(image, kernels, padding=1).abs().sum(1, keepdim=True)


@full_precision
def gradient_loss(fused: Tensor, ir: Tensor, vi: Tensor) -> Tensor:
    """Mean of ``|sobel F - max(sobel I, sobel V)|``.

    Args:
        fused (Tensor): (B, 1, H, W) in [0, 1].
        ir (Tensor): (B, 1, H, W) in [0, 1].
        vi (Tensor): (B, 1, H, W) in [0, 1], luma.

    Returns:
        Tensor: Scalar, at least 0.
    """
    target = torch.maximum(sobel_magnitude(ir), sobel_magnitude(vi))
    return F.l1_loss(sobel_magnitude(fused), target)


@MODELS.register_module()
class GradientLoss(FusionLoss):
    """Module of :func:`gradient_loss`."""

    def forward(self, outputs: dict[str, Tensor]) -> Tensor:
        """Weighted loss (scalar) of a fusor's outputs."""
        return self.loss_weight * gradient_loss(outputs['fused'], outputs['ir'], outputs['vi'])
