import importlib.util
from pathlib import Path

import pytest


@pytest.fixture(scope='session')
def flir():
    """Makers of FLIR radiometric JPEGs."""
    path = Path(__file__).parents[1] / 'io' / 'test_radiometric.py'
    spec = importlib.util.spec_from_file_location('flir_files', path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
