import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from tsjnet_mm.utils import optional
from tsjnet_mm.utils.lazy import lazy_names

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize('name, extra', optional.EXTRAS.items())
def test_what_is_missing_names_the_command(name, extra, monkeypatch):
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError) as caught:
        optional.require(name)
    assert str(caught.value) == (
        f'this needs {name}, which is not installed: pip install "tsjnet_mm[{extra}]" '
        '(docs/install.md)'
    )


def test_every_extra_is_one_that_setup_has():
    setup = (ROOT / 'setup.py').read_text()
    for extra in optional.EXTRAS.values():
        assert f"'{extra}': " in setup


def test_mmcv_without_operators_names_the_remedy(monkeypatch):
    monkeypatch.setitem(sys.modules, 'mmcv._ext', None)
    with pytest.raises(ImportError, match=r'compiled operators.*bash tools/install\.sh'):
        optional.require('mmcv', 'mmcv._ext')
    headings = (ROOT / 'docs' / 'install.md').read_text()
    assert "### `No module named 'mmcv._ext'`" in headings


def test_operators_of_another_torch_name_the_remedy():
    error = ImportError('/env/mmcv/_ext.cpython-311.so: undefined symbol: _ZN3c10')
    assert 'bash tools/install.sh' in optional.explain_missing(error)


@pytest.mark.parametrize(
    'error',
    [
        ModuleNotFoundError("No module named 'mine'", name='mine'),
        ImportError("cannot import name 'x' from 'mmcv'", name='mmcv'),
        ValueError('No module named mmcv'),
    ],
)
def test_other_errors_are_their_own(error):
    assert optional.explain_missing(error) is None
    with pytest.raises(type(error)) as caught, optional.optional_imports():
        raise error
    assert caught.value is error


def test_a_lazy_name_says_what_its_module_lacks(monkeypatch):
    monkeypatch.setitem(sys.modules, 'matplotlib', None)
    for name in [name for name in sys.modules if name.startswith('tsjnet_mm.visualization')]:
        monkeypatch.delitem(sys.modules, name)
    package = importlib.import_module('tsjnet_mm.visualization')
    with pytest.raises(ImportError, match=r'matplotlib, which .*tsjnet_mm\[train\]'):
        package.radar_figure
    assert callable(package.make_sheet)


def test_lazy_names_are_looked_up_once_and_listed():
    look_up, names, public = lazy_names(__name__, {'ElementTree': 'xml.etree.ElementTree'})
    assert public == ['ElementTree'] and {'ElementTree', 'ROOT'} <= {*names()}
    with pytest.raises(AttributeError, match="has no attribute 'unknown'"):
        look_up('unknown')


@pytest.mark.parametrize(
    'package', ['apis', 'datasets', 'evaluation', 'utils', 'video', 'visualization']
)
def test_every_public_name_is_there(package):
    module = importlib.import_module(f'tsjnet_mm.{package}')
    assert module.__all__
    for name in module.__all__:
        assert name.isupper() or getattr(module, name).__name__ == name


def test_a_room_of_the_registry_says_what_it_lacks():
    code = (
        'import sys; sys.modules["mmcv"] = None\n'
        'from tsjnet_mm.registry import TRANSFORMS\n'
        'TRANSFORMS.get("LoadPair")'
    )
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True)
    assert 'this needs mmcv, which is not installed: pip install' in done.stderr
