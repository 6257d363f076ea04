from types import SimpleNamespace

import pytest
import torch

from tsjnet_mm.engine.hooks import DriverCheckHook

META = {'classes': ('person',)}


class Joint(torch.nn.Module):
    """Notes what it is asked about."""

    def __init__(self):
        super().__init__()
        self.asked = []

    def check_drivers(self, metainfo):
        self.asked.append(metainfo)
        if metainfo is not META:
            raise ValueError('other classes')


def start(model, metainfo=META):
    loader = SimpleNamespace(dataset=SimpleNamespace(metainfo=metainfo))
    DriverCheckHook().before_train(SimpleNamespace(model=model, train_dataloader=loader))


def test_drivers_are_compared_with_the_training_set():
    model = Joint()
    start(model)
    assert model.asked == [META]
    with pytest.raises(ValueError, match='other classes'):
        start(model, {})


def test_also_of_a_model_that_processes_share():
    model = Joint()
    start(torch.nn.DataParallel(model))
    assert model.asked == [META]


def test_models_without_drivers_are_left_alone():
    start(torch.nn.Linear(1, 1))
