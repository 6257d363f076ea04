"""Small separable filters and windowed moments, exact in every backend."""

import functools
import math

import torch


@functools.lru_cache(maxsize=64)
def gaussian_window(size, sigma):
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


def filter_valid(image, taps):
    """Correlate with a separable window, keeping the positions where it fits.

    A sum of shifted images, not a convolution call: so neither TF32 nor autocast can lower
    its precision, which differences of moments do not forgive, and on CPU it is faster.

    Args:
        image (Tensor): (*, H, W), float; each side at least ``len(taps)``.
        taps (Sequence[float]): The window along either axis.

    Returns:
        Tensor: (*, H - len(taps) + 1, W - len(taps) + 1).
    """
    for axis in (-1, -2):
        length = image.shape[axis] - len(taps) + 1
        total = image.narrow(axis, 0, length) * taps[0]
        for start, tap in enumerate(taps[1:], start=1):
            total = torch.add(total, image.narrow(axis, start, length), alpha=tap)
        image = total
    return image


def local_moments(a, b, taps):
    """Windowed means, variances and covariance of two images.

    Args:
        a (Tensor): (*, H, W), float32 or float64.
        b (Tensor): The same shape and dtype.
        taps (Sequence[float]): Separable window of unit sum.

    Returns:
        tuple[Tensor, ...]: ``mean_a, mean_b, var_a, var_b, cov``, each over the valid area.
        Variances are clamped at 0.
    """
    moments = filter_valid(torch.stack((a, b, a * a, b * b, a * b)), taps)
    mean_a, mean_b, square_a, square_b, product = moments.unbind(0)
    var_a = (square_a - mean_a * mean_a).clamp_min(0)
    var_b = (square_b - mean_b * mean_b).clamp_min(0)
    return mean_a, mean_b, var_a, var_b, product - mean_a * mean_b


def pad_reflect(image, amount):
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
        last = image.shape[axis] - 1
        positions = torch.arange(-amount, last + 1 + amount, device=image.device)
        if last:
            positions = last - (positions % (2 * last) - last).abs()
        image = image.index_select(axis, positions.clamp(0, last))
    return image
