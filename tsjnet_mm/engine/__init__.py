"""What mmengine's Runner lacks: hooks, a scheduler, worker seeding."""

from . import hooks

__all__ = ['hooks']
