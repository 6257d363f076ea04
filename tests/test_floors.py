"""Imports only point down: each room and its floor; names of modules are unique."""

import ast
import importlib
import importlib.util
import warnings
from pathlib import Path

import pytest

import tsjnet_mm
from tsjnet_mm.utils.moved import MOVED_MODULES

PACKAGE = Path(tsjnet_mm.__file__).resolve().parent
#: From the roof down. A room imports from the floors below its own, and from itself.
FLOORS = (
    ('__main__', 'cli'),
    ('protocols',),
    ('video', 'labels', 'demo'),
    ('apis',),
    ('models.downstream', 'models.peers'),
    ('models.fusors',),
    ('models.drivers', 'models.losses', 'models.decoders', 'models.encoders'),
    ('models.fusion_layers',),
    ('models.layers', 'models.data_preprocessor'),
    ('datasets', 'evaluation', 'visualization', 'engine', 'registration'),
    ('io',),
    ('structures', 'metrics'),
    ('registry',),
    ('utils', 'version'),
)
#: A room may use one of its own floor where the layout says so.
ROOMS = {room: height for height, floor in enumerate(reversed(FLOORS)) for room in floor}


def module_name(path):
    """Name of a module within the package; '' for the package itself."""
    parts = path.relative_to(PACKAGE).with_suffix('').parts
    return '.'.join(parts[:-1] if parts[-1] == '__init__' else parts)


MODULES = {
    module_name(path): path
    for path in sorted(PACKAGE.rglob('*.py'))
    if '.mim' not in path.parts
}


def room_of(module):
    parts = module.split('.')
    return next(
        (room for n in (2, 1) if (room := '.'.join(parts[:n])) in ROOMS and len(parts) >= n),
        None,
    )


def imports_of(name, path):
    """Modules of the package that a module imports, also within functions."""
    package = name if path.name == '__init__.py' else name.rpartition('.')[0]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ''
            if node.level:
                parts = ['tsjnet_mm', *filter(None, package.split('.'))]
                base = '.'.join([*parts[: len(parts) - node.level + 1], base]).rstrip('.')
            found = [f'{base}.{alias.name}' for alias in node.names]
        else:
            continue
        for module in found:
            if module.startswith('tsjnet_mm.'):
                yield module.removeprefix('tsjnet_mm.'), node.lineno


def test_every_module_is_in_a_room():
    known = {'', 'models'}  # The package, and the folder of the models' rooms.
    assert {name for name in MODULES if room_of(name) is None} == known


@pytest.mark.parametrize('name', [name for name in MODULES if room_of(name)])
def test_imports_point_down(name):
    room = room_of(name)
    upward = [
        f'line {line}: {module}'
        for module, line in imports_of(name, MODULES[name])
        if (other := room_of(module)) not in (None, room) and ROOMS[other] >= ROOMS[room]
    ]
    assert not upward


@pytest.mark.parametrize(
    'name', [name for name in MODULES if 'gradio' not in MODULES[name].read_text()]
)
def test_what_is_imported_within_functions_exists_and_has_no_old_name(name):
    """Such an import fails only when the function runs."""
    for module, line in imports_of(name, MODULES[name]):
        parent, _, attribute = f'tsjnet_mm.{module}'.rpartition('.')
        parts = module.split('.')
        before = {'.'.join(parts[:count]) for count in range(1, len(parts) + 1)}
        assert not before & MOVED_MODULES.keys(), f'{name}, line {line}: {module}'
        if importlib.util.find_spec(parent) is None or module in MODULES:
            continue
        found = importlib.import_module(parent)
        with warnings.catch_warnings():
            warnings.filterwarnings('error', '.* is now tsjnet_mm', DeprecationWarning)
            assert hasattr(found, attribute), f'{name}, line {line}: {parent}.{attribute}'


def test_no_two_modules_of_one_name():
    """Except commands, which have the name of the room they open, and base modules."""
    names = {}
    for module in MODULES:
        parts = module.split('.')
        if module and parts[0] != 'cli' and parts[-1] != 'base':
            names.setdefault(parts[-1], []).append(module)
    assert {name: found for name, found in names.items() if len(found) > 1} == {}


def test_an_upward_arrow_is_seen(tmp_path):
    """Of each way to write one."""
    path = tmp_path / 'x.py'
    path.write_text(
        'import tsjnet_mm.apis\nfrom tsjnet_mm.cli import fuse\n'
        'def f():\n    from ..models import fusors\n    from ..models.fusors import TSJNet\n'
    )
    found = [room_of(module) for module, _ in imports_of('io.x', path)]
    assert found == ['apis', 'cli', 'models.fusors', 'models.fusors']
