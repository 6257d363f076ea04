"""Detectors of mmdet and segmentors of mmseg, with their checkpoints, on single images."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.registry import DefaultScope

from tsjnet_mm.models.drivers.network import (
    class_names,
    published_weights,
    read_experiment,
    read_network,
)
from tsjnet_mm.models.fusors.presets import type_name
from tsjnet_mm.registry import MODELS
from tsjnet_mm.utils.checkpoints import read_checkpoint, state_dict_of
from tsjnet_mm.utils.env import check_versions, usable_device
from tsjnet_mm.utils.optional import require
from tsjnet_mm.utils.tensors import entries_below
from tsjnet_mm.utils.words import counted


class TaskNetwork(ABC):
    """A network of mmdet or mmseg that looks at single images.

    Args:
        config (str | Path): A config of the library, by path or as
            ``'mmdet::folder/name.py'``; of a ``JointFusor``, whose driver is taken; or of a
            ``FusedDetector`` or ``FusedSegmentor``.
        checkpoint (str | Path): Path or address of weights that fit, read without running
            what is in them; ``'published'``: those that the library names for the config. A
            fused model takes a checkpoint of its network alone, too.
        classes (Sequence[str], optional): Names of the classes. Defaults to those that the
            checkpoint names, or else the config.
        device (str | torch.device): Where it runs. Defaults to 'cpu'.

    Attributes:
        model (nn.Module): In evaluation mode.
        classes (list[str]): Names of the classes.
        fuses (bool): Whether it is a fused model, which looks at pairs: four channels.
        loading (dict): Of a fused model the options of its ``LoadImagePair``.

    Raises:
        FileNotFoundError: A file is missing.
        ValueError: The checkpoint is refused or does not fit, or the classes are not known
            or not as many as the network has.
        ImportError: The library or mmcv's operators are missing; says what brings them.
    """

    #: Name of the library; key of the network in a joint model, and word for it in messages.
    library, driver = '', ''
    #: Steps for images that are fused before.
    plain_pipeline = ()
    #: Option of commands that names the classes.
    option = ''

    def __init__(
        self,
        config: str | Path,
        checkpoint: str | Path,
        classes: Sequence[str] | None = None,
        device: str | torch.device = 'cpu',
    ) -> None:
        check_versions('mmcv', self.library)
        require('mmcv._ext', self.library)
        name, config = str(config), read_experiment(str(config), self.library)
        if 'model' not in config and self.driver in config:  # A part, of a driver alone.
            config.model = {'type': 'JointFusor', self.driver: config[self.driver]}
        elif 'model' not in config:
            raise ValueError(f'{name}: no config of a {self.driver}, as it has no model')
        if checkpoint == 'published':
            checkpoint = published_weights(name)
        content = read_checkpoint(checkpoint)
        state = state_dict_of(content, checkpoint)
        known = class_names(config, self.library)
        steps = _test_steps(config)
        model = config.model
        if type_name(model) == 'JointFusor':
            if model.get(self.driver) is None:
                raise ValueError(f'{name}: this joint model has no {self.driver}')
            driver = model[self.driver]
            keys = {key: driver.get(key) for key in ('config', 'model', 'num_classes')}
            model, network_classes = read_network(self.library, **keys)
            known, steps = known or network_classes, None
            # A checkpoint of the whole joint model, or of the network alone.
            state = entries_below(f'{self.driver}.model.', state) or state
        elif 'data_preprocessor' in config:
            model.setdefault('data_preprocessor', config.data_preprocessor)
        if self.library == 'mmseg':
            from tsjnet_mm.models.drivers import espnetv2  # noqa: F401  registers it
        self.fuses = f'Fused{self.driver.capitalize()}' == type_name(model)
        self._compose(steps)
        self.device = usable_device(device)
        with DefaultScope.overwrite_default_scope(self.library):
            self.model = MODELS.build({'_scope_': self.library, **model})
        self._load(state, checkpoint, name)
        self.model = _without_sync(self.model).to(self.device).eval()
        named = classes or _named_classes(content) or known
        if not named:
            raise ValueError(f'{checkpoint} does not name its classes: give {self.option}')
        self.classes = list(named)
        expected = self._count(self.model.model if self.fuses else self.model)
        if expected is not None and expected != len(self.classes):
            raise ValueError(
                f'{name} finds {expected} classes, but {len(self.classes)} are named: '
                f'{", ".join(self.classes[:5])}: give {self.option}'
            )

    def _compose(self, steps):
        from mmcv.transforms import Compose

        self.loading = {}
        if steps is None:
            steps = self.plain_pipeline
        elif type_name(steps[0]) == 'LoadImagePair':
            self.loading = {key: value for key, value in steps[0].items() if key != 'type'}
        first = {
            'type': 'LoadImageFromNDArray',
            'to_float32': bool(steps[0].get('to_float32')) if steps else False,
        }
        rest = [step for step in steps[1:] if not type_name(step).startswith('Load')]
        with DefaultScope.overwrite_default_scope(self.library):
            self.pipeline = Compose([first, *rest])

    def _load(self, state, checkpoint, name):
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

    @abstractmethod
    def _count(self, model):
        """Number of the network's classes; None where its heads do not say."""

    def predict(self, image: np.ndarray) -> Any:
        """What the library's own test finds in an image.

        Args:
            image (np.ndarray): (H, W, 3) RGB, or of a fused model (H, W, 4) with infrared;
                float32 in [0, 1] or uint8.

        Returns:
            Any: Its data sample.
        """
        array = np.concatenate([image[..., 2::-1], image[..., 3:]], axis=2)
        if array.dtype != np.uint8:
            array = 255 * array
            array = array if self.loading.get('to_float32') else np.rint(array).astype(np.uint8)
        scope = DefaultScope.overwrite_default_scope(self.library)
        with scope, torch.no_grad(), warnings.catch_warnings():
            warnings.filterwarnings('ignore', 'torch.meshgrid')  # The libraries' own.
            data = self.pipeline({'img': array, 'img_id': 0})
            (found,) = self.model.test_step(
                {'inputs': [data['inputs']], 'data_samples': [data['data_samples']]}
            )
        return found


