from types import SimpleNamespace

import pytest
import torch
from mmengine.hooks import ParamSchedulerHook
from mmengine.model import BaseModel
from mmengine.optim import OptimWrapper
from mmengine.runner import Runner
from torch.utils.data import Dataset

from tsjnet_mm.engine.hooks import ReduceOnTrainLossLR, TrainLossPlateauHook, plateau_hook


def train(losses_of_epochs, **options):
    """Learning rate after each epoch, with both hooks acting as under the Runner."""
    optimizer = OptimWrapper(torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0))
    scheduler = ReduceOnTrainLossLR(optimizer, factor=0.1, **options)
    scalars = {}
    runner = SimpleNamespace(
        epoch=0,
        train_loop=None,
        param_schedulers=[scheduler],
        logger=SimpleNamespace(info=lambda _: None),
        visualizer=SimpleNamespace(
            add_scalar=lambda name, value, step: scalars.__setitem__(step, value)
        ),
    )
    hook, stepper = TrainLossPlateauHook(), ParamSchedulerHook()
    hook.before_train(runner)
    rates = []
    for epoch, losses in enumerate(losses_of_epochs):
        runner.epoch = epoch
        hook.before_train_epoch(runner)
        for loss in losses:
            hook.after_train_iter(runner, 0, outputs={'loss': torch.tensor(loss)})
        hook.after_train_epoch(runner)
        stepper.after_train_epoch(runner)
        stepper.after_val_epoch(runner, metrics={'fusion/SSIM': 0.5})
        rates.append(optimizer.param_groups[0]['lr'])
    return rates, scalars


def test_reduces_when_the_loss_did_not_progress_three_times_in_a_row():
    falling = [[3.0], [2.0]]
    flat = [[2.0]] * 6
    rates, _ = train(falling + flat, patience=2)
    assert rates == pytest.approx([1, 1, 1, 1, 0.1, 0.1, 0.1, 0.01])
    # Two bad epochs, a good one, two bad ones: never three in a row.
    losses = [[3.0], [3.0], [3.0], [2.0], [2.0], [2.0], [1.0]]
    rates, _ = train(losses, patience=2)
    assert rates == [1] * 7


def test_watches_the_mean_of_the_epoch():
    # The last loss of each epoch rises, the mean falls.
    _, scalars = train([[9.0, 1.0], [6.0, 2.0], [3.0, 3.0]], patience=0)
    assert scalars == pytest.approx({1: 5.0, 2: 4.0, 3: 3.0})
    rates, _ = train([[9.0, 1.0], [6.0, 2.0], [3.0, 3.0]], patience=0)
    assert rates == [1, 1, 1]


def test_watches_the_mean_of_all_processes(monkeypatch):
    def all_reduce(value, op='sum'):
        """As with another process, whose mean is 7."""
        value.add_(7).div_({'sum': 1, 'mean': 2}[op])

    monkeypatch.setattr(plateau_hook, 'all_reduce', all_reduce)
    _, scalars = train([[1.0, 2.0], [5.0]])
    assert scalars == pytest.approx({1: (1.5 + 7) / 2, 2: (5 + 7) / 2})


class Losses(Dataset):
    """Number n is the loss of iteration n."""

    VALUES = (4.0, 2.0, 3.0, 3.0, 1.0, 5.0, 2.0, 2.0)

    def __len__(self):
        return len(self.VALUES)

    def __getitem__(self, index):
        return {'inputs': torch.tensor(self.VALUES[index])}


class Given(BaseModel):
    """Its loss is its input."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(()))

    def forward(self, inputs, data_samples=None, mode='loss'):
        return {'loss': torch.stack(list(inputs)).mean() + 0 * self.weight}


def by_iterations(tmp_path, hooks, iterations=8, resume=False):
    """A training by iterations of one loss each; returns the runner, not yet started."""
    return Runner(
        model=Given(),
        work_dir=str(tmp_path),
        train_dataloader={
            'dataset': Losses(),
            'batch_size': 1,
            'num_workers': 0,
            'sampler': {'type': 'InfiniteSampler', 'shuffle': False},
        },
        train_cfg={'by_epoch': False, 'max_iters': iterations},
        optim_wrapper={'optimizer': {'type': 'SGD', 'lr': 1.0}},
        param_scheduler=[
            {'type': 'ReduceOnTrainLossLR', 'factor': 0.1, 'patience': 1},
        ],
        custom_hooks=hooks,
        default_hooks={
            'logger': None,
            'checkpoint': {'type': 'AtomicCheckpointHook', 'by_epoch': False, 'interval': 3},
        },
        default_scope='tsjnet_mm',
        resume=resume,
        experiment_name=f'{tmp_path.name}{iterations}{resume}',
    )


def test_iterations_are_judged_by_intervals(tmp_path):
    hooks = [{'type': 'TrainLossPlateauHook', 'interval': 2}]
    # Means 3, 3, 3, 2: the second and the third show no progress.
    runner = by_iterations(tmp_path / 'six', hooks, iterations=6)
    runner.train()
    assert runner.optim_wrapper.get_lr()['lr'] == pytest.approx([0.1])
    runner = by_iterations(tmp_path / 'four', hooks, iterations=5)
    runner.train()
    assert runner.optim_wrapper.get_lr()['lr'] == [1.0]


def test_an_interval_that_was_broken_off_is_judged_whole(tmp_path):
    hooks = [{'type': 'TrainLossPlateauHook', 'interval': 2}]
    by_iterations(tmp_path, hooks, iterations=3).train()
    runner = by_iterations(tmp_path, hooks, iterations=6, resume=True)
    runner.train()
    (scheduler,) = runner.param_schedulers
    # Third and fourth 3 and 3, fifth and sixth 1 and 5; without the third: 3 and 1.
    assert (scheduler.best, runner.optim_wrapper.get_lr()['lr']) == (3.0, pytest.approx([0.1]))


def test_checkpoints_that_tell_of_no_interval_begin_one():
    hook = TrainLossPlateauHook(interval=3)
    hook._total, hook._count = 5.0, 2
    hook.after_load_checkpoint(None, {'state_dict': {}})
    assert (hook._total, hook._count) == (0.0, 0)


def test_iterations_without_an_interval_are_refused(tmp_path):
    with pytest.raises(ValueError, match='give it an interval'):
        by_iterations(tmp_path, [{'type': 'TrainLossPlateauHook'}]).train()


def test_interval_is_checked():
    with pytest.raises(ValueError, match='interval must be at least 1, got 0'):
        TrainLossPlateauHook(interval=0)
