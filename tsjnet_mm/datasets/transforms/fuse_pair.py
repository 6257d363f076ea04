"""Fusion inside a data pipeline."""

from typing import Any

import numpy as np
import torch

from tsjnet_mm.registry import INFERENCERS, TRANSFORMS

from .base import PairTransform


@TRANSFORMS.register_module()
class FusePair(PairTransform):
    """Fuse a loaded pair, so that an unchanged mmdet or mmseg model sees one colour image.

    It follows :class:`~tsjnet_mm.datasets.transforms.LoadImagePair`; later transforms get an
    ordinary image. Every epoch fuses all images again. For a dataset that is used often, export
    the fused images once (``tools/export_fused_dataset.py``).

    Required and changed key: ``img`` (H, W, 4), blue, green, red, infrared in 0..255; it
    becomes (H, W, 3) BGR of the same type.

    Args:
        model (str | dict): See :class:`~tsjnet_mm.apis.FusionInferencer`. Defaults to
            ``'laplacian'``, which needs no weights.
        weights (str, optional): Checkpoint. Defaults to the model's published one.
        device (str): Where it fuses. Defaults to ``'cpu'``: data loader workers cannot share
            a GPU.
        grey (bool): Give the fused luma in three channels instead of the visible image's
            colours. Defaults to False.
        **kwargs: Other arguments of :class:`~tsjnet_mm.apis.FusionInferencer`.

    Raises:
        ValueError, FileNotFoundError: When first called: see
            :class:`~tsjnet_mm.apis.FusionInferencer`; or ``img`` does not have four channels.
    """

    def __init__(
        self,
        model: str | dict = 'laplacian',
        weights: str | None = None,
        device: str = 'cpu',
        grey: bool = False,
        **kwargs: Any,
    ) -> None:
        self.options = {'model': model, 'weights': weights, 'device': device, **kwargs}
        self.grey = grey
        self._inferencer = None  # Built by the worker that uses it.

    def transform(self, results: dict) -> dict:
        """See the class."""
        image = results['img']
        if image.ndim != 3 or image.shape[2] != 4:
            raise ValueError(
                f'FusePair takes blue, green, red and infrared, (H, W, 4), got {image.shape}; '
                "put dict(type='tsjnet_mm.LoadImagePair') before it"
            )
        if self._inferencer is None:
            options = {'show_progress': False, **self.options}
            self._inferencer = INFERENCERS.build(
                {'type': 'tsjnet_mm.FusionInferencer', **options}
            )
        pair = torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)[None]
        pair = pair.float() / 255
        fused = self._inferencer.fuse(pair[:, 3:], pair[:, :3].flip(1), self.grey)[0]
        fused = 255 * fused.flip(0).expand(3, -1, -1).permute(1, 2, 0).cpu().numpy()
        if image.dtype == np.uint8:
            fused = np.rint(fused).astype(np.uint8)
        results['img'] = np.ascontiguousarray(fused, image.dtype)
        return results
