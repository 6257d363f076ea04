"""Visual information fidelity.

Paper: Sheikh and Bovik, "Image Information and Visual Quality", IEEE TIP 15(2), 2006. All
conventions but ``'tsjnet'`` mean its authors' multi-scale pixel-domain simplification
(``vifp``), which is here; the wavelet VIF of the paper itself is in :mod:`.wavelet_vif`.
"""

from collections.abc import Container, Iterator

import torch
from torch import Tensor

from tsjnet_mm.utils.filtering import (
    filter_valid,
    gaussian_window,
    local_moments,
    subtract_midpoint,
)

from ._conventions import Definition, fusion_metric
from .wavelet_vif import (
    EPS,
    WAVELET_MIN_SIZE,
    distortion_channel,
    wavelet_information_fidelity,
)

#: The shortest side that leaves a window at the fourth scale.
PIXEL_MIN_SIZE = 41
_SCALES = 4
_NOISE = 2.0
_PIXELS = (-3, -2, -1)


def pixel_channels(
    reference: Tensor, distorted: Tensor, wanted: Container[int] = range(_SCALES)
) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Statistics of the pixel-domain VIF, scale by scale from the finest.

    Args:
        reference (Tensor): (*, 1, H, W), float64; sides at least 41.
        distorted (Tensor): The same shape, or one that broadcasts to it.
        wanted (Container[int]): Scales to give, of 0 to 3. Defaults to all.

    Yields:
        tuple[Tensor, Tensor, Tensor]: Of each window, the variance of the reference (0 where
        it is flat), and the gain and the noise of :func:`.distortion_channel`.
    """
    reference, distorted = subtract_midpoint(reference), subtract_midpoint(distorted)
    for scale in range(_SCALES):
        size = 2 ** (_SCALES - scale) + 1
        taps = gaussian_window(size, size / 5)
        if scale:
            reference = filter_valid(reference, taps, stride=2)
            distorted = filter_valid(distorted, taps, stride=2)
        if scale in wanted:
            _, _, var_ref, var_dist, cov = local_moments(reference, distorted, taps)
            gain, noise = distortion_channel(var_ref, var_dist, cov)
            yield var_ref.masked_fill(var_ref < EPS, 0), gain, noise


def visual_information_fidelity(
    reference: Tensor, distorted: Tensor, of_nothing: float = 0.0
) -> Tensor:
    r"""Pixel-domain visual information fidelity (vifp) of single images.

    .. math::
        \mathrm{VIF} = \frac
        {\sum_{s=1}^{4} \sum_x \log_{10}\left(1 + \frac{g^2 \sigma_R^2}{\sigma_V^2 + 2}\right)}
        {\sum_{s=1}^{4} \sum_x \log_{10}\left(1 + \frac{\sigma_R^2}{2}\right)},
        \quad g = \frac{\sigma_{RD}}{\sigma_R^2},
        \quad \sigma_V^2 = \sigma_D^2 - g \sigma_{RD}

    Scale s uses a Gaussian window of :math:`2^{5-s} + 1` pixels, sigma a fifth of that,
    over the valid area; from scale to scale the images are filtered and every second
    pixel kept.

    Args:
        reference (Tensor): (..., 1, H, W), float64, levels in 0..255; sides at least 41.
        distorted (Tensor): The same dtype; the same shape or one that broadcasts to it.
        of_nothing (float): Value where the reference is constant and so holds no
            information to keep. Defaults to 0.

    Returns:
        Tensor: (...), at least 0; 1 for equal images, above 1 where contrast is enhanced.
    """
    kept = total = 0
    for var_ref, gain, noise in pixel_channels(reference, distorted):
        kept = kept + torch.log10(1 + gain * gain * var_ref / (noise + _NOISE)).sum(_PIXELS)
        total = total + torch.log10(1 + var_ref / _NOISE).sum(_PIXELS)
    empty = total == 0
    return torch.where(empty, of_nothing, kept / torch.where(empty, 1, total))


def _to_sources(fused, ir, vi, of_nothing=0.0):
    return visual_information_fidelity(torch.stack((ir, vi)), fused, of_nothing)


def _mean_of_two(fused, ir, vi):
    return _to_sources(fused, ir, vi).mean(0)


def _sum_of_two(fused, ir, vi):
    return _to_sources(fused, ir, vi).sum(0)


def _cddfuse(fused, ir, vi):
    return _to_sources(fused, ir, vi, of_nothing=1.0).sum(0)


def _reversed_wavelet(fused, ir, vi):
    return wavelet_information_fidelity(fused, torch.stack((ir, vi))).mean(0)


VIF_CONVENTIONS = {
    'plain': Definition(_mean_of_two, PIXEL_MIN_SIZE),
    'tsjnet': Definition(_reversed_wavelet, WAVELET_MIN_SIZE),
    'cddfuse': Definition(_cddfuse, PIXEL_MIN_SIZE),
    'tang': Definition(_sum_of_two, PIXEL_MIN_SIZE),
}


@fusion_metric(VIF_CONVENTIONS)
def vif(fused: Tensor, ir: Tensor, vi: Tensor, convention: str = 'plain') -> Tensor:
    r"""Visual information fidelity of the fused image; higher is better.

    .. math:: \mathrm{VIF} = \tfrac12 (\mathrm{vifp}(A, F) + \mathrm{vifp}(B, F))

    See :func:`visual_information_fidelity`; each source is the reference in turn. At least
    0, about 1 where the fused image keeps all of both sources (2 where it is a sum), more
    where it enhances contrast. The term of a constant source is 0. Differentiable almost
    everywhere, except under ``'tsjnet'``; where a local variance is zero the gradient takes
    the flat branch.

    Args:
        convention (str): ``'plain'``: pixel domain, mean of the two. ``'tsjnet'``: mean of
            the two wavelet VIFs (:func:`.wavelet_information_fidelity`) with the fused
            image as the reference and the source as what is distorted; at least 0, 0 for a
            constant fused image. ``'cddfuse'``: pixel domain, sum of the two, the term of
            a constant source is 1; that evaluator prints it as ``VIF`` but its function is
            named ``VIFF``, which here is another metric, :func:`.viff`. ``'tang'``: pixel
            domain, sum of the two; the original gives NaN for a constant source.

    Example:
        >>> ir, vi = 255 * torch.rand(2, 1, 1, 48, 48)
        >>> bool(vif((ir + vi) / 2, ir, vi) > vif(torch.zeros_like(ir), ir, vi))
        True
    """
