"""Visual information fidelity for fusion.

Paper: Han, Cai, Cao and Xu, "A new image fusion performance metric based on visual
information fidelity", Information Fusion 14(2), 2013, with the constants of its authors'
``VIFF_Public``.
"""

import torch
from torch import Tensor

from ._conventions import Definition, fusion_metric
from .vif import PIXEL_MIN_SIZE, pixel_channels

_NOISE = 0.005 * 255**2
_C = 1e-7
#: Scale, counted from the finest, -> weight; the second one has none.
_WEIGHTS = {0: 1 / 2.15, 2: 0.15 / 2.15, 3: 1 / 2.15}


def _information_fidelity_for_fusion(fused, ir, vi):
    channels = pixel_channels(torch.stack((ir, vi)), fused, wanted=_WEIGHTS)
    fidelity = 0
    for weight, (variance, gain, noise) in zip(_WEIGHTS.values(), channels, strict=True):
        with_distortion = torch.log10(1 + gain * gain * variance / (noise + _NOISE))
        without = torch.log10(1 + variance / _NOISE)
        from_ir = gain[0] < gain[1]
        kept, total = (
            (torch.where(from_ir, *information) + _C).sum((1, 2, 3))
            for information in (with_distortion, without)
        )
        fidelity = fidelity + weight * kept / total
    return fidelity


VIFF_CONVENTIONS = {'plain': Definition(_information_fidelity_for_fusion, PIXEL_MIN_SIZE)}


@fusion_metric(VIFF_CONVENTIONS)
def viff(fused: Tensor, ir: Tensor, vi: Tensor, convention: str = 'plain') -> Tensor:
    r"""Visual information fidelity for fusion (VIFF); higher is better.

    .. math::
        \mathrm{VIFF} = \sum_s p_s \frac
        {\sum_x \left[\log_{10}\left(1 + \frac{g^2 \sigma^2}{\sigma_V^2 + 325.125}\right)
         + 10^{-7}\right]}
        {\sum_x \left[\log_{10}\left(1 + \frac{\sigma^2}{325.125}\right) + 10^{-7}\right]},
        \quad p = (1, 0, 0.15, 1) / 2.15

    with the windows, scales, gain g and noise :math:`\sigma_V^2` of the pixel-domain VIF
    (:func:`.visual_information_fidelity`). At each window the statistics are those of the
    source whose gain is less; those of the visible image where the gains are equal, as where
    both sources are flat or inverted there. That rule makes the two not quite
    interchangeable, all the rest of the metric is symmetric.

    At least 0; about 1 where the fused image keeps everything, more where it enhances
    contrast. Images that hold no information give 1: nothing was lost; a constant fused
    image of a visible one with texture gives almost 0. Differentiable almost everywhere.

    CDDFuse's evaluator calls ``VIFF`` what is :func:`.vif` under ``'cddfuse'``, not this.

    Args:
        convention (str): ``'plain'``: as above.

    Example:
        >>> ir, vi = 255 * torch.rand(2, 1, 1, 48, 48)
        >>> bool(viff((ir + vi) / 2, ir, vi) > viff(torch.zeros_like(ir), ir, vi))
        True
    """
