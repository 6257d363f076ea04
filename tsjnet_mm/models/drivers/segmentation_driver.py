"""Segmentation driver (TSJNet, Eq. 13): any mmseg segmentor, its cross entropy."""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from mmengine.structures import PixelData
from torch import Tensor, nn

from tsjnet_mm.registry import MODELS

from .base import BaseDriver, DriverSample, plain_sample

#: Pixels on either side of a border between classes that belong to its edge.
_EDGE_REACH = 2


def class_edges(mask: Tensor, ignore_index: int = 255) -> Tensor:
    """Edge map of a mask: the borders between classes, for boundary losses.

    Args:
        mask (Tensor): (1, H, W) int64 classes; ``ignore_index`` makes no edges.
        ignore_index (int): Defaults to 255.

    Returns:
        Tensor: (1, H, W) int64, 1 within two pixels of a border between two classes, else 0.
    """
    known = mask != ignore_index
    edges = torch.zeros_like(known)
    for dim in (1, 2):
        size = mask.shape[dim]
        first, second = mask.narrow(dim, 0, size - 1), mask.narrow(dim, 1, size - 1)
        both = known.narrow(dim, 0, size - 1) & known.narrow(dim, 1, size - 1)
        for start in (0, 1):
            edges.narrow(dim, start, size - 1).logical_or_((first != second) & both)
    # The pixels at the border are within one of it; the others follow by dilation.
    reach = _EDGE_REACH - 1
    return F.max_pool2d(edges.float(), 2 * reach + 1, 1, reach).to(mask.dtype)


class SegmentedSample(DriverSample):
    """A sample with the edges of its classes where a network asks for them."""

    def __getattr__(self, name: str) -> Any:
        if name == 'gt_edge_map' and 'gt_sem_seg' in self:
            return PixelData(data=class_edges(self.gt_sem_seg.data))
        return super().__getattr__(name)


@MODELS.register_module()
class SegmentationDriver(BaseDriver):
    """Wraps an mmseg segmentor.

    Args:
        model (dict, optional): Config of the segmentor; with ``config`` what differs from it.
            Where its preprocessor names neither ``size`` nor ``size_divisor``, images are taken
            as they are.
        loss_terms (Sequence[str]): See :class:`BaseDriver`. Defaults to all losses.
        **options: ``loss_weight``, ``frozen``, ``appearance``, ``init_cfg``, ``config``,
            ``weights``, ``num_classes`` and ``allow_random``, see :class:`BaseDriver`.

    Raises:
        ValueError: See :class:`BaseDriver`.
    """

    kind, classes_key = 'segmentor', 'seg_classes'

    def __init__(
        self,
        model: dict | None = None,
        loss_terms: Sequence[str] = ('*loss*',),
        **options: Any,
    ) -> None:
        super().__init__('mmseg', model, loss_terms, **options)
        preprocessor = self.model.data_preprocessor
        if preprocessor.size is None and preprocessor.size_divisor is None:
            preprocessor.size_divisor = 1

    @property
    def head(self) -> nn.Module | None:
        """See :class:`BaseDriver`."""
        return getattr(self.model, 'decode_head', None)

    def _annotated(self, sample, size):
        if 'gt_sem_seg' not in sample:
            raise ValueError(
                f'{sample.get("img_path", "a pair")} has no gt_sem_seg; a segmentation driver '
                'needs masks: give the data set `data_prefix=dict(masks=...)`, or drop the '
                'segmentor from the model config'
            )
        view = SegmentedSample(metainfo=sample.metainfo)
        view.gt_sem_seg = PixelData(data=sample.gt_sem_seg.data)
        return view

    def _predict(self, luma, visible, data_samples):
        samples = [plain_sample(sample, tuple(luma.shape[-2:])) for sample in data_samples]
        # In training it pads; in testing only if its config says how.
        inputs, samples = self.prepare(luma, visible, samples, training=True)
        padded = tuple(inputs.shape[-2:])
        for sample in samples:
            sample.set_metainfo({'img_shape': padded, 'pad_shape': padded})
        found = self.model.predict(inputs, samples)
        masks = []
        for sample, own in zip(found, data_samples, strict=True):
            height, width = own.img_shape[:2]
            masks.append(PixelData(data=sample.pred_sem_seg.data[:, :height, :width].long()))
        return masks
