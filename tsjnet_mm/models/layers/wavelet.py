"""Undecimated wavelets of the B3 spline: an image as a sum of detail planes and a base.

Starck and Murtagh, "Image restoration with noise suppression using the wavelet transform",
Astronomy and Astrophysics 288, 1994.
"""

from torch import Tensor

from tsjnet_mm.utils.filtering import filter_valid, pad_reflect

_BINOMIAL = (1 / 16, 4 / 16, 6 / 16, 4 / 16, 1 / 16)


def spline_wavelets(image: Tensor, levels: int) -> tuple[list[Tensor], Tensor]:
    """Decompose.

    In plane ``i`` the taps of the B3 spline stand ``2**i`` pixels apart.

    Args:
        image (Tensor): (*, H, W), float; continued by reflection.
        levels (int): Number of detail planes, at least 1.

    Returns:
        tuple[list[Tensor], Tensor]: The detail planes, finest first, and the base, (*, H, W)
        each; their sum is the image.
    """
    details = []
    for level in range(levels):
        gap = 2**level
        smoother = filter_valid(pad_reflect(image, 2 * gap), _BINOMIAL, dilation=gap)
        details.append(image - smoother)
        image = smoother
    return details, image
