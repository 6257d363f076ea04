"""Names of a package that are imported when they are first used."""

import importlib
import sys
from collections.abc import Callable, Mapping

from .optional import optional_imports


def lazy_names(
    package: str, modules: Mapping[str, str], otherwise: Callable | None = None
) -> tuple[Callable, Callable, list[str]]:
    """Make the functions with which a package imports its names on first use.

    Args:
        package: Name of the package.
        modules: Name in it to the module that has it; a relative one begins with a dot.
        otherwise: Gets any other name; raises AttributeError where it does not know it either.

    Returns:
        tuple[Callable, Callable, list[str]]: The package's ``__getattr__``, ``__dir__`` and
        ``__all__``.
    """

    def look_up(name):
        if name not in modules:
            if otherwise is not None:
                return otherwise(name)
            raise AttributeError(f'module {package!r} has no attribute {name!r}')
        with optional_imports():
            module = importlib.import_module(modules[name], package)
        found = getattr(module, name)
        setattr(sys.modules[package], name, found)
        return found

    def list_names():
        return sorted({*vars(sys.modules[package]), *modules})

    return look_up, list_names, sorted(modules)
