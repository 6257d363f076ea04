"""Pixel fidelity to the sources: squared errors, PSNR, correlations."""

import math

import torch
from torch import Tensor

from tsjnet_mm.utils.filtering import subtract_midpoint

from ._conventions import Definition, fusion_metric, mean_of_two

_PIXELS = (1, 2, 3)


def centre(image: Tensor) -> Tensor:
    """Image minus its mean; exactly 0 where it is constant.

    Args:
        image (Tensor): (B, 1, H, W), float.

    Returns:
        Tensor: The same shape.
    """
    # The middle of the range first: that difference is exact for a constant image.
    image = subtract_midpoint(image)
    return image - image.mean(_PIXELS, keepdim=True)


def root(energy: Tensor) -> Tensor:
    """Square root whose derivative at 0 is taken as 0, instead of infinity.

    Args:
        energy (Tensor): At least 0, float.

    Returns:
        Tensor: The same shape.
    """
    zero = energy == 0
    return torch.where(zero, 0, torch.where(zero, 1, energy).sqrt())


def _mean_squared_error(a, b):
    return (a - b).square().mean(_PIXELS)


def _root_mean_squared_error(a, b):
    return root(_mean_squared_error(a, b))


def _norm_per_pixel(a, b):
    return _root_mean_squared_error(a, b) / math.sqrt(a[0].numel())


def _peak_signal_to_noise(a, b):
    return 10 * torch.log10(255**2 / _mean_squared_error(a, b))


_mean_error = mean_of_two(_mean_squared_error)
_mean_norm_per_pixel = mean_of_two(_norm_per_pixel)


def _mean_error_of_unit_range(fused, ir, vi):
    return _mean_error(fused, ir, vi) / 255**2


def _peak_over(error):
    def metric(fused, ir, vi):
        return 10 * torch.log10(255**2 / error(fused, ir, vi))

    return metric


def _brightest_pixel_over_mean_error(fused, ir, vi):
    error = _mean_error(fused, ir, vi)
    ratio = fused.amax(_PIXELS).square() / error
    return 10 * torch.log10(torch.where(error == 0, torch.inf, ratio))


def _correlation(a, b):
    a, b = centre(a), centre(b)
    energy = a.square().sum(_PIXELS) * b.square().sum(_PIXELS)
    constant = energy == 0
    # Masked before the root too: its derivative at 0 would make the gradient NaN.
    value = (a * b).sum(_PIXELS) / torch.where(constant, 1, energy).sqrt()
    return torch.where(constant, 0, value).clamp(-1, 1)


def _correlations_of_differences(fused, ir, vi):
    return _correlation(fused - vi, ir) + _correlation(fused - ir, vi)


MSE_CONVENTIONS = {
    'plain': Definition(_mean_error),
    'tsjnet': Definition(_mean_error),
    'cddfuse': Definition(_mean_error),
    'tang': Definition(_mean_error_of_unit_range),
    'vifb': Definition(_mean_norm_per_pixel),
}
RMSE_CONVENTIONS = {
    'plain': Definition(mean_of_two(_root_mean_squared_error)),
    'vifb': Definition(_mean_norm_per_pixel),
}
PSNR_CONVENTIONS = {
    'plain': Definition(mean_of_two(_peak_signal_to_noise)),
    'tsjnet': Definition(_peak_over(_mean_error)),
    'cddfuse': Definition(_brightest_pixel_over_mean_error),
    'tang': Definition(_peak_over(_mean_error_of_unit_range)),
    'vifb': Definition(_peak_over(_mean_norm_per_pixel)),
}
CC_CONVENTIONS = dict.fromkeys(
    ('plain', 'tsjnet', 'cddfuse', 'tang'), Definition(mean_of_two(_correlation))
)
SCD_CONVENTIONS = dict.fromkeys(
    ('plain', 'cddfuse', 'tang'), Definition(_correlations_of_differences)
)


@fusion_metric(MSE_CONVENTIONS)
def mse(fused: Tensor, ir: Tensor, vi: Tensor, convention: str = 'plain') -> Tensor:
    r"""Mean squared error against the two sources; lower is better.

    .. math:: \mathrm{MSE} = \tfrac12 \sum_{S \in \{A, B\}} \frac{1}{HW} \sum_x (S_x - F_x)^2

    In [0, 65025], 0 where the fused image equals both sources. Differentiable, under
    ``'vifb'`` with a gradient taken as 0 where the fused image equals a source.

    Args:
        convention (str): ``'plain'``, ``'tsjnet'`` and ``'cddfuse'``: as above. ``'tang'``:
            of levels in [0, 1], so divided by 255 squared. ``'vifb'``: the mean of two
            :math:`\lVert S - F \rVert / (HW)`, no square and twice divided by the size, so
            that it falls as images grow.

    Example:
        >>> ir, vi = torch.full((1, 1, 8, 8), 100.0), torch.full((1, 1, 8, 8), 110.0)
        >>> mse(ir, ir, vi)
        tensor([50.])
    """


