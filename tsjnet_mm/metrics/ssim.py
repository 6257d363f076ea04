"""Structural similarity to the sources.

Paper: Wang, Bovik, Sheikh and Simoncelli, "Image Quality Assessment: From Error Visibility
to Structural Similarity", IEEE TIP 13(4), 2004. What differs between the conventions is
the window, the dynamic range L of its constants, the border, and mean or sum.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from tsjnet_mm.utils.filtering import gaussian_window
from tsjnet_mm.utils.ssim_terms import similarity_terms

from ._conventions import Definition, fusion_metric

_GAUSSIAN = gaussian_window(11, 1.5)
_UNIFORM = (1 / 7,) * 7
#: Wang's code shrinks images until their shorter side is about this long.
_VIEWED_SIZE = 256


def _to_sources(fused, ir, vi, taps=_GAUSSIAN, data_range=255, unbiased=False):
    """Mean SSIM to either source, (2, B)."""
    sources = torch.stack((ir, vi))
    luminance, structure = similarity_terms(sources, fused, taps, data_range, unbiased=unbiased)
    return (luminance * structure).mean((2, 3, 4))


def _mean_of_two(fused, ir, vi):
    return _to_sources(fused, ir, vi).mean(0)


def _sum_of_two(fused, ir, vi):
    return _to_sources(fused, ir, vi).sum(0)


def _downsampled(fused, ir, vi):
    factor = max(1, round(min(fused.shape[-2:]) / _VIEWED_SIZE))
    return _mean_of_two(*(F.avg_pool2d(image, factor) for image in (fused, ir, vi)))


def _scikit_image(fused, ir, vi):
    return _to_sources(fused, ir, vi, _UNIFORM, data_range=2, unbiased=True).sum(0)


def _matlab(fused, ir, vi):
    radius = len(_GAUSSIAN) // 2
    images = (F.pad(image, (radius,) * 4, mode='replicate') for image in (fused, ir, vi))
    return _to_sources(*images, data_range=1).mean(0)


SSIM_CONVENTIONS = {
    'plain': Definition(_mean_of_two, len(_GAUSSIAN)),
    'tsjnet': Definition(_downsampled, len(_GAUSSIAN)),
    'cddfuse': Definition(_scikit_image, len(_UNIFORM)),
    'tang': Definition(_matlab),
    'vifb': Definition(_sum_of_two, len(_GAUSSIAN)),
}


@fusion_metric(SSIM_CONVENTIONS)
def ssim(fused: Tensor, ir: Tensor, vi: Tensor, convention: str = 'plain') -> Tensor:
    r"""Structural similarity to the two sources; higher is better.

    .. math::
        \mathrm{SSIM} = \tfrac12 (\mathrm{ssim}(A, F) + \mathrm{ssim}(B, F)), \quad
        \mathrm{ssim}(a, b) = \operatorname{mean}
        \frac{(2 \mu_a \mu_b + C_1)(2 \sigma_{ab} + C_2)}
             {(\mu_a^2 + \mu_b^2 + C_1)(\sigma_a^2 + \sigma_b^2 + C_2)},
        \quad C_1 = (0.01 L)^2, \; C_2 = (0.03 L)^2

    (Wang et al., IEEE TIP 2004). In [-1, 1], and in [-2, 2] where it is a sum; the upper
    end where the fused image equals both sources. Constant images are no special case: the
    constants of the formula leave the comparison of their levels. Differentiable.

    Under ``'cddfuse'`` and ``'tang'`` the constants are those of images that span 2 levels
    or 1, not 255: nothing softens the comparison of flat areas, where noise then counts in
    full, and the values do not compare with those of the other conventions.

    Args:
        convention (str): ``'plain'``: Gaussian window of 11 pixels and sigma 1.5, L = 255,
            valid area, no downsampling, mean of the two. ``'tsjnet'``: the same after the
            images were average-pooled by max(1, round(min(H, W) / 256)), ties to even, as
            piq does by default and Wang's ``ssim.m`` asks for. ``'cddfuse'``: sum of the
            two; scikit-image's defaults, a uniform window of 7 with sample (co)variances
            over the valid area, and L = 2: the evaluator gives no data range for its float
            images, and scikit-image 0.19, which it pins, then takes that of -1..1 (newer
            versions refuse). ``'tang'``: mean of the two; MATLAB's ``ssim`` of images of
            type double, hence L = 1 although the levels are in 0..255; the Gaussian window
            over the whole area, borders replicated. ``'vifb'``: sum of the two, otherwise
            as ``'plain'``.

    Example:
        >>> ir, vi = 255 * torch.rand(2, 1, 1, 32, 32)
        >>> bool(ssim(ir, ir, vi) > ssim(255 - ir, ir, vi))
        True
    """
