"""Decoders."""

from .brd import BaseResNeStDecoder
from .pyramid_output import PyramidOutput

__all__ = ['BaseResNeStDecoder', 'PyramidOutput']
