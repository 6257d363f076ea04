"""What detection and segmentation drivers share.

A driver puts a task network behind the fused image, in the same graph, so that the task's loss
drives the fusor. The wrapped model is any that mmdet or mmseg can build.
"""

from abc import ABCMeta, abstractmethod
from fnmatch import fnmatch

import torch
from mmengine.config import ConfigDict
from mmengine.model import BaseModule
from torch import Tensor

from tsjnet_mm.registry import MODELS
from tsjnet_mm.structures import FusionDataSample
from tsjnet_mm.utils import recolour


def network_images(luma, visible, appearance):
    """Images as the data preprocessors of mmdet and mmseg take them, differentiably.

    Args:
        luma (Tensor): (B, 1, H, W) in [0, 1].
        visible (Tensor): (B, 3, H, W) RGB in [0, 1], for the chroma.
        appearance (str): ``'grey'`` repeats the luma over three channels, ``'colour'`` gives
            it the visible image's chroma.

    Returns:
        list[Tensor]: B images (3, H, W) in 0..255, BGR as OpenMMLab's loaders give; the
        preprocessor's own channel conversion and normalisation come on top.
    """
    if appearance == 'colour':
        image = recolour(luma, visible).flip(1)
    else:
        image = luma.expand(-1, 3, -1, -1)
    return list(255 * image.float())


def plain_sample(sample, size):
    """A sample of an image that was neither resized nor flipped: what task networks read.

    Args:
        sample (FusionDataSample): The pair's sample; its paths are kept.
        size (tuple[int, int]): (H, W) of the image.

    Returns:
        FusionDataSample: Without annotations; predictions stay in the image's own pixels.
    """
    paths = {key: path for key, path in sample.metainfo.items() if key.endswith(('path', 'id'))}
    shapes = {'ori_shape': size, 'img_shape': size, 'scale_factor': (1.0, 1.0), 'flip': False}
    return FusionDataSample(metainfo={**paths, **shapes})


class BaseDriver(BaseModule, metaclass=ABCMeta):
    """Wraps a task network.

    Args:
        model (dict): Config of the wrapped model; its ``init_cfg`` may name a checkpoint.
        scope (str): Registry scope of the library it comes from.
        loss_terms (Sequence[str]): Shell-style patterns of the names of the loss terms that
            count; the others are dropped.
        loss_weight (float): Factor of the terms. Defaults to 1.
        frozen (bool): Keep the weights, and batch normalisation in eval mode; gradients still
            reach the image. Defaults to True.
        appearance (str): What the network sees: ``'grey'`` repeats the luma over three
            channels, ``'colour'`` gives it the visible image's chroma. Defaults to
            ``'grey'``.
        init_cfg (dict, optional): Initialisation, see mmengine's ``BaseModule``.

    Raises:
        ValueError: ``appearance`` is unknown.
    """

    def __init__(
        self,
        model,
        scope,
        loss_terms,
        loss_weight=1.0,
        frozen=True,
        appearance='grey',
        init_cfg=None,
    ):
        super().__init__(init_cfg)
        if appearance not in ('grey', 'colour'):
            raise ValueError(f"appearance must be 'grey' or 'colour', got {appearance!r}")
        self.model = MODELS.build(ConfigDict({'_scope_': scope, **model}))
        self.loss_terms = tuple(loss_terms)
        self.loss_weight = loss_weight
        self.frozen = frozen
        self.appearance = appearance
        if frozen:
            self.requires_grad_(False)
            self.eval()

    def train(self, mode=True):
        """Set the mode; a frozen driver stays in eval mode."""
        return super().train(mode and not self.frozen)

    @abstractmethod
    def loss(self, luma, visible, data_samples):
        """Loss of a batch of images; see the drivers."""

    @torch.no_grad()
    def predict(self, luma, visible, data_samples):
        """What the network finds in a batch of images, without gradients, in eval mode.

        Args:
            luma (Tensor): (B, 1, H, W) in [0, 1]: the fused, infrared or visible image.
            visible (Tensor): (B, 3, H, W) RGB in [0, 1], for ``appearance='colour'``.
            data_samples (list[FusionDataSample]): One a pair; only metainfo is read. Where
                ``img_shape`` is smaller than (H, W), the rest is padding.

        Returns:
            list: One for each pair, in the pixels of its image, in the data set's classes: the
            :class:`InstanceData` of a detector (``bboxes`` (N, 4) xyxy, ``scores`` and
            ``labels`` (N,)) or the :class:`PixelData` of a segmentor (``data`` (1, h, w)
            int64, h and w the sample's ``img_shape``).
        """
        training = self.training
        self.eval()
        try:
            images = network_images(luma, visible, self.appearance)
            return self._predict(images, data_samples)
        finally:
            self.train(training)

    @abstractmethod
    def _predict(self, images, data_samples):
        """:meth:`predict` of images (3, H, W), BGR in 0..255."""

    def keep_terms(self, losses):
        """Sum each term's parts, and keep and weight those that ``loss_terms`` names.

        Args:
            losses (dict[str, Tensor | list[Tensor]]): What the wrapped model returned.

        Returns:
            dict[str, Tensor]: Name to scalar.

        Raises:
            ValueError: No term matches; lists those that there are.
        """
        kept = {}
        for name, value in losses.items():
            if any(fnmatch(name, pattern) for pattern in self.loss_terms):
                parts = [value] if isinstance(value, Tensor) else value
                kept[name] = self.loss_weight * sum(part.mean() for part in parts)
        if not kept:
            raise ValueError(
                f'no loss term of {type(self.model).__name__} matches loss_terms '
                f'{self.loss_terms}; it returns {sorted(losses)}'
            )
        return kept
