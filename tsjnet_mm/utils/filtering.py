"""Small separable filters and windowed moments, exact in every backend."""

import functools
import math
from collections.abc import Sequence

import torch
from torch import Tensor

from .symbolic import larger


@functools.lru_cache(maxsize=64)
def gaussian_window(size: int, sigma: float) -> tuple[float, ...]:
    """Sampled one-dimensional Gaussian of unit sum.

    Args:
        size (int): Number of taps, at least 1.
        sigma (float): Standard deviation in pixels, above 0.

    Returns:
        tuple[float, ...]: The taps.

    Raises:
        ValueError: ``size`` or ``sigma`` is too small.
    """
    if size < 1 or sigma <= 0:
        raise ValueError(f'need size >= 1 and sigma > 0, got size={size} and sigma={sigma}')
    centre = (size - 1) / 2
    taps = [math.exp(-((i - centre) ** 2) / (2 * sigma**2)) for i in range(size)]
    return tuple(tap / sum(taps) for tap in taps)


def filter_valid(
    image: Tensor, taps: Sequence[float], stride: int = 1, dilation: int = 1
) -> Tensor:
    """Correlate with a separable window, keeping the positions where it fits.

    A sum of shifted images, not a convolution call: so neither TF32 nor autocast can lower
    its precision, which differences of moments do not forgive, and on CPU it is faster,
    the more so the better the image fits into the cache.

    Args:
        image (Tensor): (*, H, W), float; each side at least the window's N =
            dilation * (len(taps) - 1) + 1.
        taps (Sequence[float]): The window along either axis.
        stride (int): Keep every so many-th position along either axis. Defaults to 1.
        dilation (int): Pixels from tap to tap. Defaults to 1.

    Returns:
        Tensor: (*, H', W') with H' = ceil((H - N + 1) / stride), W' likewise.
    """
    for axis in (-2, -1):
        length = image.shape[axis] - dilation * (len(taps) - 1)
        behind = (slice(None),) * (-1 - axis)
        total = image[(..., slice(0, length, stride), *behind)] * taps[0]
        for number, tap in enumerate(taps[1:], start=1):
            start = number * dilation
            total.add_(image[(..., slice(start, start + length, stride), *behind)], alpha=tap)
        image = total
    return image


def subtract_midpoint(image: Tensor) -> Tensor:
    """Shift the middle between an image's extremes to 0.

    For what depends on variances and covariances alone: the level is free to go, and with
    it goes the rounding that would make a constant image look textured.

    Args:
        image (Tensor): (*, C, H, W), float.

    Returns:
        Tensor: The same shape. The shift has no gradient.
    """
    pixels = (-3, -2, -1)
    return image - ((image.amin(pixels, True) + image.amax(pixels, True)) / 2).detach()


def local_moments(
    a: Tensor, b: Tensor, taps: Sequence[float], stride: int = 1
) -> tuple[Tensor, ...]:
    """Windowed means, variances and covariance of two images.

    Args:
        a (Tensor): (*, H, W), float32 or float64.
        b (Tensor): The same dtype, and the same shape or one that broadcasts to ``a``'s.
        taps (Sequence[float]): Separable window of unit sum.
        stride (int): Keep every so many-th window along either axis. Defaults to 1.

    Returns:
        tuple[Tensor, ...]: ``mean_a, mean_b, var_a, var_b, cov``, each over the valid area;
        those of ``b`` alone have its leading dimensions. Variances are clamped at 0.
    """

    # One moment after the other, not stacked: what is filtered then stays in the cache.
    def mean(image):
        return filter_valid(image, taps, stride)

    mean_a, mean_b = mean(a), mean(b)
    var_a = (mean(a * a) - mean_a * mean_a).clamp_min(0)
    var_b = (mean(b * b) - mean_b * mean_b).clamp_min(0)
    return mean_a, mean_b, var_a, var_b, mean(a * b) - mean_a * mean_b


def reflect_positions(positions: Tensor, length: int) -> Tensor:
    """Positions within a signal that is continued by reflection about its two ends.

    Args:
        positions (Tensor): Integers, of any sign.
        length (int): Samples of the signal, at least 1. A symbol while ``torch.export`` traces.

    Returns:
        Tensor: The same shape, in [0, length). All 0 for a single sample.
    """
    period = larger(2 * (length - 1), 1)
    # A tensor, for the remainder of a symbol has no counterpart in ONNX.
    positions = positions % torch.full_like(positions, period)
    return torch.minimum(positions, period - positions)


def pad_reflect(image: Tensor, amount: int) -> Tensor:
    """Continue an image by reflection about its border pixels, which are not repeated.

    Unlike :func:`torch.nn.functional.pad`, reflects as often as a small image needs: a
    single row or column is repeated.

    Args:
        image (Tensor): (*, H, W).
        amount (int): Pixels to add on each side.

    Returns:
        Tensor: (*, H + 2 * amount, W + 2 * amount).
    """
    for axis in (-2, -1):
        length = image.shape[axis]
        positions = torch.arange(-amount, length + amount, device=image.device)
        image = image.index_select(axis, reflect_positions(positions, length))
    return image
