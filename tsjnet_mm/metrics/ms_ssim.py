"""Multi-scale structural similarity to the sources.

Papers: Wang, Simoncelli and Bovik, "Multi-scale structural similarity for image quality
assessment", Asilomar 2003; and for the convention ``'tang'`` Ma, Zeng and Wang, IEEE TIP
24(11), 2015, see :mod:`.mef_ssim`.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from tsjnet_mm.utils.filtering import gaussian_window
from tsjnet_mm.utils.ssim_terms import similarity_terms

from ._conventions import Definition, fusion_metric
from .mef_ssim import multi_exposure_similarity

_WINDOW = gaussian_window(11, 1.5)
_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
_MEF_WEIGHTS = tuple(weight / sum(_WEIGHTS[:3]) for weight in _WEIGHTS[:3])


def _halve(image):
    """Means of 2x2 pixels; an odd side is continued by its last pixel."""
    height, width = image.shape[-2:]
    image = F.pad(image, (0, width % 2, 0, height % 2), mode='replicate')
    return F.avg_pool2d(image, 2)


def _power(value, exponent):
    """A power, with a gradient of 0 where the value is not above 0 and gives 0."""
    positive = value > 0
    return torch.where(positive, torch.where(positive, value, 1) ** exponent, 0)


def _scales(images, count):
    """The images, and then again and again at half their size."""
    yield images
    for _ in range(count - 1):
        images = tuple(_halve(image) for image in images)
        yield images


def _wang(fused, ir, vi):
    product = 1
    last = len(_WEIGHTS) - 1
    for scale, images in enumerate(_scales((fused, ir, vi), len(_WEIGHTS))):
        sources = torch.stack(images[1:])
        luminance, similarity = similarity_terms(sources, images[0], _WINDOW, data_range=255)
        if scale == last:
            similarity = luminance * similarity
        product = product * _power(similarity.mean((2, 3, 4)), _WEIGHTS[scale])
    return product.mean(0)


def _multi_exposure(fused, ir, vi):
    product = 1
    scales = _scales((fused, ir, vi), len(_MEF_WEIGHTS))
    for weight, images in zip(_MEF_WEIGHTS, scales, strict=True):
        product = product * _power(multi_exposure_similarity(*images), weight)
    return product


MS_SSIM_CONVENTIONS = {
    'plain': Definition(_wang, 161),
    'tang': Definition(_multi_exposure, 44),
}


@fusion_metric(MS_SSIM_CONVENTIONS)
def ms_ssim(fused: Tensor, ir: Tensor, vi: Tensor, convention: str = 'plain') -> Tensor:
    r"""Multi-scale structural similarity to the two sources; higher is better.

    .. math::
        \mathrm{MS\text{-}SSIM} = \tfrac12 (\mathrm{ms}(A, F) + \mathrm{ms}(B, F)), \quad
        \mathrm{ms}(a, b) = \left(\overline{l_5 \, cs_5}\right)^{\beta_5}
        \prod_{j=1}^{4} \left(\overline{cs_j}\right)^{\beta_j}

    with the luminance and contrast-structure terms of
    :func:`~tsjnet_mm.utils.ssim_terms.similarity_terms` (Gaussian window of 11 pixels and sigma
    1.5, L = 255, valid area), the mean over the image before the power, and
    :math:`\beta` = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333). From scale to scale 2x2 pixels
    are averaged, odd sides continued by their last pixel. A negative mean counts as 0, where
    a power would not be real. Sides of 161 pixels let five scales fit. (The authors' code
    refuses sides below 176.)

    In [0, 1], 1 where the fused image equals both sources; 1 also for three constant images
    of one level. Differentiable; the gradient of a value of 0 is 0.

    Args:
        convention (str): ``'plain'``: as above. ``'tang'``: not this, but the
            multi-exposure measure of Ma, Zeng and Wang with the two sources as the
            sequence: the product of :func:`.multi_exposure_similarity` at three scales to
            the powers (0.0448, 0.2856, 0.3001) / 0.6305; a negative one counts as 0 (the
            original's result is complex there). Never looks at the luminance, and reaches
            1 for the desired fusion, not for a source. Differentiable in ``fused`` alone.

    Example:
        >>> ir, vi = 255 * torch.rand(2, 1, 1, 161, 161)
        >>> bool(ms_ssim((ir + vi) / 2, ir, vi) > ms_ssim(255 - ir, ir, vi))
        True
    """
