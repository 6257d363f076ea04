"""Boxes by any mmdet detector, on the views of a pair, and merged across them."""

import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from mmcv.transforms import Compose
from mmengine.config import Config
from mmengine.registry import DefaultScope
from torchvision.ops import batched_nms, box_iou

from tsjnet_mm.models.drivers.network import read_network
from tsjnet_mm.models.fusors.presets import type_name
from tsjnet_mm.utils.checkpoints import load_state_dict, read_checkpoint
from tsjnet_mm.utils.tensors import entries_below
from tsjnet_mm.utils.words import counted

_JOINT_PREFIX = 'detector.model.'
#: How images enter a detector whose config reads pairs.
_PLAIN_PIPELINE = [
    {'type': 'LoadImageFromNDArray'},
    {'type': 'Resize', 'scale_factor': 1.0},
    {'type': 'PackDetInputs', 'meta_keys': ('ori_shape', 'img_shape', 'scale_factor')},
]


class ViewDetector:
    """An mmdet detector that looks at single images.

    Args:
        config (str | Path): A config of mmdet, or of this package with a ``JointFusor``,
            whose detector is taken.
        checkpoint (str | Path): Weights that fit; read without running what is in them.
        classes (Sequence[str], optional): The detector's classes. Defaults to those that the
            checkpoint names.
        device (str): Where it runs. Defaults to 'cpu'.

    Attributes:
        classes (list[str]): The detector's classes.

    Raises:
        FileNotFoundError: A file is missing.
        ValueError: The checkpoint is refused or does not fit, or the classes are not known
            or not as many as the detector has.
    """

    def __init__(
        self,
        config: str | Path,
        checkpoint: str | Path,
        classes: Sequence[str] | None = None,
        device: str = 'cpu',
    ) -> None:
        from mmdet.apis import init_detector
        from mmdet.utils import get_test_pipeline_cfg

        name, config = str(config), Config.fromfile(config)
        pipeline = _PLAIN_PIPELINE
        if 'model' not in config:
            raise ValueError(f'{name}: no config of a detector, as it has no model')
        state = load_state_dict(checkpoint)
        if type_name(config.model) == 'JointFusor':
            if config.model.get('detector') is None:
                raise ValueError(f'{name}: this joint model has no detector')
            detector = config.model.detector
            keys = ('config', 'model', 'num_classes')
            network = {key: detector.get(key) for key in keys}
            config.model = {'_scope_': 'mmdet', **read_network('mmdet', **network).model}
            state = entries_below(_JOINT_PREFIX, state)
        elif 'test_dataloader' in config:
            pipeline = get_test_pipeline_cfg(config.copy())
            pipeline[0].type = 'LoadImageFromNDArray'
        config.default_scope = 'mmdet'
        # Recorded to be dropped: it warns that it assumes COCO's classes, for want of a file.
        record = warnings.catch_warnings(record=True)
        with record, DefaultScope.overwrite_default_scope('mmdet'):
            self.model = init_detector(config, palette='random', device=device)
            self._pipeline = Compose(pipeline)
        try:
            missing = self.model.load_state_dict(state, strict=False).missing_keys
        except RuntimeError as error:
            raise ValueError(f'{checkpoint} does not fit {name}: {error}') from error
        if missing:
            raise ValueError(
                f'{checkpoint} does not fit {name}: '
                f'{counted(len(missing), "weight is", "weights are")} missing, such as '
                f'{missing[0]}'
            )
        self.classes = list(classes or _named_classes(checkpoint))
        expected = _count_classes(config.model)
        if expected is not None and expected != len(self.classes):
            raise ValueError(
                f'{name} finds {expected} classes, but {len(self.classes)} are named: '
                f'{", ".join(self.classes[:5])}: give --detector-classes'
            )

    def __call__(self, image: np.ndarray) -> dict[str, np.ndarray]:
        """Find objects.

        Args:
            image (np.ndarray): (H, W, 3) float32 RGB in [0, 1].

        Returns:
            dict[str, np.ndarray]: ``boxes`` (N, 4) xyxy, ``scores`` (N,), ``labels`` (N,).
        """
        from mmdet.apis import inference_detector

        array = np.round(255 * image[..., ::-1]).astype(np.uint8)
        with DefaultScope.overwrite_default_scope('mmdet'):
            found = inference_detector(self.model, array, test_pipeline=self._pipeline)
        instances = found.pred_instances.cpu().numpy()
        return {
            'boxes': instances.bboxes.reshape(-1, 4),
            'scores': instances.scores,
            'labels': instances.labels,
        }


def _named_classes(checkpoint):
    content = read_checkpoint(checkpoint)
    meta = content.get('meta') or {}
    found = {key.lower(): value for key, value in meta.get('dataset_meta', meta).items()}
    if not found.get('classes'):
        raise ValueError(f'{checkpoint} does not name its classes: give --detector-classes')
    return found['classes']


def _count_classes(model):
    """Number of classes of a detector's config, where it is at one of the usual places."""
    head = model.get('bbox_head') or (model.get('roi_head') or {}).get('bbox_head') or {}
    head = head[-1] if isinstance(head, (list, tuple)) else head
    return head.get('num_classes')


def merge_views(
    views: Sequence[dict[str, np.ndarray]], iou: float = 0.55
) -> dict[str, np.ndarray]:
    """Merge what was found in several views of one scene.

    Boxes of one class that overlap by ``iou`` or more are one object (non-maximum
    suppression; the best one leads). Each view supports it by its best such box: corners are
    their mean, weighted by score, and the confidence is ``1 - (1 - s1)(1 - s2)...``, the
    probability that not all views err, if they erred independently, which they do not quite.
    So an object that two views find at 0.5 gets 0.75, and one that a single view finds keeps
    its score.

    Args:
        views (Sequence[dict[str, np.ndarray]]): ``boxes``, ``scores`` and ``labels`` of each
            view, as :class:`ViewDetector` returns them.
        iou (float): Overlap, 0 to 1. Defaults to 0.55.

    Returns:
        dict[str, np.ndarray]: The same of the merged objects, most confident first, and
        ``views`` (N,): how many support each.
    """
    boxes = torch.cat([torch.as_tensor(view['boxes'], dtype=torch.float32) for view in views])
    scores = torch.cat([torch.as_tensor(view['scores'], dtype=torch.float32) for view in views])
    labels = torch.cat([torch.as_tensor(view['labels'], dtype=torch.long) for view in views])
    origin = torch.cat(
        [torch.full((len(view['scores']),), number) for number, view in enumerate(views)]
    )
    kept = batched_nms(boxes, scores, labels, iou)
    overlap = box_iou(boxes[kept], boxes) if len(kept) else torch.zeros(0, len(boxes))
    merged, confidences, supports = [], [], []
    for row, leader in enumerate(kept):
        same = (overlap[row] >= iou) & (labels == labels[leader])
        best = []
        for number in range(len(views)):
            candidates = torch.nonzero(same & (origin == number)).flatten()
            if len(candidates):
                best.append(candidates[scores[candidates].argmax()])
        best = torch.stack(best)
        weights = scores[best, None] / scores[best].sum().clamp(min=1e-9)
        merged.append((weights * boxes[best]).sum(0))
        confidences.append(1 - (1 - scores[best]).prod())
        supports.append(len(best))
    confidences = np.array(confidences, np.float32)
    order = np.argsort(-confidences, kind='stable')
    return {
        'boxes': np.array([box.numpy() for box in merged], np.float32).reshape(-1, 4)[order],
        'scores': confidences[order],
        'labels': labels[kept].numpy()[order],
        'views': np.array(supports, np.int64)[order],
    }
