"""Helpers that need torch and numpy alone."""

from .colour import recolour, rgb_to_luma, rgb_to_ycbcr, ycbcr_to_rgb
from .files import whole_file

__all__ = ['recolour', 'rgb_to_luma', 'rgb_to_ycbcr', 'whole_file', 'ycbcr_to_rgb']
