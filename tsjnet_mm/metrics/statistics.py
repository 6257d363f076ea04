"""Statistics of the fused image alone: entropy, contrast, gradients.

They need no source, so noise raises every one of them: none tells a good fusion from a
noisy one by itself.
"""

import math

import torch
from torch import Tensor

from ._conventions import Definition, fusion_metric
from ._gradients import sobel
from .fidelity import centre, root
from .information import (
    grey_histogram,
    round_to_grey_levels,
    shannon_entropy,
)

_PIXELS = (1, 2, 3)


def _of_fused(statistic):
    def metric(fused, ir, vi):
        return statistic(fused)

    return Definition(metric)


def _entropy(image):
    return shannon_entropy(grey_histogram(round_to_grey_levels(image)))


def _standard_deviation(image):
    return root(centre(image).square().mean(_PIXELS))


def _energy_of_steps(image, axis):
    return image.diff(dim=axis).square().sum(_PIXELS)


def _spatial_frequency(image):
    height, width = image.shape[-2:]
    across = _energy_of_steps(image, -1) / (height * max(1, width - 1))
    down = _energy_of_steps(image, -2) / (max(1, height - 1) * width)
    return root(across + down)


def _spatial_frequency_per_pixel(image):
    energy = _energy_of_steps(image, -1) + _energy_of_steps(image, -2)
    return root(energy / image[0].numel())


def _twice_gradient(image, axis):
    last = image.shape[axis] - 1
    if last == 0:
        return torch.zeros_like(image)
    start = 2 * image.narrow(axis, 0, 2).diff(dim=axis)
    inside = image.narrow(axis, 2, last - 1) - image.narrow(axis, 0, last - 1)
    end = 2 * image.narrow(axis, last - 1, 2).diff(dim=axis)
    return torch.cat((start, inside, end), axis)


def _sum_of_gradients(image):
    energy = _twice_gradient(image, -1).square() + _twice_gradient(image, -2).square()
    return root(energy).sum(_PIXELS) / math.sqrt(8)


def _average_gradient(image):
    height, width = image.shape[-2:]
    return _sum_of_gradients(image) / (max(1, height - 1) * max(1, width - 1))


def _mean_gradient(image):
    return _sum_of_gradients(image) / image[0].numel()


def _edge_intensity(image):
    across, down = sobel(image, 'replicate')
    return root(across.square() + down.square()).mean(_PIXELS)


_ALL_BUT_TSJNET = ('plain', 'cddfuse', 'tang', 'vifb')

EN_CONVENTIONS = dict.fromkeys(_ALL_BUT_TSJNET, _of_fused(_entropy))
SD_CONVENTIONS = dict.fromkeys(_ALL_BUT_TSJNET, _of_fused(_standard_deviation))
SF_CONVENTIONS = {
    'plain': _of_fused(_spatial_frequency),
    'cddfuse': _of_fused(_spatial_frequency),
    'tang': _of_fused(_spatial_frequency),
    'vifb': _of_fused(_spatial_frequency_per_pixel),
}
AG_CONVENTIONS = {
    'plain': _of_fused(_average_gradient),
    'cddfuse': _of_fused(_mean_gradient),
    'tang': _of_fused(_average_gradient),
    'vifb': _of_fused(_average_gradient),
}
EI_CONVENTIONS = dict.fromkeys(('plain', 'vifb'), _of_fused(_edge_intensity))


@fusion_metric(EN_CONVENTIONS, reads_sources=False, rejects_nan=True)
def en(fused: Tensor, ir: Tensor, vi: Tensor, convention: str = 'plain') -> Tensor:
    r"""Entropy of the fused image's histogram, in bits; higher is better.

    .. math:: \mathrm{EN} = -\sum_{l=0}^{255} p(l) \log_2 p(l)

    (Roberts, van Aardt and Ahmed, "Assessment of image fusion procedures using entropy,
    image quality, and multispectral classification", Journal of Applied Remote Sensing
    2(1), 2008). In [0, 8]; 0 for a constant image, 8 where all levels occur alike. Pixels
    are rounded to the nearest level first: not for training.

    Args:
        convention (str): ``'plain'``, ``'cddfuse'``, ``'tang'`` or ``'vifb'``: all as above.

    Example:
        >>> fused = torch.arange(256.0).view(1, 1, 16, 16)
        >>> en(fused, fused, fused)
        tensor([8.])
    """


