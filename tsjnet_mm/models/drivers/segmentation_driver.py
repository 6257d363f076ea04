"""Segmentation driver (TSJNet, Eq. 13): any mmseg segmentor, its cross entropy."""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from mmengine.structures import PixelData
from torch import Tensor, nn

from tsjnet_mm.registry import MODELS
from tsjnet_mm.structures import FusionDataSample
from tsjnet_mm.utils.words import counted

from .base import BaseDriver, DriverSample, network_images, plain_sample

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
        loss_weight (float): Factor of the terms. Defaults to 1.
        frozen (bool): See :class:`BaseDriver`. Defaults to True.
        appearance (str): See :class:`BaseDriver`. Defaults to ``'grey'``.
        init_cfg (dict, optional): Initialisation.
        **network: ``config``, ``weights``, ``num_classes`` and ``allow_random``, see
            :class:`BaseDriver`.

    Raises:
        ValueError: See :class:`BaseDriver`.
    """

    def __init__(
        self,
        model: dict | None = None,
        loss_terms: Sequence[str] = ('*loss*',),
        loss_weight: float = 1.0,
        frozen: bool = True,
        appearance: str = 'grey',
        init_cfg: dict | None = None,
        **network: Any,
    ) -> None:
        super().__init__(
            'mmseg', model, loss_terms, loss_weight, frozen, appearance, init_cfg, **network
        )
        preprocessor = self.model.data_preprocessor
        if preprocessor.size is None and preprocessor.size_divisor is None:
            preprocessor.size_divisor = 1

    @property
    def num_classes(self) -> int | None:
        """See :class:`BaseDriver`."""
        head = getattr(self.model, 'decode_head', None)
        if isinstance(head, nn.ModuleList):
            head = head[-1]
        return getattr(head, 'num_classes', None)

    def check(self, metainfo: dict) -> None:
        """See :class:`BaseDriver`."""
        self.check_weights()
        wanted = list(metainfo.get('seg_classes') or ())
        count = self.num_classes
        if not wanted or count is None:
            return
        names = None if self.classes is None else list(self.classes)
        if count == len(wanted) and names in (None, wanted):
            return
        raise ValueError(
            f'the segmentor ({type(self.model).__name__}) has '
            f'{counted(count, "class", "classes")}'
            f'{f" ({names[0]}, ...)" if names else ""}, the data set {len(wanted)} '
            f'({", ".join(wanted)}): give the driver num_classes={len(wanted)} and '
            'frozen=False, so that its last layer learns them'
        )

    def _sample(self, sample):
        if 'gt_sem_seg' not in sample:
            raise ValueError(
                f'{sample.get("img_path", "a pair")} has no gt_sem_seg; a segmentation driver '
                'needs masks: give the data set `data_prefix=dict(masks=...)`, or drop the '
                'segmentor from the model config'
            )
        view = SegmentedSample(metainfo=sample.metainfo)
        view.gt_sem_seg = PixelData(data=sample.gt_sem_seg.data)
        return view

    def loss(
        self, luma: Tensor, visible: Tensor, data_samples: list[FusionDataSample]
    ) -> dict[str, Tensor]:
        """Segmentation loss of a batch of images.

        Args:
            luma (Tensor): (B, 1, H, W) in [0, 1].
            visible (Tensor): (B, 3, H, W) RGB in [0, 1], for ``appearance='colour'``.
            data_samples (list[FusionDataSample]): With ``gt_sem_seg`` (1, H, W).

        Returns:
            dict[str, Tensor]: The kept terms, scalars.

        Raises:
            ValueError: A sample has no mask, or no term is kept.
        """
        images = network_images(luma, visible, self.appearance)
        return self.task_losses(images, [self._sample(sample) for sample in data_samples])

    def _predict(self, images, data_samples):
        size = tuple(images[0].shape[-2:])
        samples = [plain_sample(sample, size) for sample in data_samples]
        batch = self.model.data_preprocessor(
            {'inputs': images, 'data_samples': samples},
            training=True,  # In training it pads; in testing only if its config says how.
        )
        padded = tuple(batch['inputs'].shape[-2:])
        for sample in batch['data_samples']:
            sample.set_metainfo({'img_shape': padded, 'pad_shape': padded})
        found = self.model.predict(batch['inputs'], batch['data_samples'])
        masks = []
        for sample, own in zip(found, data_samples, strict=True):
            height, width = own.img_shape[:2]
            masks.append(PixelData(data=sample.pred_sem_seg.data[:, :height, :width].long()))
        return masks
