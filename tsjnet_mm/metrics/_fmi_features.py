"""Feature images whose local information the feature mutual information compares."""

import math

import torch
import torch.nn.functional as F

from ._gradients import sobel

_PIXELS = (1, 2, 3)
#: How many taps of the Meyer filter are kept on either side of its centre.
_MEYER_REACH = 50


def sobel_edges(image):
    """Thinned Sobel edges with the automatic threshold of MATLAB's ``edge(image)``.

    An edge pixel's squared gradient exceeds four times the mean over the image, and is the
    peak along the axis of its larger component: no less than that of the pixel before, more
    than that of the pixel after. Equal components ask for a peak along either axis; what
    lies beyond the border hinders no peak. MATLAB calls components equal that differ by
    100 times the machine precision; on whole levels they are exact without that.

    Args:
        image (Tensor): (B, 1, H, W), float64.

    Returns:
        Tensor: The same shape and dtype, 1 on edges and 0 elsewhere; a constant image has
        none.
    """
    across, down = (gradient.abs() for gradient in sobel(image, 'replicate'))
    strength = across.square() + down.square()
    around = F.pad(strength, (1, 1, 1, 1), value=-math.inf)
    peak_across = (around[..., 1:-1, :-2] <= strength) & (strength > around[..., 1:-1, 2:])
    peak_down = (around[..., :-2, 1:-1] <= strength) & (strength > around[..., 2:, 1:-1])
    peak = ((across >= down) & peak_across) | ((down >= across) & peak_down)
    return (peak & (strength > 4 * strength.mean(_PIXELS, keepdim=True))).to(image.dtype)


def cosine_transform(image):
    """Orthonormal two-dimensional DCT-II of the whole image.

    Args:
        image (Tensor): (B, 1, H, W), float64.

    Returns:
        Tensor: The same shape and dtype; the coefficient of the mean level comes first.
    """
    rows, columns = (_cosines(length, image.device) for length in image.shape[-2:])
    return rows @ image @ columns.T


def _cosines(length, device):
    index = torch.arange(length, dtype=torch.float64, device=device)
    # Reduced to one period while they are whole numbers: large angles cost digits.
    quarters = (2 * index + 1) * index[:, None] % (4 * length)
    matrix = torch.cos(math.pi / (2 * length) * quarters) * math.sqrt(2 / length)
    matrix[0] = math.sqrt(1 / length)
    return matrix


def meyer_subbands(image):
    """One level of the discrete Meyer wavelet transform, tiled and stretched to 0..1.

    The coefficients of MATLAB's ``dwt2(image, 'dmey')``: beyond its border the image is
    mirrored, border pixels included, as often as a small image needs. The subbands lie as
    ``[[A, H], [V, D]]``: approximation, detail down the columns, detail along the rows,
    detail both ways.

    Args:
        image (Tensor): (B, 1, H, W), float64.

    Returns:
        Tensor: (B, 1, 2 * ((H + 101) // 2), 2 * ((W + 101) // 2)), float64; ones where all
        coefficients are equal.
    """
    rows, columns = (_meyer_analysis(length, image.device) for length in image.shape[-2:])
    upper, lower = (rows @ image @ columns.T).chunk(2, dim=-2)
    (approximation, along), (down, both) = upper.chunk(2, dim=-1), lower.chunk(2, dim=-1)
    tiles = torch.cat(
        (torch.cat((approximation, down), dim=-1), torch.cat((along, both), dim=-1)), dim=-2
    )
    lowest = tiles.amin(_PIXELS, keepdim=True)
    span = tiles.amax(_PIXELS, keepdim=True) - lowest
    return torch.where(span == 0, 1, (tiles - lowest) / torch.where(span == 0, 1, span))


def meyer_filter():
    r"""Low-pass filter of the discrete Meyer wavelet.

    The middle Fourier coefficients, scaled to the sum :math:`\sqrt2`, of

    .. math::
        H(\omega) = \cos\left(\tfrac{\pi}{2}
        \nu\left(\tfrac{3}{\pi} |\omega| - 1\right)\right),
        \quad \nu(x) = x^4 (35 - 84 x + 70 x^2 - 20 x^3), \quad 0 \le x \le 1

    They equal the taps of MATLAB's ``'dmey'``, which has another one of zero, within 1e-10.

    Returns:
        Tensor: (101,), float64, symmetric.
    """
    frequency = torch.linspace(-0.5, 0.5, 4097, dtype=torch.float64)[1:]
    ramp = (6 * frequency.abs() - 1).clamp(0, 1)
    ramp = ramp**4 * (35 - 84 * ramp + 70 * ramp**2 - 20 * ramp**3)
    tap = torch.arange(-_MEYER_REACH, _MEYER_REACH + 1, dtype=torch.float64)
    taps = torch.cos(2 * math.pi * tap[:, None] * frequency) @ torch.cos(math.pi / 2 * ramp)
    return taps * (math.sqrt(2) / taps.sum())


def _meyer_analysis(length, device):
    """Matrix of the low-pass filter about even positions over the high-pass about odd."""
    tap = torch.arange(-_MEYER_REACH, _MEYER_REACH + 1)
    low = meyer_filter()
    high = torch.where(tap % 2 == 0, -low, low)
    centre = 2 * torch.arange((length + 2 * _MEYER_REACH + 1) // 2) - _MEYER_REACH
    position = torch.cat((centre, centre + 1))[:, None] + tap
    position = position % (2 * length)
    position = torch.minimum(position, 2 * length - 1 - position)
    taps = torch.stack((low, high)).repeat_interleave(len(centre), dim=0)
    matrix = torch.zeros(len(position), length, dtype=torch.float64)
    return matrix.scatter_add_(1, position, taps).to(device)
