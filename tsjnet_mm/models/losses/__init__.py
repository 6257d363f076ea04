"""Fusion losses: each a function of tensors and a registered module over it."""

from .base import FusionLoss
from .diversity import DiversityLoss, diversity_loss
from .gradient import GradientLoss, gradient_loss, sobel_magnitude
from .intensity import IntensityLoss, intensity_loss
from .reconstruction import ReconstructionLoss, reconstruction_loss
from .ssim import SSIMLoss, ssim_loss

__all__ = [
    'DiversityLoss',
    'FusionLoss',
    'GradientLoss',
    'IntensityLoss',
    'ReconstructionLoss',
    'SSIMLoss',
    'diversity_loss',
    'gradient_loss',
    'intensity_loss',
    'reconstruction_loss',
    'sobel_magnitude',
    'ssim_loss',
]
