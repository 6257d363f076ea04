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
from tsjnet_mm.utils.words import counted

from .base import BaseDriver, DriverSample, network_images, plain_sample

if TYPE_CHECKING:
    from mmdet.structures.mask import BitmapMasks

    from tsjnet_mm.structures import FusionDataSample

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
        loss_weight (float): Factor of the terms. Defaults to 1.
        frozen (bool): See :class:`BaseDriver`. Defaults to True.
        appearance (str): See :class:`BaseDriver`. Defaults to ``'grey'``.
        init_cfg (dict, optional): Initialisation.
        **network: ``config``, ``weights``, ``num_classes`` and ``allow_random``, see
            :class:`BaseDriver`.

    Raises:
        ValueError: See :class:`BaseDriver`, or ``label_map`` has no integers from -1 up.
    """

    def __init__(
        self,
        model: dict | None = None,
        loss_terms: Sequence[str] = REGRESSION_TERMS,
        label_map: Sequence[int] | None = None,
        loss_weight: float = 1.0,
        frozen: bool = True,
        appearance: str = 'grey',
        init_cfg: dict | None = None,
        **network: Any,
    ) -> None:
        super().__init__(
            'mmdet', model, loss_terms, loss_weight, frozen, appearance, init_cfg, **network
        )
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
    def num_classes(self) -> int | None:
        """See :class:`BaseDriver`."""
        roi_head = getattr(self.model, 'roi_head', None)
        head = getattr(self.model if roi_head is None else roi_head, 'bbox_head', None)
        if isinstance(head, nn.ModuleList):
            head = head[-1]
        return getattr(head, 'num_classes', None)

    def check(self, metainfo: dict) -> None:
        """See :class:`BaseDriver`."""
        self.check_weights()
        wanted = list(metainfo.get('classes') or ())
        count = self.num_classes
        if not wanted or count is None:
            return
        named = ', '.join(wanted)
        meaning = "the detector's class of each of them, -1 for none"
        if self.label_map is not None:
            labels = self.label_map.tolist()
            if len(labels) != len(wanted):
                raise ValueError(
                    f'label_map has {counted(len(labels), "entry", "entries")}, the data set '
                    f'{counted(len(wanted), "class", "classes")} ({named}): write {meaning}'
                )
            if max(labels) >= count or max(labels) < 0:
                raise ValueError(
                    f"label_map {labels} must name some of the detector's {count} classes, "
                    f"0 to {count - 1}, for the data set's ({named})"
                )
            return
        names = None if self.classes is None else list(self.classes)
        if count == len(wanted) and names in (None, wanted):
            return
        names = names or []
        guess = [names.index(name) if name in names else -1 for name in wanted]
        written = f'label_map={guess}' if max(guess) >= 0 else 'a label_map'
        raise ValueError(
            f'the detector ({type(self.model).__name__}) has '
            f'{counted(count, "class", "classes")}'
            f'{f" ({names[0]}, ...)" if names else ""}, the data set {len(wanted)} ({named}): '
            f'give the driver {written} ({meaning}), or num_classes={len(wanted)} and '
            'frozen=False, so that its heads learn them anew'
        )

    def _sample(self, sample):
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
        if 'ignored_instances' in sample:
            view.ignored_instances = sample.ignored_instances
        return view

    def loss(
        self, luma: Tensor, visible: Tensor, data_samples: list[FusionDataSample]
    ) -> dict[str, Tensor]:
        """Detection loss of a batch of images.

        Args:
            luma (Tensor): (B, 1, H, W) in [0, 1]: the fused, infrared or visible image.
            visible (Tensor): (B, 3, H, W) RGB in [0, 1], for ``appearance='colour'``.
            data_samples (list[FusionDataSample]): With ``gt_instances``.

        Returns:
            dict[str, Tensor]: The kept terms, scalars.

        Raises:
            ValueError: A sample has no boxes, or no term is kept.
        """
        images = network_images(luma, visible, self.appearance)
        samples = [self._sample(sample) for sample in data_samples]
        if self.masks:
            size = tuple(images[0].shape[1:])
            for sample in samples:
                objects = sample.gt_instances
                objects.masks = filled_boxes(objects.bboxes, size)
        return self.task_losses(images, samples)

    def _predict(self, images, data_samples):
        samples = [plain_sample(sample, sample.img_shape[:2]) for sample in data_samples]
        batch = self.model.data_preprocessor({'inputs': images, 'data_samples': samples})
        found = self.model.predict(batch['inputs'], batch['data_samples'])
        return [self._in_own_classes(sample.pred_instances) for sample in found]

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
