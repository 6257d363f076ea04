"""The min-max stretch that some metrics begin with."""

import torch


def stretch(image):
    """Stretch each image to 0..255 and round to whole levels, halves up.

    Args:
        image (Tensor): (B, C, H, W), float.

    Returns:
        Tensor: The same shape; a constant image becomes 0.
    """
    low, high = image.amin((1, 2, 3), True), image.amax((1, 2, 3), True)
    span = high - low
    levels = (image - low) / torch.where(span == 0, 1, span) * 255
    return torch.floor(levels + 0.5)