@fusion_metric(SD_CONVENTIONS, reads_sources=False)
def sd(fused: Tensor, ir: Tensor, vi: Tensor, convention: str = 'plain') -> Tensor:
    r"""Standard deviation of the fused image; higher is better.

    .. math:: \mathrm{SD} = \sqrt{\frac{1}{HW} \sum_x (F_x - \bar F)^2}

    of the population: the divisor is HW, not HW - 1. In [0, 127.5]; 0 for a constant image.
    Differentiable; at a constant image the gradient is taken as 0.

    Args:
        convention (str): ``'plain'``, ``'cddfuse'``, ``'tang'`` or ``'vifb'``, where the
            benchmark calls it variance: all as above.

    Example:
        >>> fused = torch.tensor([0.0, 255, 255, 0]).view(1, 1, 2, 2)
        >>> sd(fused, fused, fused)
        tensor([127.5000])
    """


@fusion_metric(SF_CONVENTIONS, reads_sources=False)
def sf(fused: Tensor, ir: Tensor, vi: Tensor, convention: str = 'plain') -> Tensor:
    r"""Spatial frequency of the fused image; higher is better.

    .. math::
        \mathrm{SF} = \sqrt{\mathrm{mean}\big((F_{i,j+1} - F_{i,j})^2\big)
                          + \mathrm{mean}\big((F_{i+1,j} - F_{i,j})^2\big)}

    (Eskicioglu and Fisher, "Image quality measures and their performance", IEEE
    Transactions on Communications 43(12), 1995). In [0, 361]: a chequerboard of black and
    white has 255 times the root of 2. Along an axis of one pixel there are no differences:
    that mean is 0. Differentiable; at a constant image the gradient is taken as 0.

    Args:
        convention (str): ``'plain'``, ``'cddfuse'`` and ``'tang'``: each mean over its own
            differences, H (W - 1) and (H - 1) W of them. ``'vifb'``: both sums divided by
            HW, which gives a little less.

    Example:
        >>> fused = torch.tensor([0.0, 3, 4, 7]).view(1, 1, 2, 2)
        >>> sf(fused, fused, fused)
        tensor([5.])
    """


@fusion_metric(AG_CONVENTIONS, reads_sources=False)
def ag(fused: Tensor, ir: Tensor, vi: Tensor, convention: str = 'plain') -> Tensor:
    r"""Average gradient of the fused image; higher is better.

    .. math::
        \mathrm{AG} = \frac{1}{(H - 1)(W - 1)}
        \sum_x \sqrt{\frac{(\partial_h F_x)^2 + (\partial_v F_x)^2}{2}}

    with half the difference of the two neighbours as the derivative, and the plain
    difference at the border (Cui et al., "Detail preserved fusion of visible and infrared
    images using regional saliency extraction and multi-scale image decomposition", Optics
    Communications 341, 2015). The sum runs over all HW pixels, although the divisor is
    smaller. In [0, 1020]: the divisor lets an image of 2x2 pixels exceed 255. Along an axis
    of one pixel the derivative is 0, and that factor of the divisor is 1. Differentiable;
    where the image is flat the gradient is taken as 0.

    Args:
        convention (str): ``'plain'``, ``'tang'`` and ``'vifb'``: as above. ``'cddfuse'``:
            divided by HW, in [0, 255].

    Example:
        >>> fused = 3 * torch.arange(16.0).view(1, 1, 4, 4)
        >>> ag(fused, fused, fused, 'cddfuse')
        tensor([8.7464])
    """


@fusion_metric(EI_CONVENTIONS, reads_sources=False)
def ei(fused: Tensor, ir: Tensor, vi: Tensor, convention: str = 'plain') -> Tensor:
    r"""Edge intensity of the fused image; higher is better.

    .. math:: \mathrm{EI} = \frac{1}{HW} \sum_x \sqrt{(s_h * F)_x^2 + (s_v * F)_x^2}

    with the Sobel kernels of weight 8, not divided by it, and the border pixels repeated
    beyond the border (Rajalingam and Priya, "Hybrid multimodality medical image fusion
    technique for feature enhancement in medical diagnosis", International Journal of
    Engineering Science Invention, 2018). At least 0, for a constant image, and below 1141,
    which is 255 times the root of 20. Differentiable; where the image is flat the gradient
    is taken as 0.

    Args:
        convention (str): ``'plain'`` or ``'vifb'``: both as above.

    Example:
        >>> fused = torch.tensor([10.0, 11, 11]).expand(1, 1, 5, 3)
        >>> ei(fused, fused, fused)
        tensor([2.6667])
    """
