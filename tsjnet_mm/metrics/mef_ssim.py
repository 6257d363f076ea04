"""Structural similarity to a sequence of two sources, at one scale.

Paper: Ma, Zeng and Wang, "Perceptual Quality Assessment for Multi-Exposure Image Fusion",
IEEE TIP 24(11), 2015. It is made for exposures of one scene; the field applies it to an
infrared and a visible image all the same.
"""

import math

import torch
from torch import Tensor

from tsjnet_mm.utils.filtering import (
    filter_valid,
    gaussian_window,
    local_moments,
    subtract_midpoint,
)

_SIZE = 11
_UNIFORM = (1 / _SIZE,) * _SIZE
_GAUSSIAN = gaussian_window(_SIZE, 1.5)
_C = (0.03 * 255) ** 2
_STRENGTH_OF_FLAT = 1e-3
_MAX_POWER = 10
_EPS = torch.finfo(torch.float64).eps
#: A combination of patches with less variance, for weights of 1, is rounding.
_CANCELLED = 1e-9


def multi_exposure_similarity(fused: Tensor, ir: Tensor, vi: Tensor) -> Tensor:
    r"""Similarity of an image to the desired fusion of two, patch by patch.

    The structure wanted in a patch of 11x11 pixels combines the centred patches
    :math:`\tilde x_k` of the sources, and has the contrast of the stronger one:

    .. math::
        \hat x = \frac{\max_k c_k}{\lVert \bar x \rVert} \bar x, \quad
        \bar x = \sum_k \frac{w_k}{\sum_l w_l} \frac{\tilde x_k}{c_k}, \quad
        c_k = \lVert \tilde x_k \rVert + 0.001, \quad
        w_k = \left(\frac{c_k}{11}\right)^p, \quad
        p = \min\left(10, \tan \frac{\pi R}{2}\right), \quad
        R = \frac{\lVert \sum_k \tilde x_k \rVert}{\sum_k \lVert \tilde x_k \rVert}

    With a Gaussian window of 11 pixels and sigma 1.5, the similarity is the mean over the
    patches that lie inside the image of

    .. math::
        \frac{2 \sigma_{\hat x F} + C}{\sigma_{\hat x}^2 + \sigma_F^2 + C},
        \quad C = (0.03 \cdot 255)^2

    All of it follows from local variances and covariances. Where the sources cancel each
    other in :math:`\bar x`, no structure is wanted.

    Args:
        fused (Tensor): (B, 1, H, W), float64, levels in 0..255; sides at least 11.
        ir (Tensor): The same shape and dtype.
        vi (Tensor): The same.

    Returns:
        Tensor: (B,), in [-1, 1].
    """
    fused, ir, vi = (subtract_midpoint(image) for image in (fused, ir, vi))
    _, _, var_ir, var_vi, cov = local_moments(ir, vi, _UNIFORM)
    norms = _SIZE * torch.stack((var_ir, var_vi)).sqrt()
    norm_of_sum = _SIZE * (var_ir + var_vi + 2 * cov).clamp_min(0).sqrt()
    consistency = ((norm_of_sum + _EPS) / (norms.sum(0) + _EPS)).clamp_max(1 - _EPS)
    power = torch.tan(math.pi / 2 * consistency).clamp_max(_MAX_POWER)
    strengths = norms + _STRENGTH_OF_FLAT
    weights = (strengths / _SIZE) ** power + _EPS
    of_ir, of_vi = weights / weights.sum(0) / strengths
    variance = of_ir**2 * var_ir + 2 * of_ir * of_vi * cov + of_vi**2 * var_vi
    variance = variance.clamp_min(_CANCELLED * (of_ir + of_vi) ** 2)
    scale = strengths.amax(0) / (_SIZE * variance.sqrt())
    of_ir, of_vi = scale * of_ir, scale * of_vi

    sources = torch.stack((ir, vi))
    means, _, (var_ir, var_vi), var_fused, (cov_ir, cov_vi) = local_moments(
        sources, fused, _GAUSSIAN
    )
    cov = filter_valid(ir * vi, _GAUSSIAN) - means[0] * means[1]
    variance = of_ir**2 * var_ir + 2 * of_ir * of_vi * cov + of_vi**2 * var_vi
    cov_fused = of_ir * cov_ir + of_vi * cov_vi
    similarity = (2 * cov_fused + _C) / (variance + var_fused + _C)
    return similarity.mean((1, 2, 3))
