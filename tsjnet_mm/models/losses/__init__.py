"""Fusion losses: each is a function of tensors, and a registered module that calls it."""

from .base import FusionLoss
from .diversity import DiversityLoss, diversity_loss
from .gradient import GradientLoss, gradient_loss, sobel_magnitude
from .intensity import IntensityLoss, intensity_loss
from .metric_margin import MetricMarginLoss, margin_loss
from .object_brightness import ObjectBrightnessLoss, object_brightness_loss
from .reconstruction import ReconstructionLoss, reconstruction_loss
from .structural_similarity import SSIMLoss, ssim_loss
from .value_range import RangeLoss, range_loss

__all__ = [
    'DiversityLoss',
    'FusionLoss',
    'GradientLoss',
    'IntensityLoss',
    'MetricMarginLoss',
    'ObjectBrightnessLoss',
    'RangeLoss',
    'ReconstructionLoss',
    'SSIMLoss',
    'diversity_loss',
    'gradient_loss',
    'intensity_loss',
    'margin_loss',
    'object_brightness_loss',
    'range_loss',
    'reconstruction_loss',
    'sobel_magnitude',
    'ssim_loss',
]
