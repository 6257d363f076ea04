"""Encoders."""

from .bre import BaseResNeStEncoder

__all__ = ['BaseResNeStEncoder']
