"""Compares drivers with the data set before a training starts."""

from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner

from tsjnet_mm.registry import HOOKS


@HOOKS.register_module()
class DriverCheckHook(Hook):
    """Check that the drivers of a joint model fit the data set, when all weights are loaded.

    Without this hook, a frozen driver with random weights, or one with other classes than the
    data set, would give useless gradients without a message.
    """

    def before_train(self, runner: Runner) -> None:
        """See :meth:`JointFusor.check_drivers`; models without drivers are left alone."""
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        if hasattr(model, 'check_drivers'):
            model.check_drivers(runner.train_dataloader.dataset.metainfo)
