"""Chen and Blum's perceptual contrast metric, Q_CB.

Paper: Chen and Blum, "A new automated quality assessment algorithm for image fusion", Image
and Vision Computing 27(10), 2009. What it leaves open (stretching, frequencies, windows) is
as in Zheng Liu's toolbox of fusion metrics, which the benchmark VIFB repeats.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from tsjnet_mm.utils.filtering import filter_valid

from ._conventions import Definition, fusion_metric
from ._stretch import stretch

_RADIUS = 15
_SATURATION = 1e-4
# Far above the rounding errors of Fourier transforms of levels up to 255, which would pass
# for contrast in a constant image, and far below any relevant response.
_NO_RESPONSE = 1e-9


def _contrast_sensitivity(height, width, **options):
    vertical = 2 * torch.fft.fftfreq(height, **options) * height / 30
    horizontal = 2 * torch.fft.rfftfreq(width, **options) * width / 30
    square = vertical[:, None].square() + horizontal.square()
    return torch.exp(-square / 15.3870**2) - 0.7622 * torch.exp(-square / 1.3456**2)


def _blur(image, sigma):
    taps = [
        math.exp(-(k**2) / (2 * sigma**2)) / (math.sqrt(2 * math.pi) * sigma)
        for k in range(-_RADIUS, _RADIUS + 1)
    ]
    return filter_valid(F.pad(image, (_RADIUS,) * 4), taps)


def _masked_contrast(images):
    size = images.shape[-2:]
    sensitivity = _contrast_sensitivity(*size, dtype=images.dtype, device=images.device)
    response = torch.fft.irfft2(torch.fft.rfft2(images) * sensitivity, s=size)
    centre, surround = _blur(response, 2), _blur(response, 4)
    silent = surround.abs() < _NO_RESPONSE
    contrast = torch.where(silent, 0, centre / surround - 1).abs()
    square = contrast.square()
    return contrast * square / (square + _SATURATION)


def _chen_blum(fused, ir, vi):
    contrast = _masked_contrast(torch.cat([stretch(x) for x in (fused, ir, vi)], dim=1))
    fused, sources = contrast[:, :1], contrast[:, 1:]
    greater = torch.maximum(fused, sources)
    preserved = torch.where(greater == 0, 1, torch.minimum(fused, sources) / greater)
    saliency_ir, saliency_vi = sources.square().unbind(1)
    total = saliency_ir + saliency_vi
    share = torch.where(total == 0, 0.5, saliency_ir / total)
    preserved_ir, preserved_vi = preserved.unbind(1)
    return torch.lerp(preserved_vi, preserved_ir, share).mean((1, 2))


QCB_CONVENTIONS = {name: Definition(_chen_blum) for name in ('plain', 'vifb')}


@fusion_metric(QCB_CONVENTIONS)
def qcb(fused: Tensor, ir: Tensor, vi: Tensor, convention: str = 'plain') -> Tensor:
    r"""Chen and Blum's Q_CB; higher is better.

    Each image is min-max stretched to 0..255, rounded, and filtered on the circle by the
    contrast sensitivity

    .. math::
        S(r) = e^{-(r / 15.3870)^2} - 0.7622 \, e^{-(r / 1.3456)^2}, \quad
        r = \sqrt{(W f_x / 30)^2 + (H f_y / 30)^2}

    with :math:`f_x, f_y` in [-1, 1], 1 being the Nyquist frequency. From the response I,
    with :math:`G_\sigma` a Gaussian cut to 31x31 pixels (not of unit sum, zeros beyond the
    border), follow the contrast and the masked contrast

    .. math::
        C = \left| \frac{G_2 * I}{G_4 * I} - 1 \right|, \quad
        C' = \frac{C^3}{C^2 + 0.0001}

    and the metric is the mean over pixels of

    .. math::
        \frac{C_A'^2 Q_{AF} + C_B'^2 Q_{BF}}{C_A'^2 + C_B'^2}, \quad
        Q_{SF} = \frac{\min(C_S', C_F')}{\max(C_S', C_F')}

    In [0, 1], 1 where the fused image equals both sources. Where :math:`|G_4 * I|` is below
    1e-9, so everywhere in a constant image, there is no contrast, C = 0. No contrast in both
    a source and the fused image counts as preserved (:math:`Q_{SF} = 1`), and none in both
    sources weighs them alike: so three constant images give 1. An offset or a positive gain
    common to all pixels of an image leaves no trace beyond rounding. The rounding has no
    useful gradient: not for training.

    Args:
        convention (str): ``'plain'`` or ``'vifb'``: both as above.

    Example:
        >>> ir = 255 * torch.rand(1, 1, 32, 32)
        >>> qcb(ir, ir, ir)
        tensor([1.])
    """
