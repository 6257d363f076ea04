"""Deprecated name of :mod:`tsjnet_mm.io.pairs`."""

from tsjnet_mm.utils.moved import moved_module

__getattr__ = moved_module(__name__, 'tsjnet_mm.io.pairs')
