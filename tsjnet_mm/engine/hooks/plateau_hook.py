"""Learning rate on a plateau of the training loss, as in the paper's recipe."""

from typing import Any

import torch
from mmengine.dist import all_reduce
from mmengine.hooks import Hook
from mmengine.optim import OptimWrapper, ReduceOnPlateauLR
from mmengine.runner import IterBasedTrainLoop, Runner
from torch.optim import Optimizer

from tsjnet_mm.registry import HOOKS, PARAM_SCHEDULERS


@PARAM_SCHEDULERS.register_module()
class ReduceOnTrainLossLR(ReduceOnPlateauLR):
    """``ReduceOnPlateauLR`` that watches the mean training loss.

    mmengine's scheduler steps on validation metrics; :class:`TrainLossPlateauHook` steps this
    scheduler. The loss must fall by more than ``threshold`` (relative) to count as progress.
    The rate is reduced when ``patience + 1`` means in a row show none: ``patience=2`` is the
    paper's "did not progress three consecutive times".

    Args:
        optimizer (Optimizer | OptimWrapper): What it schedules.
        *args: See mmengine's ``ReduceOnPlateauLR``.
        **kwargs: The same; ``monitor`` is fixed and ``rule`` is ``'less'``.
    """

    need_val_args = False

    def __init__(self, optimizer: Optimizer | OptimWrapper, *args: Any, **kwargs: Any) -> None:
        kwargs.update(monitor='train_loss', rule='less')
        super().__init__(optimizer, *args, **kwargs)


@HOOKS.register_module()
class TrainLossPlateauHook(Hook):
    """Pass the mean training loss to every :class:`ReduceOnTrainLossLR`.

    The mean runs over iterations and processes; it is logged, and goes to the visualisation
    backends as ``epoch_loss``, or ``interval_loss``.

    Args:
        interval (int, optional): Take the mean of so many iterations. Defaults to None: of
            each epoch. An iteration-based loop, which has no epochs, needs a number.

    Raises:
        ValueError: ``interval`` is not positive; or, when training starts, it is missing
            under an iteration-based loop.
    """

    priority = 'NORMAL'

    def __init__(self, interval: int | None = None) -> None:
        if interval is not None and interval < 1:
            raise ValueError(f'interval must be at least 1, got {interval}')
        self.interval = interval
        self._total, self._count = 0.0, 0

    def before_train(self, runner: Runner) -> None:
        """Check the loop."""
        if self.interval is None and isinstance(runner.train_loop, IterBasedTrainLoop):
            raise ValueError(
                'TrainLossPlateauHook takes the mean loss of each epoch, and an '
                'iteration-based loop has no epochs: give it an interval, such as '
                "dict(type='TrainLossPlateauHook', interval=500)"
            )

    def before_train_epoch(self, runner: Runner) -> None:
        """Forget the previous epoch."""
        if self.interval is None:
            self._total, self._count = 0.0, 0

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: dict | None = None,
        outputs: Any = None,
    ) -> None:
        """Add an iteration's loss, and step the schedulers after ``interval`` of them."""
        self._total = self._total + outputs['loss'].detach().double()
        self._count += 1
        if self._count == self.interval:
            self._judge(runner, 'interval', runner.iter + 1)

    def after_train_epoch(self, runner: Runner) -> None:
        """Step the schedulers after an epoch."""
        if self.interval is None and self._count:
            self._judge(runner, 'epoch', runner.epoch + 1)

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Keep what was added since the last mean: a resumed run then judges the same ones."""
        if self.interval is not None:
            checkpoint['interval_loss'] = (float(self._total), self._count)

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Take up what :meth:`before_save_checkpoint` kept."""
        if self.interval is not None:
            self._total, self._count = checkpoint.get('interval_loss', (0.0, 0))

    def _judge(self, runner, kind, step):
        mean = torch.as_tensor(self._total) / self._count
        self._total, self._count = 0.0, 0
        all_reduce(mean, op='mean')
        mean = mean.item()
        runner.visualizer.add_scalar(f'{kind}_loss', mean, step=step)
        ended = f'epoch {step}' if kind == 'epoch' else f'{self.interval} iterations to {step}'
        runner.logger.info(f'{ended}: mean training loss {mean:.4f}')
        schedulers = runner.param_schedulers
        if isinstance(schedulers, dict):
            schedulers = [scheduler for group in schedulers.values() for scheduler in group]
        for scheduler in schedulers or ():
            if isinstance(scheduler, ReduceOnTrainLossLR):
                scheduler.step({'train_loss': mean})
