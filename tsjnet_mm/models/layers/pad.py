"""Padding to a multiple of the network's stride, for images of any size."""

import torch


def _reflected(length, padded, device):
    """Indices of a signal of ``length`` continued by reflection to ``padded`` samples."""
    index = torch.arange(padded, device=device)
    if length == 1:
        return torch.zeros_like(index)
    period = 2 * (length - 1)
    index = index % period
    return torch.where(index < length, index, period - index)


def pad_to_multiple(x, divisor):
    """Continue an image at the right and below by reflection.

    Unlike ``F.pad(mode='reflect')`` the padding may exceed the image.

    Args:
        x (Tensor): (B, C, H, W).
        divisor (int): The padded sides are multiples of it.

    Returns:
        Tensor: (B, C, H', W'), ``x`` itself where nothing is missing.
    """
    height, width = x.shape[-2:]
    padded_height = -(-height // divisor) * divisor
    padded_width = -(-width // divisor) * divisor
    if padded_height != height:
        x = x.index_select(-2, _reflected(height, padded_height, x.device))
    if padded_width != width:
        x = x.index_select(-1, _reflected(width, padded_width, x.device))
    return x
