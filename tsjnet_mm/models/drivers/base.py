"""Base of detection and segmentation drivers.

A driver passes the fused image to a task network. The gradients of the task's loss reach the
fusor. The task network can be any that mmdet or mmseg builds.
"""

from __future__ import annotations

from abc import ABCMeta, abstractmethod
from collections.abc import Sequence
from fnmatch import fnmatch
from typing import Any

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from tsjnet_mm.models.layers import train_on_single_values, without_sync_norms
from tsjnet_mm.registry import MODELS
from tsjnet_mm.structures import FusionDataSample
from tsjnet_mm.utils import recolour
from tsjnet_mm.utils.env import check_versions
from tsjnet_mm.utils.optional import require
from tsjnet_mm.utils.words import counted

from .network import read_network


class MissingAnnotation(AttributeError):
    """A task network asks a sample for annotations that pairs do not have."""


class DriverSample(FusionDataSample):
    """A pair's sample as its task network sees it, with what can be made of its annotations."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith(('gt_', 'text', 'proposals', 'token', 'caption')):
            raise MissingAnnotation(name)
        raise AttributeError(f'{type(self).__name__} has no attribute {name!r}')


def network_images(luma: Tensor, visible: Tensor, appearance: str) -> list[Tensor]:
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


def plain_sample(sample: FusionDataSample, size: tuple[int, int]) -> DriverSample:
    """A sample of an image that was neither resized nor flipped: what task networks read.

    Args:
        sample (FusionDataSample): The pair's sample; its paths are kept.
        size (tuple[int, int]): (H, W) of the image.

    Returns:
        DriverSample: Without annotations; predictions stay in the image's own pixels.
    """
    paths = {key: path for key, path in sample.metainfo.items() if key.endswith(('path', 'id'))}
    height, width = size
    meaning = {
        'ori_shape': size,
        'img_shape': size,
        'scale_factor': (1.0, 1.0),
        'flip': False,
        'border': (
            0,
            height,
            0,
            width,
        ),  # Of detectors that know their images centred in others.
    }
    return DriverSample(metainfo={**paths, **meaning})


class BaseDriver(BaseModule, metaclass=ABCMeta):
    """Wraps a task network.

    Attributes:
        kind (str): What the network is, for errors.
        classes_key (str): Where the metainfo of a data set has the classes that it learns.

    Args:
        scope (str): Registry scope of the library the network comes from.
        model (dict, optional): Config of the network; with ``config`` what differs from it.
        loss_terms (Sequence[str]): Shell-style patterns of the names of the loss terms that
            count; the others are dropped.
        loss_weight (float): Factor of the terms. Defaults to 1.
        frozen (bool): Keep the weights, and batch normalisation in eval mode; gradients still
            reach the image. Defaults to True.
        appearance (str): What the network sees: ``'grey'`` repeats the luma over three
            channels, ``'colour'`` gives it the visible image's chroma. Defaults to
            ``'grey'``.
        init_cfg (dict, optional): Initialisation, see mmengine's ``BaseModule``.
        config (str, optional): A config of the library, such as
            ``'mmdet::rtmdet/rtmdet_tiny_8xb32-300e_coco.py'``, or the path of one; see
            :func:`~tsjnet_mm.models.drivers.network.read_network`.
        weights (str, optional): Path or address of the network's checkpoint, or
            ``'published'``: the one that the library names for ``config``.
        num_classes (int, optional): Number of classes of its heads, if not the config's.
        allow_random (bool): Let a frozen network keep random weights, as tests may want.
            Defaults to False.

    Raises:
        ValueError: ``appearance`` is unknown, or see
            :func:`~tsjnet_mm.models.drivers.network.read_network`.
        FileNotFoundError: There is no such config.
        ImportError: The library, mmcv or its compiled operators are missing; says what brings
            them.
    """

    def __init__(
        self,
        scope: str,
        model: dict | None,
        loss_terms: Sequence[str],
        loss_weight: float = 1.0,
        frozen: bool = True,
        appearance: str = 'grey',
        init_cfg: dict | None = None,
        config: str | None = None,
        weights: str | None = None,
        num_classes: int | None = None,
        allow_random: bool = False,
    ) -> None:
        super().__init__(init_cfg)
        if appearance not in ('grey', 'colour'):
            raise ValueError(f"appearance must be 'grey' or 'colour', got {appearance!r}")
        check_versions('mmcv', scope)
        require('mmcv._ext')
        network = read_network(scope, config, model, weights, num_classes)
        self.model = without_sync_norms(MODELS.build({'_scope_': scope, **network.model}))
        train_on_single_values(self.model)
        # Pairs are resized, cropped and flipped by their own data set.
        self.model.data_preprocessor.batch_augments = None
        names = network.classes
        known = names is not None and len(names) == self.num_classes
        self.classes = names if known else None
        self.loss_terms = tuple(loss_terms)
        self.loss_weight = loss_weight
        self.frozen = frozen
        self.appearance = appearance
        self.allow_random = allow_random
        self._loaded = set()
        self._misfits = {}
        self.model._register_load_state_dict_pre_hook(self._note_loaded)
        if frozen:
            self.requires_grad_(False)
            self.eval()

    @property
    @abstractmethod
    def head(self) -> nn.Module | None:
        """The network's head, or its list of heads, the last of which counts."""

    @property
    def num_classes(self) -> int | None:
        """Number of the network's classes; None where its heads do not say."""
        head = self.head[-1] if isinstance(self.head, nn.ModuleList) else self.head
        return getattr(head, 'num_classes', None)

    @property
    def unknown(self) -> list[int]:
        """The data set's classes that the network does not have; see ``label_map``."""
        return []

    def check(self, metainfo: dict) -> None:
        """Whether the driver can drive a training on a data set; before the first step.

        Args:
            metainfo (dict): The data set's: ``classes`` and ``seg_classes``.

        Raises:
            ValueError: It cannot; the message says what to write.
        """
        self.check_weights()
        wanted, count = list(metainfo.get(self.classes_key) or ()), self.num_classes
        if wanted and count is not None:
            self._check_classes(wanted, count)

    def _check_classes(self, wanted, count):
        """Refuse a network whose classes are not those of the data set."""
        names = list(self.classes or ())
        if count == len(wanted) and names in ([], wanted):
            return
        raise ValueError(
            f'the {self.kind} ({type(self.model).__name__}) has '
            f'{counted(count, "class", "classes")}{f" ({names[0]}, ...)" if names else ""}, '
            f'the data set {len(wanted)} ({", ".join(wanted)}): give the driver '
            f'{self._mapping_remedy(wanted, names)}num_classes={len(wanted)} and frozen=False, '
            'so that its heads learn them anew'
        )

    def _mapping_remedy(self, wanted, names):
        """What to write where other classes can be mapped, with ``or``; else nothing."""
        return ''

    def _note_loaded(self, state_dict, prefix, *_):
        """Remember which weights came from a checkpoint, whoever loads it."""
        for name, value in self.model.state_dict().items():
            given = state_dict.get(prefix + name)
            if given is None:
                continue
            if given.shape == value.shape:
                self._loaded.add(name)
                self._misfits.pop(name, None)
            else:
                self._misfits[name] = tuple(given.shape), tuple(value.shape)

    def check_weights(self) -> None:
        """Refuse a frozen network whose weights were never loaded.

        Raises:
            ValueError: It is frozen, and a tenth of its weights or more are random, or some did
                not fit; the message says what to write.
        """
        if not self.frozen or self.allow_random:
            return
        who = f'the frozen {type(self).__name__} ({type(self.model).__name__})'
        remedy = (
            "give it weights='published' or a path, or set frozen=False to train it along "
            '(allow_random=True keeps random weights)'
        )
        if self._misfits:
            name, (given, wanted) = next(iter(self._misfits.items()))
            raise ValueError(
                f'{who} has weights ({len(self._misfits)}) that do not fit its checkpoint, '
                f'such as {name}: {given} there, {wanted} here; build it with the num_classes '
                'and widths of its checkpoint (a label_map renames classes), or set '
                'frozen=False to train it along'
            )
        sizes = {name: value.numel() for name, value in self.model.state_dict().items()}
        share = sum(sizes[name] for name in self._loaded) / max(1, sum(sizes.values()))
        if share < 0.9:
            raise ValueError(f'{who} has random weights ({1 - share:.0%} of them): {remedy}')

    def prepare(
        self,
        luma: Tensor,
        visible: Tensor,
        data_samples: list[DriverSample],
        training: bool = False,
    ) -> tuple[Tensor, list[DriverSample]]:
        """Make a batch as the network takes it, by its own data preprocessor.

        Args:
            luma (Tensor): (B, 1, H, W) in [0, 1]: the fused, infrared or visible image.
            visible (Tensor): (B, 3, H, W) RGB in [0, 1], for ``appearance='colour'``.
            data_samples (list[DriverSample]): One an image; their metainfo is completed.
            training (bool): Prepare as for training. Defaults to False.

        Returns:
            tuple[Tensor, list[DriverSample]]: The images (B, 3, H', W'), normalised and
            padded, and the samples.
        """
        images = network_images(luma, visible, self.appearance)
        batch = self.model.data_preprocessor(
            {'inputs': images, 'data_samples': data_samples}, training
        )
        return batch['inputs'], batch['data_samples']

    def loss(
        self, luma: Tensor, visible: Tensor, data_samples: list[FusionDataSample]
    ) -> dict[str, Tensor]:
        """Losses of the network on a batch of images, its kept terms.

        Args:
            luma (Tensor): (B, 1, H, W) in [0, 1]: the fused, infrared or visible image.
            visible (Tensor): (B, 3, H, W) RGB in [0, 1], for ``appearance='colour'``.
            data_samples (list[FusionDataSample]): With ``gt_instances`` or, for a segmentor,
                ``gt_sem_seg`` (1, H, W).

        Returns:
            dict[str, Tensor]: See :meth:`keep_terms`.

        Raises:
            ValueError: A sample has no annotations, the network needs some that pairs do not
                have, it is frozen and computes its losses in train mode only, or no term is
                kept.
        """
        size = tuple(luma.shape[-2:])
        samples = [self._annotated(sample, size) for sample in data_samples]
        inputs, samples = self.prepare(luma, visible, samples, training=True)
        try:
            losses = self._network_losses(inputs, samples)
        except MissingAnnotation as error:
            raise ValueError(
                f'{type(self.model).__name__} needs `{error}`, which a {type(self).__name__} '
                'cannot give it: it cannot drive a fusor'
            ) from error
        except (AttributeError, TypeError) as error:
            if not self.frozen:
                raise
            raise ValueError(
                f'{type(self.model).__name__} cannot compute its losses in eval mode, in which '
                f'a frozen {type(self).__name__} is ({error}): set frozen=False to train it '
                'along'
            ) from error
        return self.keep_terms(losses)

    def _network_losses(self, inputs, samples):
        """All losses of the network on a prepared batch."""
        return self.model.loss(inputs, samples)

    def train(self, mode: bool = True) -> BaseDriver:
        """Set the mode; a frozen driver stays in eval mode."""
        return super().train(mode and not self.frozen)

    @abstractmethod
    def _annotated(self, sample, size):
        """The :class:`DriverSample` of a pair whose image is (H, W), with its annotations."""

    @torch.no_grad()
    def predict(
        self, luma: Tensor, visible: Tensor, data_samples: list[FusionDataSample]
    ) -> list:
        """Predictions of the network on a batch, without gradients, in eval mode.

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
            return self._predict(luma, visible, data_samples)
        finally:
            self.train(training)

    @abstractmethod
    def _predict(self, luma, visible, data_samples):
        """:meth:`predict` in eval mode."""

    def keep_terms(self, losses: dict[str, Tensor | list[Tensor]]) -> dict[str, Tensor]:
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
                f'{self.loss_terms}; it returns {sorted(losses)}: write loss_terms with those '
                'that shall count'
            )
        return kept
