"""Visual information fidelity in the pixel domain.

Paper: Sheikh and Bovik, "Image Information and Visual Quality", IEEE TIP 15(2), 2006. This
is its authors' multi-scale pixel-domain simplification (``vifp``), not the wavelet VIF.
"""

import torch

from tsjnet_mm.evaluation.functional._conventions import evaluate, mean_of_two
from tsjnet_mm.utils.filtering import filter_valid, gaussian_window, local_moments

_SCALES = 4
#: The shortest side that leaves a window at the fourth scale.
_MIN_SIZE = 41
_NOISE = 2.0
_EPS = 1e-10


def _gain_and_noise(var_ref, var_dist, cov):
    # Distorted = gain * reference + noise; where that model fails, all of it is noise.
    gain = cov / (var_ref + _EPS)
    noise = var_dist - gain * cov
    flat_ref, flat_dist, inverted = var_ref < _EPS, var_dist < _EPS, gain < 0
    gain = gain.masked_fill(flat_ref | flat_dist | inverted, 0)
    noise = torch.where(flat_ref | inverted, var_dist, noise)
    return gain, noise.masked_fill(flat_dist, 0).clamp_min(_EPS)


def visual_information_fidelity(reference, distorted):
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
        reference (Tensor): (B, 1, H, W), float64, levels in 0..255; sides at least 41.
        distorted (Tensor): The same shape and dtype.

    Returns:
        Tensor: (B,), at least 0; 1 for equal images, above 1 where contrast is enhanced, 0
        for a constant reference, which holds no information to keep.
    """
    kept = total = 0
    # Only variances and covariances count, so the level is free to go. With it goes the
    # rounding that would make a constant image look textured.
    reference, distorted = (
        image - ((image.amin((1, 2, 3), True) + image.amax((1, 2, 3), True)) / 2).detach()
        for image in (reference, distorted)
    )
    for scale in range(_SCALES):
        size = 2 ** (_SCALES - scale) + 1
        taps = gaussian_window(size, size / 5)
        if scale:
            reference = filter_valid(reference, taps)[..., ::2, ::2]
            distorted = filter_valid(distorted, taps)[..., ::2, ::2]
        _, _, var_ref, var_dist, cov = local_moments(reference, distorted, taps)
        gain, noise = _gain_and_noise(var_ref, var_dist, cov)
        var_ref = var_ref.masked_fill(var_ref < _EPS, 0)
        kept = kept + torch.log10(1 + gain**2 * var_ref / (noise + _NOISE)).sum((1, 2, 3))
        total = total + torch.log10(1 + var_ref / _NOISE).sum((1, 2, 3))
    empty = total == 0
    return torch.where(empty, 0, kept / torch.where(empty, 1, total))


VIF_CONVENTIONS = {'plain': mean_of_two(visual_information_fidelity)}


def vif(fused, ir, vi, convention='plain'):
    r"""Visual information fidelity of the fused image; higher is better.

    .. math:: \mathrm{VIF} = \tfrac12 (\mathrm{vifp}(A, F) + \mathrm{vifp}(B, F))

    See :func:`visual_information_fidelity`; each source is the reference in turn. At least
    0, about 1 where the fused image keeps all of both sources, more where it enhances
    contrast. The term of a constant source is 0. Differentiable almost everywhere; where
    a local variance is zero the gradient takes the flat branch.

    Args:
        fused (Tensor): (B, 1, H, W), float32 or float64, levels in 0..255; H and W at
            least 41, so that four scales fit.
        ir (Tensor): Infrared image, the same shape, dtype and device.
        vi (Tensor): Visible luma, the same.
        convention (str): ``'plain'``: pixel domain, mean of the two.

    Returns:
        Tensor: (B,), dtype of ``fused``.

    Raises:
        TypeError: An image is no float32 or float64 tensor.
        ValueError: Shapes do not fit, a side is shorter than 41 pixels, or the convention
            is unknown.

    Example:
        >>> ir, vi = 255 * torch.rand(2, 1, 1, 48, 48)
        >>> bool(vif((ir + vi) / 2, ir, vi) > vif(torch.zeros_like(ir), ir, vi))
        True
    """
    return evaluate(VIF_CONVENTIONS, convention, fused, ir, vi, min_size=_MIN_SIZE)
