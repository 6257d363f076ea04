"""Random numbers that depend on epoch and iteration, not on interruptions of the training."""

import random
from typing import Any

import numpy as np
import torch
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.runner import Runner

from tsjnet_mm.registry import FUNCTIONS, HOOKS


def _seed_everything(*entropy):
    state = np.random.SeedSequence(entropy).generate_state(2)
    random.seed(int(state[0]))
    np.random.seed(int(state[0]))
    torch.manual_seed(int(state[1]))


@HOOKS.register_module()
class ReseedHook(Hook):
    """Seed all generators from (seed, rank, epoch), and from (seed, rank, iteration).

    A resumed run then draws the numbers that the uninterrupted one would have drawn. Data
    loader workers are seeded by :func:`epoch_worker_init_fn`. They have to restart with each
    epoch, so training loaders must not have ``persistent_workers``.
    """

    priority = 'VERY_HIGH'

    def before_train_epoch(self, runner: Runner) -> None:
        """Seed for what the data loader draws."""
        _seed_everything(runner.seed, get_rank(), 0, runner.epoch)

    def before_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict | None = None
    ) -> None:
        """Seed for what the model draws (dropout, stochastic depth, samplers)."""
        _seed_everything(runner.seed, get_rank(), 1, runner.iter)


@FUNCTIONS.register_module()
def epoch_worker_init_fn(worker_id: int, **_: Any) -> None:
    """Seed a data loader worker from the epoch's base seed.

    mmengine's own function gives every epoch the same augmentations, since it seeds new
    workers with the same numbers each time. The base seed holds the run's seed, the rank and
    the worker's index already.

    Args:
        worker_id (int): Index of the worker; mmengine's Runner passes nothing else.
        **_: What else a config may hold, such as the ``_scope_`` of another package's base.
    """
    base = torch.initial_seed() % 2**32
    random.seed(base)
    np.random.seed(base)