class ViewDetector(TaskNetwork):
    """An mmdet detector that looks at single images; see :class:`TaskNetwork`.

    Args:
        config (str | Path): See there.
        checkpoint (str | Path): See there.
        classes (Sequence[str], optional): See there.
        device (str): See there.
    """

    library, driver, option = 'mmdet', 'detector', '--detector-classes'
    plain_pipeline = (
        {'type': 'LoadImageFromNDArray'},
        {'type': 'Resize', 'scale_factor': 1.0},
        {'type': 'PackDetInputs', 'meta_keys': ('ori_shape', 'img_shape', 'scale_factor')},
    )

    def _count(self, model):
        head = getattr(model, 'bbox_head', None)
        head = head or getattr(getattr(model, 'roi_head', None), 'bbox_head', None)
        head = head[-1] if isinstance(head, torch.nn.ModuleList) else head
        return getattr(head, 'num_classes', None)

    def __call__(self, image: np.ndarray) -> dict[str, np.ndarray]:
        """Find objects.

        Args:
            image (np.ndarray): See :meth:`predict`.

        Returns:
            dict[str, np.ndarray]: ``boxes`` (N, 4) xyxy, ``scores`` (N,), ``labels`` (N,).
        """
        instances = self.predict(image).pred_instances.cpu().numpy()
        return {
            'boxes': instances.bboxes.reshape(-1, 4),
            'scores': instances.scores,
            'labels': instances.labels,
        }


class ViewSegmentor(TaskNetwork):
    """An mmseg segmentor that looks at single images; see :class:`TaskNetwork`.

    Args:
        config (str | Path): See there.
        checkpoint (str | Path): See there.
        classes (Sequence[str], optional): See there.
        device (str): See there.
    """

    library, driver, option = 'mmseg', 'segmentor', '--segmentor-classes'
    plain_pipeline = ({'type': 'LoadImageFromNDArray'}, {'type': 'PackSegInputs'})

    def _count(self, model):
        head = getattr(model, 'decode_head', None)
        head = head[-1] if isinstance(head, torch.nn.ModuleList) else head
        return getattr(head, 'num_classes', None)

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """Find the class of each pixel.

        Args:
            image (np.ndarray): See :meth:`predict`.

        Returns:
            np.ndarray: (H, W) integer.
        """
        return self.predict(image).pred_sem_seg.data[0].cpu().numpy()

    def probabilities(self, image: np.ndarray) -> np.ndarray:
        """Find how probable each class is at each pixel.

        Args:
            image (np.ndarray): See :meth:`predict`.

        Returns:
            np.ndarray: (C, H, W) float32, in [0, 1] with the sum 1 at each pixel.
        """
        logits = self.predict(image).seg_logits.data.float()
        if len(logits) == 1:  # One logit of two classes.
            logits = torch.cat([torch.zeros_like(logits), logits])
        return logits.softmax(0).cpu().numpy()


def _test_steps(config):
    """The steps of the images that a config tests on; None where it has none."""
    dataset = (config.get('test_dataloader') or {}).get('dataset') or {}
    while 'dataset' in dataset or 'datasets' in dataset:
        dataset = dataset['dataset'] if 'dataset' in dataset else dataset['datasets'][0]
    return dataset.get('pipeline') or None


def _without_sync(model):
    from mmengine.model import revert_sync_batchnorm

    return revert_sync_batchnorm(model)


def _named_classes(content):
    meta = (content.get('meta') or {}) if isinstance(content, dict) else {}
    found = {key.lower(): value for key, value in meta.get('dataset_meta', meta).items()}
    return found.get('classes')
