"""Decoders."""

from .brd import BaseResNeStDecoder, WeightedSkipOutput

__all__ = ['BaseResNeStDecoder', 'WeightedSkipOutput']
