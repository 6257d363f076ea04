"""Segmentation driver (TSJNet, Eq. 13): any mmseg segmentor, its cross entropy."""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from mmengine.structures import PixelData
from torch import Tensor, nn

from tsjnet_mm.registry import MODELS
from tsjnet_mm.utils.optional import require
from tsjnet_mm.utils.words import counted

from .base import BaseDriver, DriverSample, plain_sample

#: Pixels on either side of a border between classes that belong to its edge.
_EDGE_REACH = 2
_MAP_MEANING = "the segmentor's class or list of classes of each of them, -1 for none"


def _groups(label_map):
    """The segmentor's classes of each of the data set's, as lists."""
    groups = [
        [] if item == -1 else [item] if isinstance(item, int) else list(item)
        for item in label_map
    ]
    members = [member for group in groups for member in group]
    if not all(type(member) is int and member >= 0 for member in members):
        raise ValueError(
            'label_map must have classes from 0 up, lists of them, or -1, got '
            f'{list(label_map)}'
        )
    twice = sorted({member for member in members if members.count(member) > 1})
    if twice:
        raise ValueError(f'label_map has a class of the segmentor twice: {twice}')
    return groups


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
        label_map (Sequence[int | Sequence[int]], optional): The segmentor's class, or its
            classes, of each of the data set's classes, -1 for none, e.g. when a segmentor
            pretrained on Cityscapes drives the fusion. The probabilities of several classes
            are summed, those of classes that are not in it left out; pixels of a class that has
            none are ignored. The loss is the cross entropy of these, ``decode.loss_ce``.
            Defaults to the same classes.
        **options: ``loss_weight``, ``frozen``, ``appearance``, ``init_cfg``, ``config``,
            ``weights``, ``num_classes`` and ``allow_random``, see :class:`BaseDriver`.

    Raises:
        ValueError: See :class:`BaseDriver`, or ``label_map`` has other things than classes, or
            one of them twice.
    """

    kind, classes_key = 'segmentor', 'seg_classes'

    def __init__(
        self,
        model: dict | None = None,
        loss_terms: Sequence[str] = ('*loss*',),
        label_map: Sequence[int | Sequence[int]] | None = None,
        **options: Any,
    ) -> None:
        require('mmseg')
        from . import espnetv2  # noqa: F401  a network that mmseg does not have

        self.groups = None if label_map is None else _groups(label_map)
        super().__init__('mmseg', model, loss_terms, **options)
        preprocessor = self.model.data_preprocessor
        if preprocessor.size is None and preprocessor.size_divisor is None:
            preprocessor.size_divisor = 1

    @property
    def head(self) -> nn.Module | None:
        """See :class:`BaseDriver`."""
        return getattr(self.model, 'decode_head', None)

    @property
    def unknown(self) -> list[int]:
        """The data set's classes that ``label_map`` gives none of the segmentor's."""
        return [label for label, members in enumerate(self.groups or ()) if not members]

    def _check_classes(self, wanted, count):
        if self.groups is None:
            super()._check_classes(wanted, count)
            return
        named = ', '.join(wanted)
        if len(self.groups) != len(wanted):
            raise ValueError(
                f'label_map has {counted(len(self.groups), "entry", "entries")}, the data set '
                f'{counted(len(wanted), "class", "classes")} ({named}): write {_MAP_MEANING}'
            )
        highest = max(max(members, default=-1) for members in self.groups)
        if not 0 <= highest < count:
            raise ValueError(
                f"label_map must name some of the segmentor's {count} classes, 0 to "
                f"{count - 1}, for the data set's ({named}); its highest is {highest}"
            )

    def _mapping_remedy(self, wanted, names):
        return f'a label_map ({_MAP_MEANING}), or '

    def _grouped(self, logits):
        """Logits (B, classes of the data set that have some, H, W) of the segmentor's.

        A softmax of them sums the probabilities of each group.
        """
        groups = [members for members in self.groups if members]
        return torch.stack([logits[:, members].logsumexp(1) for members in groups], 1)

    def _network_losses(self, inputs, samples):
        if self.groups is None:
            return super()._network_losses(inputs, samples)
        logits = self.model(inputs, samples, mode='tensor')
        if not isinstance(logits, Tensor) or logits.shape[1] <= max(
            map(max, filter(None, self.groups))
        ):
            raise ValueError(
                f'{type(self.model).__name__} does not give logits of all classes that '
                'label_map names: it can drive a fusor only without a label_map'
            )
        masks = torch.stack([sample.gt_sem_seg.data[0] for sample in samples])
        # Entry 255 of the table, and those of unknown classes, are ignored.
        table = masks.new_full((256,), 255)
        known = [label for label, members in enumerate(self.groups) if members]
        table[known] = torch.arange(len(known), device=table.device)
        masks = table[masks]
        logits = F.interpolate(
            logits.float(),
            masks.shape[-2:],
            mode='bilinear',
            align_corners=self.model.align_corners,
        )
        total = F.cross_entropy(self._grouped(logits), masks, ignore_index=255, reduction='sum')
        return {'decode.loss_ce': total / (masks != 255).sum().clamp(min=1)}

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
            mask = self._in_own_classes(sample)[:, :height, :width]
            masks.append(PixelData(data=mask.long()))
        return masks

    def _in_own_classes(self, found):
        """A predicted mask (1, H, W) in the data set's classes."""
        if self.groups is None:
            return found.pred_sem_seg.data
        known = [label for label, members in enumerate(self.groups) if members]
        best = self._grouped(found.seg_logits.data[None]).argmax(1)
        return torch.tensor(known, device=best.device)[best]
