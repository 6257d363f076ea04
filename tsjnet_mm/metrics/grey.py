"""From colour to what each convention compares: grey levels, or single channels."""

import torch
from torch import Tensor

from tsjnet_mm.utils.colour import rgb_to_luma
from tsjnet_mm.utils.metric_names import CONVENTIONS

# The first row of the inverse of MATLAB's YIQ matrix, which its rgb2gray applies.
_MATLAB_GREY = (0.298936021293775, 0.587043074451121, 0.114020904255103)


def _half_up(levels):
    return torch.floor(levels + 0.5)


def to_grey(image: Tensor, convention: str = 'plain') -> Tensor:
    """Grey levels of an image, as a convention takes them.

    Args:
        image (Tensor): (B, 3, H, W) RGB or (B, 1, H, W), float32 or float64, levels in
            0..255.
        convention (str): ``'plain'``: full-range BT.601 luma, not rounded; ``'tsjnet'`` and
            ``'cddfuse'``: the same, rounded to whole levels; ``'tang'`` and ``'vifb'``:
            MATLAB's ``rgb2gray`` of an 8-bit image, rounded. A single channel is left as it
            is, except that those who round do so.

    Returns:
        Tensor: (B, 1, H, W), the same dtype.

    Raises:
        TypeError: The image is no float32 or float64 tensor.
        ValueError: It has neither 1 nor 3 channels, or the convention is unknown.

    Example:
        >>> red = torch.tensor([200.0, 30, 40]).view(1, 3, 1, 1)
        >>> [round(to_grey(red, name).item(), 4) for name in ('plain', 'tang')]
        [81.97, 82.0]
    """
    if convention not in CONVENTIONS:
        raise ValueError(f'unknown convention {convention!r}; known: {", ".join(CONVENTIONS)}')
    if not isinstance(image, Tensor) or image.dtype not in (torch.float32, torch.float64):
        kind = image.dtype if isinstance(image, Tensor) else type(image).__name__
        raise TypeError(f'image must be a float32 or float64 tensor, got {kind}')
    if image.dim() != 4 or image.shape[1] not in (1, 3):
        raise ValueError(
            f'image must have shape (B, 1, H, W) or (B, 3, H, W), got {tuple(image.shape)}'
        )
    if image.shape[1] == 3:
        if convention in ('tang', 'vifb'):
            weights = image.new_tensor(_MATLAB_GREY).view(1, 3, 1, 1)
            image = (image * weights).sum(1, keepdim=True)
        else:
            image = rgb_to_luma(image)
    return image if convention == 'plain' else _half_up(image)
