"""Checks of what the fusion metrics are given."""

import torch
from torch import Tensor


def check_images(fused, ir, vi, min_size=1):
    """Refuse anything but three grey float batches of one shape, dtype and device.

    Args:
        fused (Tensor): (B, 1, H, W), float32 or float64.
        ir (Tensor): The same.
        vi (Tensor): The same.
        min_size (int): The shortest side that the metric is defined for. Defaults to 1.

    Raises:
        TypeError: An image is no tensor, or not float32 or float64.
        ValueError: Shapes, dtypes or devices do not fit, or a side is too short.
    """
    for name, image in (('fused', fused), ('ir', ir), ('vi', vi)):
        if not isinstance(image, Tensor):
            raise TypeError(f'{name} must be a torch.Tensor, got {type(image).__name__}')
        if image.dtype not in (torch.float32, torch.float64):
            raise TypeError(
                f'{name} must be float32 or float64 with levels in 0..255, got {image.dtype}'
            )
        if image.dim() != 4 or image.shape[1] != 1 or image.numel() == 0:
            raise ValueError(
                f'{name} must have shape (B, 1, H, W) and hold pixels, got {tuple(image.shape)}'
            )
        if (image.shape, image.dtype, image.device) != (fused.shape, fused.dtype, fused.device):
            raise ValueError(
                'fused, ir and vi must agree in shape, dtype and device; fused is '
                f'{tuple(fused.shape)} {fused.dtype} on {fused.device}, {name} is '
                f'{tuple(image.shape)} {image.dtype} on {image.device}'
            )
    if min(fused.shape[-2:]) < min_size:
        raise ValueError(
            f'this metric needs sides of at least {min_size} pixels, '
            f'got {fused.shape[-2]}x{fused.shape[-1]}'
        )
