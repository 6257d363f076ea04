"""A process that fuses many sizes of images does not keep something of each for good."""

import importlib
import inspect
import pkgutil

import torch

import tsjnet_mm
from tsjnet_mm.models.layers.neighborhood_attention import _axis_plan, neighborhood_attention


def cached_functions():
    """Every function of the package that remembers results, with its name."""
    found = {}
    for info in pkgutil.walk_packages(tsjnet_mm.__path__, 'tsjnet_mm.'):
        if info.name.endswith('__main__'):
            continue
        try:
            module = importlib.import_module(info.name)
        except ImportError:  # Of an extra that is not installed.
            continue
        owners = [module, *(item for _, item in inspect.getmembers(module, inspect.isclass))]
        for owner in owners:
            for name, item in vars(owner).items():
                if hasattr(item, 'cache_parameters'):
                    found[f'{info.name}.{name}'] = item
    return found


def test_every_cache_of_results_is_bounded():
    found = cached_functions()
    assert any(name.endswith('._axis_plan') for name in found)
    unbounded = [
        name
        for name, function in found.items()
        if inspect.signature(function).parameters
        and not 0 < (function.cache_parameters()['maxsize'] or 0) <= 128
    ]
    assert not unbounded


def test_plans_of_attention_are_forgotten():
    for side in range(8, 108):
        query = torch.rand(1, side, 8, 1, 4)
        neighborhood_attention(query, query, query, 3)
    info = _axis_plan.cache_info()
    assert info.currsize == info.maxsize == 64
