"""Auto-encoder terms of the paper's fusion loss (TSJNet, Eq. 10)."""

import torch.nn.functional as F
from torch import Tensor

from tsjnet_mm.registry import MODELS

from ._precision import full_precision
from .base import FusionLoss


@full_precision
def reconstruction_loss(reconstruction: Tensor, source: Tensor) -> Tensor:
    """Mean squared error of a modality decoded from its own features.

    Args:
        reconstruction (Tensor): (B, 1, H, W) in [0, 1].
        source (Tensor): (B, 1, H, W) in [0, 1].

    Returns:
        Tensor: Scalar in [0, 1].
    """
    return F.mse_loss(reconstruction, source)


@MODELS.register_module()
class ReconstructionLoss(FusionLoss):
    """Module of :func:`reconstruction_loss`.

    Each modality is decoded from its features alone, also by a decoder that uses wavelet planes
    of the source images. So the features must contain the image, at their own resolution.

    Args:
        modality (str): ``'ir'`` (weight a2 = 6 in the paper) or ``'vi'`` (a3 = 1).
        loss_weight (float): Factor of the term. Defaults to 1.

    Raises:
        ValueError: ``modality`` is neither.
    """

    needs_reconstruction = True

    def __init__(self, modality: str, loss_weight: float = 1.0) -> None:
        super().__init__(loss_weight)
        if modality not in ('ir', 'vi'):
            raise ValueError(f"modality must be 'ir' or 'vi', got {modality!r}")
        self.modality = modality

    def forward(self, outputs: dict[str, Tensor]) -> Tensor:
        """Weighted loss (scalar) of a fusor's outputs."""
        return self.loss_weight * reconstruction_loss(
            outputs[f'{self.modality}_reconstruction'], outputs[self.modality]
        )
