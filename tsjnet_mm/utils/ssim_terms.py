"""Structural similarity, the core that both the training loss and the metric call.

Paper: Wang et al., "Image Quality Assessment: From Error Visibility to Structural
Similarity", IEEE TIP 13(4), 2004, Eq. 13, with the settings of its authors: Gaussian
window of 11 pixels and sigma 1.5, population (not sample) statistics, and only windows
that lie wholly inside the image.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from .filtering import gaussian_window, local_moments

_REDUCTIONS = ('mean', 'image', 'none')


def _check(a, b, data_range, window_size, reduction):
    for name, image in (('a', a), ('b', b)):
        if not isinstance(image, Tensor):
            raise TypeError(f'{name} must be a torch.Tensor, got {type(image).__name__}')
        if image.dtype not in (torch.float32, torch.float64):
            raise TypeError(f'{name} must be float32 or float64, got {image.dtype}')
        if image.dim() != 4:
            raise ValueError(f'{name} must have shape (B, C, H, W), got {tuple(image.shape)}')
    if a.shape != b.shape or a.dtype != b.dtype:
        raise ValueError(
            f'a and b must agree in shape and dtype, got {tuple(a.shape)} {a.dtype} '
            f'and {tuple(b.shape)} {b.dtype}'
        )
    if min(a.shape[-2:]) < window_size:
        raise ValueError(
            f'SSIM with a window of {window_size} needs sides of at least {window_size} '
            f'pixels, got {a.shape[-2]}x{a.shape[-1]}'
        )
    if not data_range > 0:
        raise ValueError(f'data_range must be above 0, got {data_range}')
    if reduction not in _REDUCTIONS:
        raise ValueError(f'reduction must be one of {_REDUCTIONS}, got {reduction!r}')


def similarity_terms(
    a: Tensor,
    b: Tensor,
    taps: Sequence[float],
    data_range: float,
    k1: float = 0.01,
    k2: float = 0.03,
    unbiased: bool = False,
) -> tuple[Tensor, Tensor]:
    r"""Luminance and contrast-structure terms of SSIM, one of each per window.

    .. math::
        l = \frac{2 \mu_a \mu_b + C_1}{\mu_a^2 + \mu_b^2 + C_1}, \quad
        cs = \frac{2 \sigma_{ab} + C_2}{\sigma_a^2 + \sigma_b^2 + C_2}, \quad
        C_i = (k_i L)^2

    Args:
        a (Tensor): (*, H, W), float32 or float64; each side at least ``len(taps)``.
        b (Tensor): The same dtype, and the same shape or one that broadcasts to ``a``'s.
        taps (Sequence[float]): Separable window of unit sum.
        data_range (float): L, the span of the values.
        k1 (float): Constant of the luminance term. Defaults to 0.01.
        k2 (float): Constant of the contrast-structure term. Defaults to 0.03.
        unbiased (bool): Variances and covariance of a sample, N / (N - 1) times those of a
            population, N the pixels of the window. Defaults to False.

    Returns:
        tuple[Tensor, Tensor]: The two terms over the valid area.
    """
    mean_a, mean_b, var_a, var_b, cov = local_moments(a, b, taps)
    c1 = (k1 * data_range) ** 2
    c2 = (k2 * data_range) ** 2
    if unbiased:
        c2 *= 1 - 1 / len(taps) ** 2
    luminance = (2 * mean_a * mean_b + c1) / (mean_a**2 + mean_b**2 + c1)
    return luminance, (2 * cov + c2) / (var_a + var_b + c2)


def structural_similarity(
    a: Tensor,
    b: Tensor,
    data_range: float,
    window_size: int = 11,
    sigma: float = 1.5,
    k1: float = 0.01,
    k2: float = 0.03,
    reduction: str = 'mean',
) -> Tensor:
    r"""Structural similarity (SSIM) of two images.

    .. math::
        \mathrm{SSIM}(a, b) =
        \frac{(2 \mu_a \mu_b + C_1)(2 \sigma_{ab} + C_2)}
             {(\mu_a^2 + \mu_b^2 + C_1)(\sigma_a^2 + \sigma_b^2 + C_2)},
        \quad C_i = (k_i L)^2

    Differentiable in both images. Windows reach no further than the image: no padding.

    Args:
        a (Tensor): (B, C, H, W), float32 or float64, values spanning ``data_range``. Float32
            is exact to about 1e-5 for any range.
        b (Tensor): The same shape and dtype. SSIM is symmetric in ``a`` and ``b``.
        data_range (float): L, the span of the values: 1 for [0, 1], 255 for 8-bit levels.
        window_size (int): Taps of the Gaussian window. Defaults to 11.
        sigma (float): Its standard deviation. Defaults to 1.5.
        k1 (float): Constant of the luminance term. Defaults to 0.01.
        k2 (float): Constant of the contrast-structure term. Defaults to 0.03.
        reduction (str): ``'mean'`` over everything, ``'image'`` for the mean of each image,
            ``'none'`` for the map. Defaults to ``'mean'``.

    Returns:
        Tensor: () for ``'mean'``, (B,) for ``'image'``, else
        (B, C, H - window_size + 1, W - window_size + 1); in [-1, 1], 1 for equal images.

    Raises:
        TypeError: An image is no float32 or float64 tensor.
        ValueError: Shapes differ or are not 4-dimensional, a side is smaller than the
            window, or an option is unknown.

    Example:
        >>> image = torch.rand(2, 1, 32, 32)
        >>> structural_similarity(image, image, data_range=1.0)
        tensor(1.)
    """
    _check(a, b, data_range, window_size, reduction)
    taps = gaussian_window(window_size, sigma)
    luminance, structure = similarity_terms(a, b, taps, data_range, k1, k2)
    similarity = luminance * structure
    if reduction == 'none':
        return similarity
    return similarity.mean() if reduction == 'mean' else similarity.mean(dim=(1, 2, 3))
