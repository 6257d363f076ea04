"""Padding to a multiple of the network's stride, for images of any size."""

import torch
from torch import Tensor

from tsjnet_mm.utils.filtering import reflect_positions
from tsjnet_mm.utils.symbolic import is_symbol


def _reflected(length, padded, device):
    """Indices of a signal of ``length`` continued by reflection to ``padded`` samples."""
    return reflect_positions(torch.arange(padded, device=device), length)


def _repeated(length, padded, device):
    """Indices of a signal of ``length`` continued by its last sample to ``padded`` samples."""
    return torch.arange(padded, device=device).clamp(max=length - 1)


def pad_to_multiple(x: Tensor, divisor: int, repeat: bool = False) -> Tensor:
    """Pad an image at the right and below by reflection.

    Unlike ``F.pad(mode='reflect')`` the padding may exceed the image.

    Args:
        x (Tensor): (B, C, H, W).
        divisor (int): The padded sides are multiples of it.
        repeat (bool): Repeat the last row and column instead. Defaults to False.

    Returns:
        Tensor: (B, C, H', W'), ``x`` itself where nothing is missing.
    """
    height, width = x.shape[-2:]
    padded_height = (height + divisor - 1) // divisor * divisor
    padded_width = (width + divisor - 1) // divisor * divisor
    indices = _repeated if repeat else _reflected
    tracing = is_symbol(height, width)
    if tracing or padded_height != height:
        x = x.index_select(-2, indices(height, padded_height, x.device))
    if tracing or padded_width != width:
        x = x.index_select(-1, indices(width, padded_width, x.device))
    return x
