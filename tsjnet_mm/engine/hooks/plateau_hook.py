"""Learning rate on a plateau of the training loss, as in the paper's recipe."""

from mmengine.dist import all_reduce
from mmengine.hooks import Hook
from mmengine.optim import ReduceOnPlateauLR

from tsjnet_mm.registry import HOOKS, PARAM_SCHEDULERS


@PARAM_SCHEDULERS.register_module()
class ReduceOnTrainLossLR(ReduceOnPlateauLR):
    """``ReduceOnPlateauLR`` that watches the epoch's mean training loss.

    mmengine's scheduler steps on validation metrics; :class:`TrainLossPlateauHook` steps this
    one. The loss must fall by more than ``threshold`` (relative) to count as progress.

    Args:
        optimizer (Optimizer | OptimWrapper): What it schedules.
        *args: See mmengine's ``ReduceOnPlateauLR``.
        **kwargs: The same; ``monitor`` is fixed and ``rule`` is ``'less'``.
    """

    need_val_args = False

    def __init__(self, optimizer, *args, **kwargs):
        kwargs.update(monitor='train_loss', rule='less')
        super().__init__(optimizer, *args, **kwargs)


@HOOKS.register_module()
class TrainLossPlateauHook(Hook):
    """Feed the epoch's mean training loss to every :class:`ReduceOnTrainLossLR`.

    The mean runs over iterations and processes; it is logged, and goes to the visualisation
    backends as ``epoch_loss``.
    """

    priority = 'NORMAL'

    def before_train_epoch(self, runner):
        """Forget the previous epoch."""
        self._total = 0.0
        self._count = 0

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        """Add an iteration's loss."""
        self._total = self._total + outputs['loss'].detach().double()
        self._count += 1

    def after_train_epoch(self, runner):
        """Step the schedulers."""
        if self._count == 0:
            return
        mean = self._total / self._count
        all_reduce(mean, op='mean')
        mean = mean.item()
        runner.visualizer.add_scalar('epoch_loss', mean, step=runner.epoch + 1)
        runner.logger.info(f'epoch {runner.epoch + 1}: mean training loss {mean:.4f}')
        schedulers = runner.param_schedulers
        if isinstance(schedulers, dict):
            schedulers = [scheduler for group in schedulers.values() for scheduler in group]
        for scheduler in schedulers or ():
            if isinstance(scheduler, ReduceOnTrainLossLR):
                scheduler.step({'train_loss': mean})
