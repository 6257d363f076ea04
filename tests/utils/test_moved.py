import importlib

import pytest


@pytest.mark.parametrize(
    'old, new, name',
    [
        ('tsjnet_mm.datasets.image_io', 'tsjnet_mm.io.images', 'read_infrared'),
        ('tsjnet_mm.datasets.errors', 'tsjnet_mm.io.errors', 'PairError'),
        ('tsjnet_mm.apis.pairs', 'tsjnet_mm.io.pairs', 'find_pairs'),
        ('tsjnet_mm.evaluation.folders', 'tsjnet_mm.io.names', 'match_names'),
    ],
)
def test_old_names_work_and_warn(old, new, name):
    module = importlib.import_module(old)
    with pytest.warns(DeprecationWarning, match=new):
        found = getattr(module, name)
    assert found is getattr(importlib.import_module(new), name)
