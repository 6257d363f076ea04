"""Fusion without learning: baselines for networks.

The pyramid is Burt and Adelson's ("The Laplacian Pyramid as a Compact Image Code", IEEE
Trans. Communications 31(4), 1983); choosing each coefficient by local energy follows Burt
and Kolczynski ("Enhanced Image Capture Through Fusion", ICCV 1993). The defaults are tuned
on MSRS for the metrics that fusion papers print.

The undecimated wavelet transform with the B3 spline is Starck and Murtagh's ("Image
restoration with noise suppression using the wavelet transform", Astronomy and Astrophysics
288, 1994); taking the coefficient of the larger magnitude follows Li, Manjunath and Mitra
("Multisensor Image Fusion Using the Wavelet Transform", Graphical Models and Image
Processing 57(3), 1995).

Fusion by guided filters is Li, Kang and Hu's ("Image Fusion With Guided Filtering", IEEE
Trans. Image Processing 22(7), 2013), the filter itself He, Sun and Tang's ("Guided Image
Filtering", ECCV 2010).
"""

import math
from typing import Any

import torch
from torch import Tensor

from tsjnet_mm.models.layers import spline_wavelets
from tsjnet_mm.registry import MODELS
from tsjnet_mm.utils.filtering import filter_valid, gaussian_window, pad_reflect

from .base import BaseFusor

_BINOMIAL = (1 / 16, 4 / 16, 6 / 16, 4 / 16, 1 / 16)


@MODELS.register_module()
class AverageFusor(BaseFusor):
    """The mean of infrared and visible luma."""

    def fuse_luma(self, ir: Tensor, vi: Tensor) -> Tensor:
        """See :meth:`BaseFusor.fuse_luma`."""
        return (ir + vi) / 2


@MODELS.register_module()
class MaxFusor(BaseFusor):
    """The brighter of infrared and visible luma, pixel by pixel."""

    def fuse_luma(self, ir: Tensor, vi: Tensor) -> Tensor:
        """See :meth:`BaseFusor.fuse_luma`."""
        return torch.maximum(ir, vi)


def _reduce(image):
    return filter_valid(pad_reflect(image, 2), _BINOMIAL)[..., ::2, ::2]


def _expand(image, size):
    # Zeros between the pixels; doubled taps along each axis make up for them.
    sparse = image.new_zeros((*image.shape[:-2], *size))
    sparse[..., ::2, ::2] = image
    return filter_valid(pad_reflect(sparse, 2), [2 * tap for tap in _BINOMIAL])


def _pyramid(image, levels):
    details = []
    for _ in range(levels):
        smaller = _reduce(image)
        details.append(image - _expand(smaller, image.shape[-2:]))
        image = smaller
    return details, image


