"""Detection driver (TSJNet, section 4.2): any mmdet detector, its regression loss."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from mmengine.model import ImgDataPreprocessor
from mmengine.structures import InstanceData
from torch import Tensor, nn

from tsjnet_mm.registry import MODELS
from tsjnet_mm.structures import FusionDataSample
from tsjnet_mm.utils.words import counted

from .base import BaseDriver, DriverSample, plain_sample

if TYPE_CHECKING:
    from mmdet.structures.mask import BitmapMasks


#: Names that regression terms carry in mmdet, also with a prefix or a suffix: boxes, their
#: sides, corners, centres' offsets and point sets. Qualities, centerness and masks are not of
#: them.
REGRESSION_TERMS = (
    '*loss*bbox*',
    '*loss*reg*',
    '*loss_iou*',
    '*loss_l1*',
    '*loss_dfl*',
    '*loss_xy*',
    '*loss_wh*',
    '*loss_offset*',
    '*off_loss*',
    '*loss_pts*',
    '*loss_grid*',
)
_MAP_MEANING = "the detector's class of each of them, -1 for none"


def filled_boxes(bboxes: Tensor, size: tuple[int, int]) -> BitmapMasks:
    """Masks of objects of which only boxes are known.

    Args:
        bboxes (Tensor): (N, 4) xyxy in pixels.
        size (tuple[int, int]): (H, W) of the image.

    Returns:
        BitmapMasks: mmdet's, N of (H, W), 1 in every pixel that a box touches.
    """
    from mmdet.structures.mask import BitmapMasks

    corners = bboxes.detach().cpu().numpy()
    first = np.floor(corners[:, :2]).astype(int).clip(min=0)
    last = np.ceil(corners[:, 2:]).astype(int)
    masks = np.zeros((len(corners), *size), np.uint8)
    for mask, (left, top), (right, bottom) in zip(masks, first, last, strict=True):
        mask[top:bottom, left:right] = 1
    return BitmapMasks(masks, *size)


def box_ious(bboxes: Tensor, others: Tensor) -> Tensor:
    """Intersection over union of each box with each other one.

    Args:
        bboxes (Tensor): (N, 4) xyxy.
        others (Tensor): (M, 4) xyxy.

    Returns:
        Tensor: (N, M) in [0, 1].
    """
    from mmdet.structures.bbox import bbox_overlaps

    return bbox_overlaps(bboxes.float(), others.float())


@MODELS.register_module()
class DetectionDriver(BaseDriver):
    """Wraps an mmdet detector, two-stage or one-stage.

    Detectors that are trained on masks get filled boxes for them. By default their mask terms,
    like those of classes, do not count.

    Args:
        model (dict, optional): Config of the detector; with ``config`` what differs from it.
        loss_terms (Sequence[str]): See :class:`BaseDriver`. Defaults to
            :data:`REGRESSION_TERMS`, so that the classification loss is left out, as in the
            paper.
        label_map (Sequence[int], optional): The detector's class of each of the data set's
            classes, -1 for none, e.g. when a detector pretrained on COCO drives the fusion.
            Defaults to the same classes.
        **options: ``loss_weight``, ``frozen``, ``appearance``, ``init_cfg``, ``config``,
            ``weights``, ``num_classes`` and ``allow_random``, see :class:`BaseDriver`.

    Raises:
        ValueError: See :class:`BaseDriver`, or ``label_map`` has no integers from -1 up.
    """

    kind, classes_key = 'detector', 'classes'

    def __init__(
        self,
        model: dict | None = None,
        loss_terms: Sequence[str] = REGRESSION_TERMS,
        label_map: Sequence[int] | None = None,
        **options: Any,
    ) -> None:
        super().__init__('mmdet', model, loss_terms, **options)
        if label_map is not None and not all(
            type(label) is int and label >= -1 for label in label_map
        ):
            raise ValueError(f'label_map must be integers from -1 up, got {list(label_map)}')
        self.label_map = None if label_map is None else torch.tensor(label_map)
        refusal = self._refusal()
        if refusal:
            raise ValueError(
                f'{type(self.model).__name__} cannot be a detection driver: {refusal}'
            )
        bbox_head = getattr(self.model, 'bbox_head', None)
        if isinstance(bbox_head, nn.Module) and not hasattr(bbox_head, 'loss_cls'):
            bbox_head.loss_cls = None  # To predict, mmdet reads it of all heads, also SSD's.
        # A head's loss, or that of a detector whose masks come from elsewhere.
        losses = any(hasattr(module, 'loss_mask') for module in self.model.modules())
        self.masks = losses or self.model.with_mask

    def _refusal(self):
        """Why the model is no detector that one image and its boxes train; None if it is."""
        from mmdet.models.detectors import BaseDetector

        if not isinstance(self.model, BaseDetector):
            return 'it is no detector of single images'
        if not isinstance(self.model.data_preprocessor, ImgDataPreprocessor):
            kind = type(self.model.data_preprocessor).__name__
            return f'its {kind} takes other batches than images; take the detector inside it'
        if not getattr(self.model, 'with_rpn', True):
            return 'it needs `proposals`, boxes found by another network'
        return None

    @property
    def head(self) -> nn.Module | None:
        """See :class:`BaseDriver`."""
        roi_head = getattr(self.model, 'roi_head', None)
        return getattr(self.model if roi_head is None else roi_head, 'bbox_head', None)

    @property
    def unknown(self) -> list[int]:
        """The data set's classes that ``label_map`` gives none of the detector's."""
        labels = [] if self.label_map is None else self.label_map.tolist()
        return [label for label, known in enumerate(labels) if known < 0]

    def _check_classes(self, wanted, count):
        if self.label_map is None:
            super()._check_classes(wanted, count)
            return
        labels, named = self.label_map.tolist(), ', '.join(wanted)
        if len(labels) != len(wanted):
            raise ValueError(
                f'label_map has {counted(len(labels), "entry", "entries")}, the data set '
                f'{counted(len(wanted), "class", "classes")} ({named}): write {_MAP_MEANING}'
            )
        if max(labels) >= count or max(labels) < 0:
            raise ValueError(
                f"label_map {labels} must name some of the detector's {count} classes, "
                f"0 to {count - 1}, for the data set's ({named})"
            )

    def _mapping_remedy(self, wanted, names):
        guess = [names.index(name) if name in names else -1 for name in wanted]
        written = f'label_map={guess}' if max(guess) >= 0 else 'a label_map'
        return f'{written} ({_MAP_MEANING}), or '

    def _annotated(self, sample, size):
        if 'gt_instances' not in sample:
            raise ValueError(
                f'{sample.get("img_path", "a pair")} has no gt_instances; a detection driver '
                'needs boxes: give the data set `data_prefix=dict(boxes=...)`, or drop the '
                'detector from the model config'
            )
        view = DriverSample(metainfo=sample.metainfo)
        instances = sample.gt_instances
        labels, bboxes = instances.labels, instances.bboxes
        if self.label_map is not None:
            labels = self.label_map.to(labels.device)[labels]
            bboxes, labels = bboxes[labels >= 0], labels[labels >= 0]
        view.gt_instances = InstanceData(bboxes=bboxes, labels=labels)
        if self.masks:
            view.gt_instances.masks = filled_boxes(bboxes, size)
        if 'ignored_instances' in sample:
            view.ignored_instances = sample.ignored_instances
        return view

    def _predict(self, luma, visible, data_samples):
        samples = [plain_sample(sample, sample.img_shape[:2]) for sample in data_samples]
        inputs, samples = self.prepare(luma, visible, samples)
        found = self.model.predict(inputs, samples)
        return [self._in_own_classes(sample.pred_instances) for sample in found]

    def object_scores(
        self, luma: Tensor, visible: Tensor, data_samples: list[FusionDataSample]
    ) -> list[Tensor]:
        """How surely the network finds each labelled object in an image, without gradients.

        Args:
            luma (Tensor): (B, 1, H, W) in [0, 1]: the fused, infrared or visible image.
            visible (Tensor): (B, 3, H, W) RGB in [0, 1], for ``appearance='colour'``.
            data_samples (list[FusionDataSample]): With ``gt_instances``.

        Returns:
            list[Tensor]: Of each pair (N,) in [0, 1]: the highest score among detections of
            the object's class whose IoU with its box is at least 0.5; 0 without one.
        """
        scores = []
        found = self.predict(luma, visible, data_samples)
        for sample, each in zip(data_samples, found, strict=True):
            objects = sample.gt_instances
            matches = box_ious(objects.bboxes, each.bboxes) >= 0.5
            matches &= objects.labels[:, None] == each.labels[None]
            best = torch.where(matches, each.scores[None].float(), 0.0)
            # A column of zeros, for there may be no detection.
            scores.append(torch.nn.functional.pad(best, (0, 1)).amax(1))
        return scores

    def _in_own_classes(self, found):
        """Detections in the data set's classes, without those that it does not have."""
        labels = found.labels
        known = torch.ones_like(labels, dtype=torch.bool)
        if self.label_map is not None:
            # Of classes that share one of the detector's, the first.
            matches = labels[:, None] == self.label_map.to(labels.device)[None]
            known = matches.any(1)
            labels = matches.int().argmax(1)
        return InstanceData(
            bboxes=found.bboxes[known], scores=found.scores[known], labels=labels[known]
        )
