"""Change a module of another package when it is imported, without importing it."""

import importlib
import importlib.util
import sys
import threading
from collections.abc import Callable


class _Watcher:
    """Finds the registered modules as Python does, and changes each after its import."""

    def __init__(self):
        self.actions = {}
        self._busy = threading.local()

    def find_spec(self, name, path=None, target=None):
        if name not in self.actions or getattr(self._busy, 'name', None) == name:
            return None
        self._busy.name = name
        try:
            spec = importlib.util.find_spec(name)
        finally:
            self._busy.name = None
        if spec is None or spec.loader is None:
            return None
        execute = spec.loader.exec_module

        def execute_and_change(module):
            execute(module)
            self.change(module)

        spec.loader.exec_module = execute_and_change
        return spec

    def change(self, module):
        for action in self.actions[module.__name__]:
            action(module)


_WATCHER = _Watcher()


def _by_name(path):
    module_name, _, function = path.partition(':')
    return lambda module: getattr(importlib.import_module(module_name), function)(module)


def after_import(name: str, action: Callable | str, now: bool = True) -> None:
    """Call a function with a module, each time that it is imported.

    Args:
        name: Name of the module.
        action: The function, or ``'module:function'``, which is imported when it is called.
            A second call must do no harm.
        now: Call it at once where the module is imported already; see
            :func:`change_imported`. Defaults to True.
    """
    action = _by_name(action) if isinstance(action, str) else action
    if _WATCHER not in sys.meta_path:
        sys.meta_path.insert(0, _WATCHER)
    _WATCHER.actions.setdefault(name, []).append(action)
    if now and name in sys.modules:
        action(sys.modules[name])


def change_imported() -> None:
    """Apply the functions of :func:`after_import` to modules that were imported before."""
    for name in [*_WATCHER.actions]:
        if name in sys.modules:
            _WATCHER.change(sys.modules[name])
