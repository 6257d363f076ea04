"""Decoders."""

from .brd import BandOutput, BaseResNeStDecoder

__all__ = ['BandOutput', 'BaseResNeStDecoder']
