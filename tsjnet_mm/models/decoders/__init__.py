"""Decoders."""

from .brd import BandOutput, BaseResNeStDecoder
from .pyramid_output import PyramidOutput

__all__ = ['BandOutput', 'BaseResNeStDecoder', 'PyramidOutput']
