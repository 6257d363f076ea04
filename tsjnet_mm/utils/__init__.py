"""Helpers that need torch and numpy alone."""

from .colour import recolour, rgb_to_luma, rgb_to_ycbcr, ycbcr_to_rgb

__all__ = ['recolour', 'rgb_to_luma', 'rgb_to_ycbcr', 'ycbcr_to_rgb']