@fusion_metric(RMSE_CONVENTIONS)
def rmse(fused: Tensor, ir: Tensor, vi: Tensor, convention: str = 'plain') -> Tensor:
    r"""Root mean squared error against the two sources; lower is better.

    .. math::
        \mathrm{RMSE} = \tfrac12 \sum_{S \in \{A, B\}}
        \sqrt{\frac{1}{HW} \sum_x (S_x - F_x)^2}

    In [0, 255], 0 where the fused image equals both sources. Differentiable; where the
    fused image equals a source, the gradient of that term is taken as 0.

    Args:
        convention (str): ``'plain'``: the mean of the two roots, not the root of the mean
            error. ``'vifb'``: the same divided by the root of HW, which is its ``mse``.

    Example:
        >>> ir, vi = torch.full((1, 1, 8, 8), 100.0), torch.full((1, 1, 8, 8), 110.0)
        >>> rmse(ir, ir, vi)
        tensor([5.])
    """


@fusion_metric(PSNR_CONVENTIONS)
def psnr(fused: Tensor, ir: Tensor, vi: Tensor, convention: str = 'plain') -> Tensor:
    r"""Peak signal-to-noise ratio against the two sources, in dB; higher is better.

    .. math::
        \mathrm{PSNR} = \tfrac12 \sum_{S \in \{A, B\}}
        10 \log_{10} \frac{255^2}{\frac{1}{HW} \sum_x (S_x - F_x)^2}

    In [0, inf]: infinite where the fused image equals one of the sources, a case for the
    caller to see. The other conventions have one logarithm of one mean error, and are
    infinite only where the fused image equals both. Differentiable where finite.

    Args:
        convention (str): ``'plain'``: the mean of the two PSNRs, not the PSNR of the mean
            error. ``'tsjnet'``: :math:`10 \log_{10} (255^2 / \mathrm{MSE})` with the mean
            error of :func:`mse`. ``'cddfuse'``: the same with the fused image's brightest
            pixel for 255, so never more, and -inf for a black fused image that differs from
            a source. ``'tang'``: :math:`20 \log_{10} (255 / \sqrt{\mathrm{MSE}})` with that
            convention's error of levels in [0, 1]: 48.13 dB above ``'tsjnet'``. ``'vifb'``:
            the same formula with that convention's ``mse``, so it rises as images grow.

    Example:
        >>> ir, vi = torch.full((1, 1, 8, 8), 0.0), torch.full((1, 1, 8, 8), 255.0)
        >>> psnr(torch.full((1, 1, 8, 8), 127.5), ir, vi)
        tensor([6.0206])
    """


@fusion_metric(CC_CONVENTIONS)
def cc(fused: Tensor, ir: Tensor, vi: Tensor, convention: str = 'plain') -> Tensor:
    r"""Pearson correlation with the two sources; higher is better.

    .. math::
        \mathrm{CC} = \tfrac12 \sum_{S \in \{A, B\}}
        \frac{\sum_x (S_x - \bar S)(F_x - \bar F)}
             {\sqrt{\sum_x (S_x - \bar S)^2 \sum_x (F_x - \bar F)^2}}

    In [-1, 1]. A constant image correlates with nothing: its term is 0, also against
    itself. Differentiable; the gradient of a constant image's term is taken as 0.

    Args:
        convention (str): ``'plain'``, ``'tsjnet'``, ``'cddfuse'`` or ``'tang'``: all as
            above, but for the last two's NaN on constant images.

    Example:
        >>> ramp = torch.arange(64.0).view(1, 1, 8, 8)
        >>> cc(2 * ramp, ramp, 100 - ramp)
        tensor([0.])
    """


@fusion_metric(SCD_CONVENTIONS)
def scd(fused: Tensor, ir: Tensor, vi: Tensor, convention: str = 'plain') -> Tensor:
    r"""Sum of the correlations of differences; higher is better.

    .. math:: \mathrm{SCD} = r(F - B, A) + r(F - A, B)

    with Pearson's :math:`r` as in :func:`cc`: what the fused image adds to one source
    should come from the other (Aslantas and Bendes, "A new image quality metric for image
    fusion: the sum of the correlations of differences", AEU 69(12), 2015). In [-2, 2]. A
    constant difference, such as that from a source which the fused image equals, correlates
    with nothing: its term is 0, and so is a constant source's. Differentiable; the gradient
    of such a term is taken as 0.

    Args:
        convention (str): ``'plain'``, ``'cddfuse'`` or ``'tang'``: all as above, but for
            the last two's NaN on constant differences.

    Example:
        >>> ir, vi = torch.rand(2, 1, 1, 8, 8)
        >>> scd(ir + vi, ir, vi)
        tensor([2.])
    """