@MODELS.register_module()
class LaplacianPyramidFusor(BaseFusor):
    """Fusion of Laplacian pyramids by local energy.

    Each detail coefficient comes from the image with the larger local energy, the squared
    coefficients under a Gaussian window; the base is ``max_weight`` times the maximum plus
    the rest times a mean of both. With ``max_weight=0, visible_weight=1`` the fused image is
    as bright as the visible one, and detectors that were trained on photographs find more
    (docs/experiments.md), at a larger error to the infrared image.

    Args:
        levels (int): Number of detail levels, at least 1. Defaults to 4.
        max_weight (float): Share of the maximum in the base, in [0, 1]. Defaults to 0.3.
        energy_sigma (float): Standard deviation of the window in pixels of the level, above
            0. Defaults to 1.5.
        visible_weight (float): Share of the visible image in the mean, in [0, 1]. Defaults
            to 0.5, the average.
        **options: ``data_preprocessor`` and ``init_cfg``, see :class:`BaseFusor`.

    Raises:
        ValueError: An argument is out of its range.
    """

    def __init__(
        self,
        levels: int = 4,
        max_weight: float = 0.3,
        energy_sigma: float = 1.5,
        visible_weight: float = 0.5,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        if levels < 1:
            raise ValueError(f'levels must be at least 1, got {levels}')
        for name, weight in (('max_weight', max_weight), ('visible_weight', visible_weight)):
            if not 0 <= weight <= 1:
                raise ValueError(f'{name} must be in [0, 1], got {weight}')
        if energy_sigma <= 0:
            raise ValueError(f'energy_sigma must be above 0, got {energy_sigma}')
        self.levels = levels
        self.max_weight = max_weight
        self.visible_weight = visible_weight
        radius = math.ceil(4 * energy_sigma)
        self._window = gaussian_window(2 * radius + 1, energy_sigma)
        # The coarsest detail level needs two pixels, of which the base keeps one.
        self.min_size = 2**levels

    def _energy(self, detail):
        return filter_valid(pad_reflect(detail.square(), len(self._window) // 2), self._window)

    def fuse_luma(self, ir: Tensor, vi: Tensor) -> Tensor:
        """See :meth:`BaseFusor.fuse_luma`."""
        ir_details, ir_base = _pyramid(ir, self.levels)
        vi_details, vi_base = _pyramid(vi, self.levels)
        brighter = torch.maximum(ir_base, vi_base)
        mean = torch.lerp(ir_base, vi_base, self.visible_weight)
        fused = torch.lerp(mean, brighter, self.max_weight)
        for ir_detail, vi_detail in zip(
            reversed(ir_details), reversed(vi_details), strict=True
        ):
            stronger = self._energy(ir_detail) > self._energy(vi_detail)
            detail = torch.where(stronger, ir_detail, vi_detail)
            fused = _expand(fused, detail.shape[-2:]) + detail
        return fused


@MODELS.register_module()
class WaveletFusor(BaseFusor):
    """Fusion of undecimated wavelet transforms by magnitude.

    Each image is the sum of its detail planes, every one the difference between two
    smoothings with the B3 spline, and of the last smoothing. Of the details the one of the
    larger magnitude is taken at each pixel; the smoothings are averaged. Nothing is
    decimated, so a shifted pair gives the shifted result, without the blocks of a critically
    sampled transform.

    Args:
        levels (int): Number of detail planes, at least 1. Defaults to 4.
        **options: ``data_preprocessor`` and ``init_cfg``, see :class:`BaseFusor`.

    Raises:
        ValueError: ``levels`` is below 1.
    """

    def __init__(self, levels: int = 4, **options: Any) -> None:
        super().__init__(**options)
        if levels < 1:
            raise ValueError(f'levels must be at least 1, got {levels}')
        self.levels = levels

    def fuse_luma(self, ir: Tensor, vi: Tensor) -> Tensor:
        """See :meth:`BaseFusor.fuse_luma`."""
        ir_details, ir_base = spline_wavelets(ir, self.levels)
        vi_details, vi_base = spline_wavelets(vi, self.levels)
        fused = (ir_base + vi_base) / 2
        for ir_detail, vi_detail in zip(ir_details, vi_details, strict=True):
            stronger = ir_detail.abs() > vi_detail.abs()
            fused = fused + torch.where(stronger, ir_detail, vi_detail)
        return fused


def _box_mean(image, radius):
    # Windows are cut off at the border, and the mean is over what is left of them.
    for axis in (-2, -1):
        size = image.shape[axis]
        positions = torch.arange(size, device=image.device)
        start = (positions - radius).clamp_min(0)
        stop = (positions + radius + 1).clamp_max(size)
        total = image.cumsum(axis)
        total = torch.cat([torch.zeros_like(total.narrow(axis, 0, 1)), total], axis)
        count = (stop - start).to(image.dtype)
        if axis == -2:
            count = count[:, None]
        image = (total.index_select(axis, stop) - total.index_select(axis, start)) / count
    return image


def _guided_filter(guide, image, radius, eps):
    mean_guide, mean_image = _box_mean(guide, radius), _box_mean(image, radius)
    variance = _box_mean(guide * guide, radius) - mean_guide.square()
    covariance = _box_mean(guide * image, radius) - mean_guide * mean_image
    slope = covariance / (variance.clamp_min(0) + eps)
    offset = mean_image - slope * mean_guide
    return _box_mean(slope, radius) * guide + _box_mean(offset, radius)


@MODELS.register_module()
class GuidedFilterFusor(BaseFusor):
    """Fusion in two scales, with weights that guided filters smooth along the edges.

    The base of an image is its local mean, the detail what is left. The saliency of a pixel
    is the smoothed magnitude of the Laplacian; the image of the larger saliency has weight 1
    there and the other 0 (both 1 where they are equal). A guided filter, the image itself the
    guide, makes of that map the weights of the bases, widely smoothed, and of the details,
    hardly smoothed. Weights are kept in [0, 1] and made to sum to 1.

    The paper does not say what happens at the border: here box windows are cut off and the
    other filters see the reflected image. Sums run in float64, since the smallest ``eps`` is
    near the rounding of float32 variances.

    Args:
        base_size (int): Side of the box that separates base and detail, odd, in pixels.
            Defaults to 31.
        saliency_sigma (float): Standard deviation of the Gaussian that smooths the
            saliency, in pixels, above 0; its radius is the same, rounded up. Defaults to 5.0.
        base_radius (int): Radius of the guided filter of the base's weights, in pixels.
            Defaults to 45.
        base_eps (float): Its regularisation, for images in [0, 1], above 0. Defaults to 0.3.
        detail_radius (int): Radius of the guided filter of the detail's weights. Defaults
            to 7.
        detail_eps (float): Its regularisation. Defaults to 1e-6.
        **options: ``data_preprocessor`` and ``init_cfg``, see :class:`BaseFusor`.

    Raises:
        ValueError: An argument is out of its range.
    """

    def __init__(
        self,
        base_size: int = 31,
        saliency_sigma: float = 5.0,
        base_radius: int = 45,
        base_eps: float = 0.3,
        detail_radius: int = 7,
        detail_eps: float = 1e-6,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        if base_size < 1 or base_size % 2 == 0:
            raise ValueError(f'base_size must be odd and at least 1, got {base_size}')
        for name, value in (('base_radius', base_radius), ('detail_radius', detail_radius)):
            if value < 1:
                raise ValueError(f'{name} must be at least 1, got {value}')
        for name, value in (
            ('saliency_sigma', saliency_sigma),
            ('base_eps', base_eps),
            ('detail_eps', detail_eps),
        ):
            if value <= 0:
                raise ValueError(f'{name} must be above 0, got {value}')
        self._base_radius = base_size // 2
        radius = math.ceil(saliency_sigma)
        self._window = gaussian_window(2 * radius + 1, saliency_sigma)
        self._base_filter = base_radius, base_eps
        self._detail_filter = detail_radius, detail_eps

    def _saliency(self, image):
        around = pad_reflect(image, 1)
        laplacian = (
            around[..., :-2, 1:-1]
            + around[..., 2:, 1:-1]
            + around[..., 1:-1, :-2]
            + around[..., 1:-1, 2:]
            - 4 * image
        )
        padded = pad_reflect(laplacian.abs(), len(self._window) // 2)
        return filter_valid(padded, self._window)

    def fuse_luma(self, ir: Tensor, vi: Tensor) -> Tensor:
        """See :meth:`BaseFusor.fuse_luma`."""
        dtype = ir.dtype
        images = ir.double(), vi.double()
        saliencies = [self._saliency(image) for image in images]
        strongest = torch.maximum(*saliencies)
        chosen = [(saliency >= strongest).double() for saliency in saliencies]
        bases = [_box_mean(image, self._base_radius) for image in images]
        details = [image - base for image, base in zip(images, bases, strict=True)]
        fused = 0
        for parts, arguments in (
            (bases, self._base_filter),
            (details, self._detail_filter),
        ):
            # So small a number only matters where neither image has a weight.
            ir_weight, vi_weight = (
                _guided_filter(image, choice, *arguments).clamp(0, 1) + 1e-12
                for image, choice in zip(images, chosen, strict=True)
            )
            fused = fused + torch.lerp(parts[1], parts[0], ir_weight / (ir_weight + vi_weight))
        return fused.to(dtype)
