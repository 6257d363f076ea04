"""Additions to mmengine's Runner: hooks, a scheduler, worker seeding."""

from tsjnet_mm.engine import hooks

__all__ = ['hooks']
