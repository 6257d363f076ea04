import random
from types import SimpleNamespace

import numpy as np
import torch

from tsjnet_mm.engine.hooks import ReseedHook, epoch_worker_init_fn


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


def test_workers_follow_the_base_seed():
    def worker(base):
        torch.manual_seed(base)
        epoch_worker_init_fn(0, num_workers=2, rank=0, seed=0)
        return random.random(), np.random.rand()

    assert worker(5) == worker(5)
    assert worker(5) != worker(6)
