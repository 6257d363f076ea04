"""Collate lists of pairs to one batch on the model's device."""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from mmengine.structures import PixelData
from torch import Tensor, nn

from tsjnet_mm.registry import MODELS


def stack_images(images: Sequence[Tensor]) -> Tensor:
    """Make a batch of images, smaller ones continued by their last pixels.

    Args:
        images (Sequence[Tensor]): (C, H, W) each.

    Returns:
        Tensor: (B, C, H, W) of the greatest height and the greatest width.
    """
    height = max(image.shape[-2] for image in images)
    width = max(image.shape[-1] for image in images)
    padded = [
        F.pad(
            image[None],
            (0, width - image.shape[-1], 0, height - image.shape[-2]),
            mode='replicate',
        )
        for image in images
    ]
    return torch.cat(padded)


@MODELS.register_module()
class PairDataPreprocessor(nn.Module):
    """Batch pairs; smaller ones are padded at the right and below with their last pixels.

    Each sample's metainfo gets ``batch_input_shape`` and ``pad_shape`` (H, W). In training its
    mask is padded with ``seg_pad_val``.

    Args:
        seg_pad_val (int): Class index for padded mask pixels. Defaults to 255 (ignored).
        non_blocking (bool): See mmengine's ``BaseDataPreprocessor``. Defaults to False.
    """

    def __init__(self, seg_pad_val: int = 255, non_blocking: bool = False) -> None:
        super().__init__()
        self.seg_pad_val = seg_pad_val
        self._non_blocking = non_blocking
        self._device = torch.device('cpu')

    @property
    def device(self) -> torch.device:
        """The device that batches are moved to: the model's."""
        return self._device

    def _apply(self, fn, recurse=True):
        super()._apply(fn, recurse)
        self._device = fn(torch.empty(0, device=self._device)).device
        return self

    def cast_data(self, data: Any) -> Any:
        """See mmengine's ``BaseDataPreprocessor``, whose import takes longer than fusing."""
        from mmengine.model import BaseDataPreprocessor

        return BaseDataPreprocessor.cast_data(self, data)

    def forward(self, data: dict, training: bool = False) -> dict:
        """Batch and move.

        Args:
            data (dict): ``inputs``: dict of ``ir``, a list of (1, H, W), and ``vi``, a list of
                (3, H, W) (or (1, H, W)) tensors in [0, 1], or such tensors stacked;
                ``data_samples``: list of :class:`FusionDataSample`, or none.
            training (bool): Whether to pad masks. Defaults to False.

        Returns:
            dict: ``inputs``: dict of ``ir`` (B, 1, H, W) and ``vi`` (B, 3, H, W);
            ``data_samples``: the samples.
        """
        data = self.cast_data(data)
        inputs = data['inputs']
        samples = data.get('data_samples')
        inputs = {name: stack_images(images) for name, images in inputs.items()}
        height, width = inputs['ir'].shape[-2:]
        for sample in samples or ():
            sample.set_metainfo(
                {'batch_input_shape': (height, width), 'pad_shape': (height, width)}
            )
            if training and 'gt_sem_seg' in sample:
                mask = sample.gt_sem_seg.data
                missing = (0, width - mask.shape[-1], 0, height - mask.shape[-2])
                if any(missing):
                    padded = F.pad(mask, missing, value=self.seg_pad_val)
                    sample.gt_sem_seg = PixelData(data=padded)
        return {'inputs': inputs, 'data_samples': samples}
