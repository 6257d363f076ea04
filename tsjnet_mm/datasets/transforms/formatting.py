"""Packing a pair for the model."""

from collections.abc import Sequence

import numpy as np
import torch
from mmengine.structures import InstanceData, PixelData

from tsjnet_mm.registry import TRANSFORMS
from tsjnet_mm.structures import FusionDataSample

from .base import PairTransform


@TRANSFORMS.register_module()
class PackFusionInputs(PairTransform):
    """Pack a pair as a model's preprocessor takes it.

    Returns ``inputs`` with ``ir`` (1, H, W) and ``vi`` (3, H, W) RGB, float32 tensors in
    [0, 1], and ``data_samples``, a :class:`FusionDataSample`. It has ``gt_instances`` (and
    ``ignored_instances``) and ``gt_sem_seg`` where boxes and a mask were loaded: a pair
    without objects has empty ``gt_instances``, one without labels has none.

    Required keys: ``ir`` (H, W) and ``vi`` (H, W, 3), float32 in [0, 1].

    Args:
        meta_keys (Sequence[str]): Keys that become the sample's metainfo where present.
            mmdet's COCO metric, used without an annotation file, also needs 'instances'.
    """

    META_KEYS = (
        'img_id',
        'sample_idx',
        'img_path',
        'ir_path',
        'vi_path',
        'ori_shape',
        'img_shape',
        'scale_factor',
        'flip',
        'flip_direction',
    )

    def __init__(self, meta_keys: Sequence[str] = META_KEYS) -> None:
        self.meta_keys = tuple(meta_keys)

    def transform(self, results: dict) -> dict:
        """See the class."""
        ir = np.ascontiguousarray(results['ir'][None])
        vi = np.ascontiguousarray(results['vi'].transpose(2, 0, 1))
        sample = FusionDataSample(
            metainfo={key: results[key] for key in self.meta_keys if key in results}
        )
        if 'gt_bboxes' in results:
            ignored = results['gt_ignore_flags']
            sample.gt_instances = self._instances(results, ~ignored)
            sample.ignored_instances = self._instances(results, ignored)
        if 'gt_seg_map' in results:
            mask = torch.from_numpy(results['gt_seg_map'][None].astype(np.int64))
            sample.gt_sem_seg = PixelData(data=mask)
        return {
            'inputs': {'ir': torch.from_numpy(ir), 'vi': torch.from_numpy(vi)},
            'data_samples': sample,
        }

    @staticmethod
    def _instances(results, chosen):
        return InstanceData(
            bboxes=torch.from_numpy(results['gt_bboxes'][chosen]),
            labels=torch.from_numpy(results['gt_bboxes_labels'][chosen]),
        )
