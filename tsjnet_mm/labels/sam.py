"""Object masks from boxes, by SAM; needs the package transformers and a folder of weights.

Segment Anything (Kirillov et al., 2023) as Hugging Face's transformers keeps it. Nothing is
downloaded: the weights are a folder of yours, with ``config.json``, ``model.safetensors`` and
``preprocessor_config.json``, such as a copy of ``facebook/sam-vit-base``.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import nn

from .object_mask import ObjectMask
from .shapes import whole_box
from .shift import find_shifts

_INSTALL = (
    'masks by SAM need the package transformers: pip install transformers; '
    '--method grabcut does without'
)


class SamMasks:
    """Makes masks as :func:`.grabcut_masks` does.

    SAM sees the infrared image and the visible one, each with the boxes as prompts (in the
    infrared image where :func:`.find_shifts` finds the objects). Of the two masks of an object
    the one of the higher quality is taken: the IoU that SAM predicts, times how far the mask
    reaches to the sides of its box. Masks are cut off at their boxes.

    Args:
        path (str | Path): Folder of the weights, in the safetensors format alone: others may
            run code when they are read.
        device (str): Where it runs. Defaults to 'cpu'.
        max_shift (float): See :func:`.grabcut_masks`.
        model (torch.nn.Module, optional): In place of the weights: called as transformers'
            ``SamModel``. Defaults to that of ``path``.
        processor (Callable, optional): As ``SamProcessor``, with ``post_process_masks``.

    Raises:
        ImportError: transformers is not installed; says what to do.
        FileNotFoundError: There is no such folder, or no safetensors in it.
    """

    def __init__(
        self,
        path: str | Path | None = None,
        device: str = 'cpu',
        max_shift: float = 0.075,
        model: nn.Module | None = None,
        processor: Callable | None = None,
    ) -> None:
        self.device, self.max_shift = device, max_shift
        if model is None or processor is None:
            model, processor = _load(path)
        self.model, self.processor = model.to(device).eval(), processor

    def __call__(
        self,
        ir: np.ndarray,
        vi: np.ndarray,
        boxes: Sequence[Sequence[float]] | np.ndarray,
        names: Sequence[str],
    ) -> list[ObjectMask]:
        """Mask of each object.

        Args:
            ir (np.ndarray): (H, W) float32 in [0, 1].
            vi (np.ndarray): (H, W, 3) float32 RGB in [0, 1].
            boxes (Sequence[Sequence[float]] | np.ndarray): N boxes xyxy in pixels.
            names (Sequence[str]): Not looked at.

        Returns:
            list[ObjectMask]: One for each box.
        """
        size = ir.shape
        boxes = np.array([whole_box(box, size) for box in boxes]).reshape(-1, 4)
        if not len(boxes):
            return []
        shifts = find_shifts(ir, boxes, round(self.max_shift * size[1]))
        infrared = np.repeat(ir[..., None], 3, axis=2)
        seen = {
            'sam ir': self._segment(infrared, boxes + np.tile(shifts, 2)),
            'sam vi': self._segment(vi, boxes),
        }
        result = []
        for index, (box, shift) in enumerate(zip(boxes, shifts, strict=True)):
            best = None
            for view, (masks, predicted) in seen.items():
                mask = _move(masks[index], -shift) if view == 'sam ir' else masks[index]
                mask = _cut_off(mask, box)
                quality = float(np.clip(predicted[index], 0, 1)) * _reach(mask, box)
                if best is None or quality > best.quality:
                    best = ObjectMask(mask, quality, view)
            result.append(best)
        return result

    @torch.no_grad()
    def _segment(self, image, boxes):
        """Masks (N, H, W) bool and predicted IoU (N,) of one image."""
        pixels = np.round(255 * image).astype(np.uint8)
        prompts = [[[float(edge) for edge in box] for box in boxes]]
        inputs = self.processor(pixels, input_boxes=prompts, return_tensors='pt')
        inputs = inputs.to(self.device)
        found = self.model(
            pixel_values=inputs['pixel_values'],
            input_boxes=inputs['input_boxes'].float(),
            multimask_output=False,
        )
        masks = self.processor.post_process_masks(
            found.pred_masks.cpu(),
            inputs['original_sizes'].cpu(),
            inputs['reshaped_input_sizes'].cpu(),
        )[0]
        return masks[:, 0].numpy().astype(bool), found.iou_scores[0, :, 0].cpu().numpy()


def _load(path):
    try:
        from transformers import SamModel, SamProcessor
    except ImportError as error:
        raise ImportError(_INSTALL) from error
    if path is None or not any(Path(path).glob('*.safetensors')):
        raise FileNotFoundError(
            f'{path}: expected a folder with config.json, model.safetensors and '
            'preprocessor_config.json, such as a copy of facebook/sam-vit-base'
        )
    options = {'local_files_only': True}
    model = SamModel.from_pretrained(path, use_safetensors=True, **options)
    return model, SamProcessor.from_pretrained(path, **options)


def _move(mask, shift):
    """The mask moved by (dx, dy); what comes in from outside is empty."""
    dx, dy = (int(part) for part in shift)
    height, width = mask.shape
    moved = np.zeros_like(mask)
    target = slice(max(dy, 0), height + min(dy, 0)), slice(max(dx, 0), width + min(dx, 0))
    source = slice(max(-dy, 0), height + min(-dy, 0)), slice(max(-dx, 0), width + min(-dx, 0))
    moved[target] = mask[source]
    return moved


def _cut_off(mask, box):
    inside = np.zeros_like(mask)
    place = slice(box[1], box[3]), slice(box[0], box[2])
    inside[place] = mask[place]
    return inside


def _reach(mask, box):
    """Share of the box that the mask's own bounding box covers."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not len(rows):
        return 0.0
    covered = (rows[-1] - rows[0] + 1) * (columns[-1] - columns[0] + 1)
    return float(covered / ((box[2] - box[0]) * (box[3] - box[1])))
