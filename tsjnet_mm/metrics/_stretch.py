"""The min-max stretch that some metrics begin with."""

import torch


class _Round(torch.autograd.Function):
    """Round halves up; the gradient passes as if nothing were rounded."""

    @staticmethod
    def forward(_, levels):
        return torch.floor(levels + 0.5)

    @staticmethod
    def backward(_, gradient):
        return gradient


def stretch(image):
    """Stretch each image to 0..255 and round to whole levels, halves up.

    A loss can be made of it: the gradient takes the extremes as given, or one pixel would get
    most of it, and passes rounding as if there were none.

    Args:
        image (Tensor): (B, C, H, W), float.

    Returns:
        Tensor: The same shape; a constant image becomes 0.
    """
    fixed = image.detach()
    low, high = fixed.amin((1, 2, 3), True), fixed.amax((1, 2, 3), True)
    span = high - low
    levels = (image - low) / torch.where(span == 0, 1, span) * 255
    return _Round.apply(levels)
