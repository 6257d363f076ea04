"""Predictions of fused models, drawn on the image that the network saw."""

import os
from typing import Any

import cv2
import numpy as np
import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner

from tsjnet_mm.registry import HOOKS


@HOOKS.register_module()
class FusedVisualizationHook(Hook):
    """Draw what a ``FusedDetector`` or ``FusedSegmentor`` found on the fused image.

    It takes the place of mmdet's ``DetVisualizationHook`` and of mmseg's
    ``SegVisualizationHook``, which draw on the file of the visible image, and has their
    options, so that ``--show`` and ``--show-dir`` of their ``tools/test.py`` work.

    Args:
        draw (bool): Whether to draw. Defaults to False.
        interval (int): In validation, draw the first image of every so many batches. Defaults
            to 50.
        score_thr (float): Boxes with lower scores are not drawn. Defaults to 0.3.
        show (bool): Show a window. Defaults to False.
        wait_time (float): Seconds to show it; 0 waits for a key.
        test_out_dir (str, optional): Folder of the images of a test, relative to the run's
            ``work_dir/timestamp``. Defaults to the visualiser's backends.
        backend_args (dict, optional): Not used.
    """

    def __init__(
        self,
        draw: bool = False,
        interval: int = 50,
        score_thr: float = 0.3,
        show: bool = False,
        wait_time: float = 0.0,
        test_out_dir: str | None = None,
        backend_args: dict | None = None,
    ) -> None:
        self.draw = draw
        self.interval = interval
        self.score_thr = score_thr
        self.show = show
        self.wait_time = wait_time
        self.test_out_dir = test_out_dir
        self._drawn = 0

    def after_val_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: dict | None = None,
        outputs: Any = None,
    ) -> None:
        """Draw the first image of some batches."""
        step = runner.iter + batch_idx
        if self.draw and step % self.interval == 0:
            self._add(runner, 'val_img', data_batch, outputs, 0, step)

    def after_test_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: dict | None = None,
        outputs: Any = None,
    ) -> None:
        """Draw every image."""
        for index in range(len(outputs) if self.draw else 0):
            self._drawn += 1
            self._add(runner, 'test_img', data_batch, outputs, index, self._drawn)

    def _add(self, runner, name, data_batch, outputs, index, step):
        sample, options = outputs[index], {}
        image = _fused_image(runner.model, data_batch, index)
        file = os.path.basename(sample.img_path)
        if 'pred_instances' in sample:
            options['pred_score_thr'] = self.score_thr
        if self.test_out_dir is not None and name == 'test_img':
            folder = os.path.join(runner.work_dir, runner.timestamp, self.test_out_dir)
            options['out_file'] = os.path.join(folder, file)
        runner.visualizer.add_datasample(
            f'{name}_{file}' if 'pred_sem_seg' in sample else name,
            image,
            data_sample=sample.cpu(),
            show=self.show,
            wait_time=self.wait_time,
            step=step,
            **options,
        )


def _fused_image(model, data_batch, index):
    """The fused image in the size of the original, (H, W, 3) uint8 RGB."""
    while not hasattr(model, 'fuse'):  # Of several processes, or of test-time augmentation.
        if not hasattr(model, 'module'):
            raise TypeError(
                f'FusedVisualizationHook draws what fused models see, {type(model).__name__} '
                "is none: take its library's own hook"
            )
        model = model.module
    inputs, samples = data_batch['inputs'], data_batch['data_samples']
    if isinstance(samples[0], list | tuple):  # Views: the first one that is not flipped.
        flipped = [bool(view[index].get('flip', False)) for view in samples]
        view = flipped.index(False) if False in flipped else 0
        inputs, samples = inputs[view], samples[view]
    device = next(model.parameters()).device
    with torch.no_grad():
        fused = model.fuse([inputs[index].to(device)])[0].cpu()
    image = fused.flip(0).permute(1, 2, 0).numpy()
    size = samples[index].ori_shape[1::-1]
    # Not img_shape, which has the margins that a pipeline pads.
    scale = samples[index].get('scale_factor', (1.0, 1.0))
    width, height = (max(1, round(side * by)) for side, by in zip(size, scale, strict=True))
    image = image[:height, :width]
    if size != (width, height):
        image = cv2.resize(image, size, interpolation=cv2.INTER_LINEAR)
    return np.ascontiguousarray(np.clip(np.rint(image), 0, 255).astype(np.uint8))
