"""Decimated Laplacian pyramid: an image as detail of ever coarser pixels and a base.

Burt and Adelson, "The Laplacian Pyramid as a Compact Image Code", IEEE Trans. Communications
31(4), 1983. Differs from it: a coarser pixel is the mean of four, and enlarging is bilinear
interpolation. Both are one fast operation.
"""

import torch.nn.functional as F
from torch import Tensor

from tsjnet_mm.utils.filtering import filter_valid


def resample(image: Tensor, factor: float) -> Tensor:
    """Enlarge by bilinear interpolation, or reduce to the means of squares.

    Args:
        image (Tensor): (B, C, H, W), float; to reduce it, sides are multiples of
            ``1 / factor``.
        factor (float): Power of 2.

    Returns:
        Tensor: (B, C, H * factor, W * factor).
    """
    while factor < 1:  # Halfway between four pixels, bilinear interpolation is their mean.
        image = F.interpolate(image, scale_factor=0.5, mode='bilinear', align_corners=False)
        factor *= 2
    if factor > 1:
        image = F.interpolate(image, scale_factor=factor, mode='bilinear', align_corners=False)
    return image


def smooth(image: Tensor) -> Tensor:
    """Smooth with (1, 2, 1) / 4 along both axes; pixels at the border are repeated.

    Args:
        image (Tensor): (B, C, H, W), float.

    Returns:
        Tensor: (B, C, H, W).
    """
    return filter_valid(F.pad(image, (1, 1, 1, 1), mode='replicate'), (0.25, 0.5, 0.25))


def laplacian_pyramid(image: Tensor, levels: int) -> tuple[list[Tensor], Tensor]:
    """Decompose.

    Args:
        image (Tensor): (B, C, H, W), float, sides multiples of ``2 ** levels``.
        levels (int): Number of detail levels, at least 1.

    Returns:
        tuple[list[Tensor], Tensor]: The details, finest first, (B, C, H / 2**i, W / 2**i) each,
        and the base. From the coarsest on, ``image = resample(image, 2) + detail`` gives the
        image back.
    """
    details = []
    for _ in range(levels):
        smaller = resample(image, 0.5)
        details.append(image - resample(smaller, 2))
        image = smaller
    return details, image
