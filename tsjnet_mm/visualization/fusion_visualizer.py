"""The visualiser of pairs: sources, fused image, labels and predictions."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.visualization import Visualizer
from torch import Tensor

from tsjnet_mm.registry import VISUALIZERS
from tsjnet_mm.structures import FusionDataSample
from tsjnet_mm.utils.colour import recolour

from .drawing import draw_boxes, draw_mask
from .palette import class_colour
from .sheet import make_sheet, save_png


def _to_channels_first(image, name):
    """Float tensor (C, H, W) on the CPU, C of 1 or 3."""
    if isinstance(image, np.ndarray):
        image = torch.from_numpy(np.ascontiguousarray(image))
        image = image.permute(2, 0, 1) if image.dim() == 3 else image
    elif not isinstance(image, torch.Tensor):
        raise TypeError(f'{name} must be a tensor or an array, got {type(image).__name__}')
    image = image[None] if image.dim() == 2 else image
    if image.dim() != 3 or image.shape[0] not in (1, 3):
        raise ValueError(
            f'{name} must be a tensor (1|3, H, W) or an array (H, W[, 1|3]), '
            f'got {tuple(image.shape)} (channels first)'
        )
    image = image.detach().cpu()
    return image.float() / 255 if image.dtype == torch.uint8 else image.float()


def _to_array(image):
    return image.permute(1, 2, 0).numpy()


@VISUALIZERS.register_module()
class FusionVisualizer(Visualizer):
    """Draws a pair as one row: ir | vi | fused | true boxes | found boxes | true, found masks.

    Boxes and masks are drawn on the fused image, or on the visible one where nothing was
    fused. What a sample does not have is left out. Class names come from ``dataset_meta``
    (``classes`` and ``seg_classes``), which mmengine's loops set.

    Args:
        name (str): Name of the instance.
        score_thr (float): Predicted boxes below this score are not drawn. Defaults to 0.3.
        **kwargs: See mmengine's ``Visualizer``: ``vis_backends``, ``save_dir``.
    """

    def __init__(self, name: str = 'visualizer', score_thr: float = 0.3, **kwargs: Any) -> None:
        super().__init__(name, **kwargs)
        self.score_thr = score_thr

    def draw_row(
        self,
        ir: Tensor | np.ndarray,
        vi: Tensor | np.ndarray,
        data_sample: FusionDataSample | None = None,
        draw_gt: bool = True,
        draw_pred: bool = True,
    ) -> tuple[list[np.ndarray], list]:
        """The panels of a pair and their titles, for :func:`make_sheet`.

        Args:
            ir (Tensor | np.ndarray): Infrared: tensor (1, H, W) or array (H, W[, 1]).
            vi (Tensor | np.ndarray): Visible: tensor (1|3, H, W) or array (H, W[, 1|3]), RGB.
                Both are float in [0, 1] or uint8.
            data_sample (FusionDataSample, optional): What is known of it.
            draw_gt (bool): Whether to draw true boxes and masks.
            draw_pred (bool): Whether to draw predicted ones.

        Returns:
            tuple[list[np.ndarray], list]: Images (H, W, 3), and titles.

        Raises:
            TypeError: ``ir`` or ``vi`` is neither tensor nor array.
            ValueError: Shapes do not fit each other.
        """
        ir = _to_channels_first(ir, 'ir')
        vi = _to_channels_first(vi, 'vi')
        panels, titles = [_to_array(ir), _to_array(vi)], ['infrared', 'visible']
        if data_sample is None:
            return panels, titles
        canvas = panels[1]
        if 'fused' in data_sample:
            fused = _to_channels_first(data_sample.fused.data, 'fused')
            canvas = _to_array(recolour(fused, vi))
            panels.append(canvas)
            titles.append('fused')
        kinds = ([('gt', 'true')] if draw_gt else []) + (
            [('pred', 'found')] if draw_pred else []
        )
        for kind, word in kinds:
            if f'{kind}_instances' in data_sample:
                instances = getattr(data_sample, f'{kind}_instances')
                panels.append(self._draw_instances(canvas, instances))
                titles.append(f'boxes, {word}')
        for kind, word in kinds:
            if f'{kind}_sem_seg' in data_sample:
                mask = getattr(data_sample, f'{kind}_sem_seg').data.detach().cpu().numpy()[0]
                panel, legend = self._draw_classes(canvas, mask)
                panels.append(panel)
                titles.append([(f'masks, {word}:', (230, 230, 230)), *legend])
        return panels, titles

    def add_datasample(
        self,
        name: str,
        ir: Tensor | np.ndarray,
        vi: Tensor | np.ndarray,
        data_sample: FusionDataSample | None = None,
        draw_gt: bool = True,
        draw_pred: bool = True,
        show: bool = False,
        wait_time: float = 0,
        step: int = 0,
        out_file: str | Path | None = None,
    ) -> np.ndarray:
        """Draw a pair to the configured backends, or else to a file.

        Args:
            name (str): Tag in the backends, title of the window.
            ir (Tensor | np.ndarray): See :meth:`draw_row`, as for the four that follow.
            vi (Tensor | np.ndarray): As above.
            data_sample (FusionDataSample, optional): As above.
            draw_gt (bool): As above.
            draw_pred (bool): As above.
            show (bool): Whether to show it in a window.
            wait_time (float): Seconds to show it; 0 waits for a key.
            step (int): Step in the backends.
            out_file (str | Path, optional): PNG file to write, by any process and atomically,
                instead of handing the sheet to the backends (which only the main process
                does).

        Returns:
            np.ndarray: The sheet, (H, W, 3) uint8 RGB.

        Raises:
            TypeError: ``ir`` or ``vi`` is neither tensor nor array.
            ValueError: Shapes do not fit each other, or ``out_file`` is no PNG.
        """
        panels, titles = self.draw_row(ir, vi, data_sample, draw_gt, draw_pred)
        sheet = make_sheet([panels], titles)
        self.set_image(sheet)
        if show:
            self.show(sheet, win_name=name, wait_time=wait_time)
        if out_file is None:
            self.add_image(name, sheet, step)
        else:
            save_png(sheet, out_file)
        return sheet

    def _names(self, key):
        return (self.dataset_meta or {}).get(key) or ()

    def _class(self, key, label):
        """Name and colour of a class; its number where it has no name."""
        names = self._names(key)
        name = names[label] if 0 <= label < len(names) else str(label)
        return name, class_colour(name, label)

    def _draw_instances(self, image, instances):
        scores = instances.get('scores')
        if scores is not None:
            instances = instances[scores >= self.score_thr]
            scores = instances.scores.tolist()
        names, colours = [], []
        for index, label in enumerate(instances.labels.tolist()):
            name, colour = self._class('classes', label)
            names.append(name if scores is None else f'{name} {scores[index]:.2f}')
            colours.append(colour)
        boxes = instances.bboxes.detach().cpu().numpy().reshape(-1, 4)
        return draw_boxes(image, boxes, names, colours)

    def _draw_classes(self, image, mask):
        present = [int(label) for label in np.unique(mask) if label != 255]
        count = max([len(self._names('seg_classes')), *(label + 1 for label in present)])
        classes = [self._class('seg_classes', label) for label in range(count)]
        legend = [classes[label] for label in present if any(classes[label][1])]
        return draw_mask(image, mask, [colour for _, colour in classes]), legend
