import random
from types import SimpleNamespace

import numpy as np
import torch
from mmengine.runner import Runner
from torch.utils.data import Dataset

from tsjnet_mm.engine.hooks import ReseedHook, epoch_worker_init_fn, reseed_hook


def draw():
    return random.random(), np.random.rand(), torch.rand(1).item()


def numbers(seed, epoch, iteration):
    runner = SimpleNamespace(seed=seed, epoch=epoch, iter=iteration)
    hook = ReseedHook()
    hook.before_train_epoch(runner)
    at_epoch = draw()
    hook.before_train_iter(runner, batch_idx=0)
    return at_epoch, draw()


def test_numbers_depend_on_the_place_alone():
    random.seed(99)
    first = numbers(0, 3, 70)
    draw()
    assert numbers(0, 3, 70) == first


def test_other_seed_epoch_or_iteration_gives_other_numbers():
    base = numbers(0, 3, 70)
    assert numbers(1, 3, 70)[0] != base[0]
    assert numbers(0, 4, 70)[0] != base[0]
    assert numbers(0, 3, 71)[1] != base[1]
    assert base[0] != base[1]


def test_processes_draw_other_numbers(monkeypatch):
    first = numbers(0, 3, 70)
    monkeypatch.setattr(reseed_hook, 'get_rank', lambda: 1)
    second = numbers(0, 3, 70)
    assert not {*first[0], *first[1]} & {*second[0], *second[1]}


def test_workers_follow_the_base_seed():
    def worker(base):
        torch.manual_seed(base)
        epoch_worker_init_fn(0)
        return random.random(), np.random.rand()

    assert worker(5) == worker(5)
    assert worker(5) != worker(6)


class Drawn(Dataset):
    """Each item is a number that was drawn for it."""

    def __len__(self):
        return 8

    def __getitem__(self, index):
        return np.random.rand()


def drawn(seed_of_main, **function):
    loader = Runner.build_dataloader(
        {
            'dataset': Drawn(),
            'batch_size': 2,
            'num_workers': 2,
            'sampler': {'type': 'DefaultSampler', 'shuffle': False},
            'worker_init_fn': {'type': 'tsjnet_mm.epoch_worker_init_fn', **function},
        },
        seed=0,
    )
    torch.manual_seed(seed_of_main)
    return [value for batch in loader for value in batch]


def test_workers_of_a_configured_loader_are_seeded():
    first = drawn(1)
    assert len(set(first)) == 8  # Also the two workers differ.
    assert drawn(1) == first
    # Under a base of another package mmengine adds a scope to whatever has a type.
    assert drawn(1, _scope_='tsjnet_mm') == first
    assert not set(drawn(2)) & set(first)
