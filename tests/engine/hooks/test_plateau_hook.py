from types import SimpleNamespace

import pytest
import torch
from mmengine.hooks import ParamSchedulerHook
from mmengine.optim import OptimWrapper

from tsjnet_mm.engine.hooks import ReduceOnTrainLossLR, TrainLossPlateauHook


def train(losses_of_epochs, **options):
    """Learning rate after each epoch, with both hooks acting as under the Runner."""
    optimizer = OptimWrapper(torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0))
    scheduler = ReduceOnTrainLossLR(optimizer, factor=0.1, **options)
    scalars = {}
    runner = SimpleNamespace(
        epoch=0,
        param_schedulers=[scheduler],
        logger=SimpleNamespace(info=lambda _: None),
        visualizer=SimpleNamespace(
            add_scalar=lambda name, value, step: scalars.__setitem__(step, value)
        ),
    )
    hook, stepper = TrainLossPlateauHook(), ParamSchedulerHook()
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


def test_reduces_after_more_than_patience_bad_epochs():
    falling = [[3.0], [2.0]]
    flat = [[2.0]] * 5
    rates, _ = train(falling + flat, patience=3)
    assert rates == pytest.approx([1, 1, 1, 1, 1, 0.1, 0.1])


def test_watches_the_mean_of_the_epoch():
    # The last loss of each epoch rises, the mean falls.
    _, scalars = train([[9.0, 1.0], [6.0, 2.0], [3.0, 3.0]], patience=0)
    assert scalars == pytest.approx({1: 5.0, 2: 4.0, 3: 3.0})
    rates, _ = train([[9.0, 1.0], [6.0, 2.0], [3.0, 3.0]], patience=0)
    assert rates == [1, 1, 1]
