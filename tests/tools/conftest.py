import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope='session')
def repository():
    """The source tree, with its tools and configs."""
    return ROOT


@pytest.fixture(scope='session')
def load_tool():
    """Import a script of tools/ by its path under that folder."""

    def load(path):
        file = ROOT / 'tools' / path
        spec = importlib.util.spec_from_file_location(file.stem, file)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load
