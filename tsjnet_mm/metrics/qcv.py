"""Chen and Varshney's human perception metric, Q_CV, which papers print as "CV".

Paper: Chen and Varshney, "A human perception inspired quality metric for image fusion
based on regional information", Information Fusion 8(2), 2007. What the paper leaves open
(stretching, frequencies in cycles per degree, borders) is as in the benchmark VIFB.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from ._conventions import Definition, fusion_metric
from ._gradients import sobel
from ._stretch import stretch

_BLOCK = 16
_SALIENCY_POWER = 5


def _block_means(image):
    height, width = image.shape[-2:]
    return F.avg_pool2d(F.pad(image, (0, -width % _BLOCK, 0, -height % _BLOCK)), _BLOCK)


def _saliency(image):
    across, down = sobel(image, 'zeros')
    energy = across.square() + down.square()
    return _block_means(energy ** (_SALIENCY_POWER / 2))


def contrast_sensitivity(
    height: int,
    width: int,
    dtype: torch.dtype = torch.float64,
    device: torch.device | None = None,
) -> Tensor:
    r"""Mannos and Sakrison's contrast sensitivity on the half-plane of ``rfft2``.

    .. math::
        \theta(r) = 2.6 (0.0192 + 0.144 r) \exp(-(0.144 r)^{1.1}), \quad
        r = \sqrt{(W f_x / 8)^2 + (H f_y / 8)^2}

    with :math:`f_x, f_y` in [-1, 1], 1 being the Nyquist frequency.

    Args:
        height (int): H of the image.
        width (int): W of the image.
        dtype (torch.dtype): Of the result. Defaults to ``torch.float64``.
        device (torch.device, optional): Of the result.

    Returns:
        Tensor: (H, W // 2 + 1).
    """
    options = {'dtype': dtype, 'device': device}
    vertical = 2 * torch.fft.fftfreq(height, **options) * height / 8
    horizontal = 2 * torch.fft.rfftfreq(width, **options) * width / 8
    radius = torch.hypot(vertical[:, None], horizontal[None])
    return 2.6 * (0.0192 + 0.144 * radius) * torch.exp(-((0.144 * radius) ** 1.1))


def _chen_varshney(fused, ir, vi):
    fused, ir, vi = stretch(fused), stretch(ir), stretch(vi)
    size = fused.shape[-2:]
    sensitivity = contrast_sensitivity(*size, fused.dtype, fused.device)
    saliency = torch.cat((_saliency(ir), _saliency(vi)), dim=1)
    difference = torch.cat((ir - fused, vi - fused), dim=1)
    perceived = torch.fft.irfft2(torch.fft.rfft2(difference) * sensitivity, s=size)
    distance = _block_means(perceived.square())
    # Two constant sources leave no block salient: then all count alike.
    saliency = torch.where(saliency.sum((1, 2, 3), True) == 0, 1, saliency)
    return (saliency * distance).sum((1, 2, 3)) / saliency.sum((1, 2, 3))


CV_CONVENTIONS = {name: Definition(_chen_varshney) for name in ('plain', 'tsjnet', 'vifb')}


@fusion_metric(CV_CONVENTIONS)
def qcv(fused: Tensor, ir: Tensor, vi: Tensor, convention: str = 'plain') -> Tensor:
    r"""Chen and Varshney's Q_CV; lower is better.

    Each image is min-max stretched to 0..255 and rounded. Over blocks w of 16x16 pixels,

    .. math::
        Q_{CV} = \frac{\sum_w \lambda_A(w) D_A(w) + \lambda_B(w) D_B(w)}
                      {\sum_w \lambda_A(w) + \lambda_B(w)}

    where :math:`\lambda_S(w)` is the sum of the fifth power of the source's Sobel magnitude
    (zeros beyond the border) and :math:`D_S(w)` the mean square of the difference S - F
    filtered by :func:`contrast_sensitivity`. Blocks cut by the border are filled with zeros.

    At least 0, usually 170 to 2500 on natural pairs. An offset or a gain common to all
    pixels of an image leaves no trace, because of the stretch. A constant image stretches
    to 0; with both sources constant all blocks weigh alike. Differentiable: the gradient
    takes rounding as none and the extremes as given.

    Args:
        convention (str): ``'plain'``, ``'tsjnet'`` or ``'vifb'``: all as above.

    Example:
        >>> ir = 255 * torch.rand(1, 1, 32, 32)
        >>> qcv(ir, ir, ir)
        tensor([0.])
    """
