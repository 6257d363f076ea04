"""Sheets of some validation pairs while training, and of all test pairs."""

from pathlib import Path
from typing import Any

import numpy as np
from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner

from tsjnet_mm.registry import HOOKS


@HOOKS.register_module()
class FusionVisualizationHook(Hook):
    """Draw validation pairs through the runner's :class:`FusionVisualizer`.

    In validation the main process draws the same few pairs every time, so that the sheets of
    successive epochs compare; they go to the visualiser's backends (``LocalVisBackend``:
    ``vis_data/vis_image`` in the run's folder) under ``val_<stem>``. In testing every pair
    is written to ``test_out_dir``, by the process that tested it.

    Args:
        interval (int): Draw when so many epochs (iterations, if not ``by_epoch``) have
            passed since the last drawing. Defaults to 1.
        num_samples (int): Pairs per drawing. Defaults to 4.
        spread (bool): Take them evenly spaced over the set, or the first ones. Defaults to
            True.
        by_epoch (bool): Whether training counts epochs. Defaults to True.
        test_out_dir (str, optional): Folder for the sheets of a test, relative to the run's
            ``work_dir/timestamp``. Defaults to None: a test draws nothing.

    Raises:
        ValueError: ``interval`` or ``num_samples`` is not positive.
    """

    priority = 'NORMAL'

    def __init__(
        self,
        interval: int = 1,
        num_samples: int = 4,
        spread: bool = True,
        by_epoch: bool = True,
        test_out_dir: str | None = None,
    ) -> None:
        for name, value in (('interval', interval), ('num_samples', num_samples)):
            if value < 1:
                raise ValueError(f'{name} must be at least 1, got {value}')
        self.interval = interval
        self.num_samples = num_samples
        self.spread = spread
        self.by_epoch = by_epoch
        self.test_out_dir = test_out_dir
        self._last_step = None
        self._chosen = frozenset()
        self._seen = 0

    def before_val_epoch(self, runner: Runner) -> None:
        """Choose the pairs to draw in this validation, if any."""
        self._seen = 0
        self._chosen = frozenset()
        step = self._step(runner)
        due = self._last_step is None or step - self._last_step >= self.interval
        if not is_main_process() or not due:
            return
        self._last_step = step
        total = len(runner.val_dataloader.sampler)
        count = min(self.num_samples, total)
        last = total - 1 if self.spread else count - 1
        self._chosen = frozenset(np.linspace(0, last, count).round().astype(int).tolist())

    def after_val_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: dict | None = None,
        outputs: Any = None,
    ) -> None:
        """Draw the chosen ones among a batch."""
        for index, sample in enumerate(outputs):
            if self._seen in self._chosen:
                name = f'val_{_stem(sample)}'
                _draw(runner, name, data_batch, index, sample, step=self._step(runner))
            self._seen += 1

    def after_test_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: dict | None = None,
        outputs: Any = None,
    ) -> None:
        """Write every pair of a batch, if there is a folder for them."""
        if self.test_out_dir is None:
            return
        folder = Path(runner.work_dir, runner.timestamp, self.test_out_dir)
        for index, sample in enumerate(outputs):
            path = folder / f'{_stem(sample)}.png'
            _draw(runner, f'test_{path.stem}', data_batch, index, sample, out_file=path)

    def _step(self, runner):
        return runner.epoch if self.by_epoch else runner.iter


def _stem(sample):
    return Path(sample.metainfo['ir_path']).stem


def _draw(runner, name, data_batch, index, sample, **where):
    ir, vi = (data_batch['inputs'][key][index] for key in ('ir', 'vi'))
    runner.visualizer.add_datasample(name, ir, vi, sample, **where)
