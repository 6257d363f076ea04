"""Decoders."""

from .brd import BaseResNeStDecoder, GatedSkipOutput

__all__ = ['BaseResNeStDecoder', 'GatedSkipOutput']
