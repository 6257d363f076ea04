"""Fusion without learning: the floor that a network has to beat.

The pyramid is Burt and Adelson's ("The Laplacian Pyramid as a Compact Image Code", IEEE
Trans. Communications 31(4), 1983); choosing each coefficient by local energy follows Burt
and Kolczynski ("Enhanced Image Capture Through Fusion", ICCV 1993). The defaults are tuned
on MSRS for the metrics that fusion papers print.
"""

import math

import torch

from tsjnet_mm.registry import MODELS
from tsjnet_mm.utils.filtering import filter_valid, gaussian_window, pad_reflect

from .base import BaseFusor

_BINOMIAL = (1 / 16, 4 / 16, 6 / 16, 4 / 16, 1 / 16)


@MODELS.register_module()
class AverageFusor(BaseFusor):
    """The mean of infrared and visible luma."""

    def fuse_luma(self, ir, vi):
        """See :meth:`BaseFusor.fuse_luma`."""
        return (ir + vi) / 2


@MODELS.register_module()
class MaxFusor(BaseFusor):
    """The brighter of infrared and visible luma, pixel by pixel."""

    def fuse_luma(self, ir, vi):
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
    the rest times the average.

    Args:
        levels (int): Number of detail levels, at least 1. Defaults to 4.
        max_weight (float): Share of the maximum in the base, in [0, 1]. Defaults to 0.3.
        energy_sigma (float): Standard deviation of the window in pixels of the level, above
            0. Defaults to 1.5.
        data_preprocessor (dict, optional): See :class:`BaseFusor`.
        init_cfg (dict, optional): See :class:`BaseFusor`.

    Raises:
        ValueError: An argument is out of its range.
    """

    def __init__(
        self,
        levels=4,
        max_weight=0.3,
        energy_sigma=1.5,
        data_preprocessor=None,
        init_cfg=None,
    ):
        super().__init__(data_preprocessor, init_cfg)
        if levels < 1:
            raise ValueError(f'levels must be at least 1, got {levels}')
        if not 0 <= max_weight <= 1:
            raise ValueError(f'max_weight must be in [0, 1], got {max_weight}')
        if energy_sigma <= 0:
            raise ValueError(f'energy_sigma must be above 0, got {energy_sigma}')
        self.levels = levels
        self.max_weight = max_weight
        radius = math.ceil(4 * energy_sigma)
        self._window = gaussian_window(2 * radius + 1, energy_sigma)
        # The coarsest detail level needs two pixels, of which the base keeps one.
        self.min_size = 2**levels

    def _energy(self, detail):
        return filter_valid(pad_reflect(detail.square(), len(self._window) // 2), self._window)

    def fuse_luma(self, ir, vi):
        """See :meth:`BaseFusor.fuse_luma`."""
        ir_details, ir_base = _pyramid(ir, self.levels)
        vi_details, vi_base = _pyramid(vi, self.levels)
        brighter = torch.maximum(ir_base, vi_base)
        fused = torch.lerp((ir_base + vi_base) / 2, brighter, self.max_weight)
        for ir_detail, vi_detail in zip(
            reversed(ir_details), reversed(vi_details), strict=True
        ):
            stronger = self._energy(ir_detail) > self._energy(vi_detail)
            detail = torch.where(stronger, ir_detail, vi_detail)
            fused = _expand(fused, detail.shape[-2:]) + detail
        return fused
