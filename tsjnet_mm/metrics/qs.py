"""Piella and Heijmans's fusion quality index Q_S, on Wang and Bovik's universal index.

Papers: Piella and Heijmans, "A new quality metric for image fusion", ICIP 2003; Wang and
Bovik, "A universal image quality index", IEEE Signal Processing Letters 9(3), 2002.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from tsjnet_mm.utils.filtering import filter_valid

from ._conventions import Definition, fusion_metric

_SIZE = 8
# Variances are differences of moments of up to 255^2, with rounding errors of some 1e-11;
# a window of whole levels that is not constant has one of at least 1e-3.
_FLAT = 1e-8


class WindowQuality(NamedTuple):
    """Comparison of three images in every window, (B, H', W') each.

    Attributes:
        ir (Tensor): Universal image quality index of infrared and fused image.
        vi (Tensor): Universal image quality index of visible and fused image.
        sources (Tensor): Universal image quality index of infrared and visible image.
        share (Tensor): The infrared image's share of the sources' variance, in [0, 1].
    """

    ir: Tensor
    vi: Tensor
    sources: Tensor
    share: Tensor


def compare_windows(
    fused: Tensor, ir: Tensor, vi: Tensor, taps: Sequence[float]
) -> WindowQuality:
    r"""Universal image quality index of each two of three images, window by window.

    .. math::
        Q_0(a, b) = \frac{2 \mu_a \mu_b}{\mu_a^2 + \mu_b^2} \,
                    \frac{2 \sigma_{ab}}{\sigma_a^2 + \sigma_b^2}

    In [-1, 1]. As in Wang and Bovik's code, the second factor is 1 where both windows are
    constant, and the first where both are black. The share is one half where both sources
    are constant.

    Args:
        fused (Tensor): (B, 1, H, W), float64, levels in 0..255; each side at least
            ``len(taps)``.
        ir (Tensor): Infrared image, the same.
        vi (Tensor): Visible luma, the same.
        taps (Sequence[float]): Separable window of unit sum.

    Returns:
        WindowQuality: Over the valid area.
    """
    images = torch.cat((fused, ir, vi), dim=1)
    products = images * images.roll(1, dims=1)
    moments = filter_valid(torch.cat((images, images.square(), products), dim=1), taps)
    mean, square, product = moments.chunk(3, dim=1)
    previous = mean.roll(1, dims=1)
    power = mean.square() + previous.square()
    variance = (square - mean.square()).clamp_min(0)
    spread = variance + variance.roll(1, dims=1)

    black, flat = power == 0, spread < _FLAT
    level = torch.where(black, 1, 2 * mean * previous / torch.where(black, 1, power))
    spread = torch.where(flat, 1, spread)
    structure = torch.where(flat, 1, 2 * (product - mean * previous) / spread)
    vi_fused, fused_ir, ir_vi = (level * structure).clamp(-1, 1).unbind(1)
    share = torch.where(flat[:, 2], 0.5, variance[:, 1] / spread[:, 2])
    return WindowQuality(fused_ir, vi_fused, ir_vi, share)


def _piella_heijmans(fused, ir, vi):
    quality = compare_windows(fused, ir, vi, (1 / _SIZE,) * _SIZE)
    return torch.lerp(quality.vi, quality.ir, quality.share).mean((1, 2))


QS_CONVENTIONS = {'plain': Definition(_piella_heijmans, _SIZE)}


@fusion_metric(QS_CONVENTIONS)
def qs(fused: Tensor, ir: Tensor, vi: Tensor, convention: str = 'plain') -> Tensor:
    r"""Piella and Heijmans's fusion quality index Q_S; higher is better.

    .. math::
        Q_S = \frac{1}{|W|} \sum_w \lambda(w) Q_0(A, F | w) + (1 - \lambda(w)) Q_0(B, F | w),
        \quad \lambda(w) = \frac{\sigma_A^2(w)}{\sigma_A^2(w) + \sigma_B^2(w)}

    over all windows w of 8x8 pixels, where :math:`Q_0` is Wang and Bovik's universal image
    quality index, see :func:`compare_windows`, and the saliency of a source is its variance.
    Q_S is the first of the paper's three indices, printed as Q or :math:`Q_0` too; the other
    two weight the windows and compare edge images. Zheng Liu's toolbox of fusion metrics
    puts SSIM in the place of :math:`Q_0`, with its constants and its Gaussian window of 11
    pixels; figures from there compare with each other only.

    In [-1, 1], 1 where the fused image equals both sources. Where both windows of a pair are
    constant :math:`Q_0` compares their levels alone, two black ones giving 1; where both
    sources are constant, :math:`\lambda = 1/2`. Differentiable.

    Args:
        convention (str): ``'plain'``: as above.

    Example:
        >>> ir = 255 * torch.rand(1, 1, 32, 32)
        >>> qs(ir, ir, ir)
        tensor([1.])
    """
