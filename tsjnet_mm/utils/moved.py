"""Modules that have a new name: the old one works for one version, with a warning."""

import importlib
import warnings


def moved_module(old, new):
    """``__getattr__`` of a module whose contents stand elsewhere now.

    Args:
        old (str): Name of the module.
        new (str): Name of the module that has its contents.

    Returns:
        Callable: Looks names up in the new module, and warns once at each place.
    """

    def look_up(name):
        if name.startswith('__'):
            raise AttributeError(f'module {old!r} has no attribute {name!r}')
        warnings.warn(
            f'{old} is now {new}; the old name will be removed in version 0.2',
            DeprecationWarning,
            stacklevel=2,
        )
        return getattr(importlib.import_module(new), name)

    return look_up
