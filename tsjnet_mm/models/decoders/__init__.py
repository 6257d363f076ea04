"""Decoders."""

from .brd import BaseResNeStDecoder

__all__ = ['BaseResNeStDecoder']
