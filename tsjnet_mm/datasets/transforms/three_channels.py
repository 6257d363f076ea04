"""Transforms of OpenMMLab's libraries that need three channels, applied to pairs of four."""

import copy
import functools
import random
from typing import Any

import numpy as np
import torch
from mmcv.transforms import BaseTransform

_LIBRARIES = ('mmcv', 'mmdet', 'mmseg', 'mmyolo', 'mmpretrain')
#: Transforms for any number of channels, and those that call other transforms; with subclasses.
_ANY_CHANNELS = frozenset(
    {
        *('Resize', 'RandomFlip', 'RandomCrop', 'RandomResize', 'RandomChoiceResize'),
        *('Compose', 'KeyMapper', 'RandomChoice', 'RandomApply', 'ProposalBroadcaster'),
        *('TestTimeAug', 'MultiScaleFlipAug', 'MultiBranch'),
    }
)
#: What the names of those begin with that do not change the image.
_NO_CHANGE = ('Load', 'Pack', 'Filter')


def _needs_three(transform):
    kind = type(transform)
    if kind.__module__.partition('.')[0] not in _LIBRARIES:
        return False
    names = {parent.__name__ for parent in kind.__mro__}
    return names.isdisjoint(_ANY_CHANNELS) and not kind.__name__.startswith(_NO_CHANGE)


def _is_pair(results):
    image = results.get('img') if isinstance(results, dict) else None
    return isinstance(image, np.ndarray) and image.ndim == 3 and image.shape[2] == 4


def _visible(results):
    """The same with the visible images alone, also of those to be mixed in."""
    parts = {**results, 'img': np.ascontiguousarray(results['img'][..., :3])}
    if 'mix_results' in results:
        parts['mix_results'] = [_visible(other) for other in results['mix_results']]
    return parts


def _infrared(results):
    """A copy of all with the infrared images, in three equal channels."""
    parts = {'img': np.repeat(results['img'][..., 3:], 3, axis=2)}
    if 'mix_results' in results:
        parts['mix_results'] = [_infrared(other) for other in results['mix_results']]
    rest = {key: value for key, value in results.items() if key not in parts}
    return {**copy.deepcopy(rest), **parts}


def _random_state():
    return random.getstate(), np.random.get_state(), torch.get_rng_state()


def _set_random_state(state):
    random.setstate(state[0])
    np.random.set_state(state[1])
    torch.set_rng_state(state[2])


def _apply_twice(call, transform, results):
    """Apply a transform to both images of a pair, with the same random numbers."""
    # What it remembers of earlier images, as CachedMosaic does, is of one kind, too.
    if '_infrared_twin' not in vars(transform):
        transform._infrared_twin = copy.deepcopy(transform)
    # Before the first call changes them in place.
    visible, infrared = _visible(results), _infrared(results)
    state = _random_state()
    visible = call(transform, visible)
    if visible is None:
        return None
    _set_random_state(state)
    infrared = call(transform._infrared_twin, infrared)['img'].mean(axis=2, keepdims=True)
    image = visible['img']
    if np.issubdtype(image.dtype, np.integer):
        infrared = np.rint(infrared)
    visible['img'] = np.concatenate([image, infrared.astype(image.dtype)], axis=2)
    return visible


def accept_pairs() -> None:
    """Let transforms that need three channels take images of four: a pair.

    Many transforms of mmcv, mmdet and mmseg have a value for each of three channels
    (``Pad``, ``RandomAffine``), make an image of three (``Mosaic``, ``MixUp``), or convert
    colours (``YOLOXHSVRandomAug``, ``PhotoMetricDistortion``). Each of those is applied to the
    visible image, and again, with the same random numbers, to the infrared image in three equal
    channels, whose mean is taken afterwards. Transforms of other packages get the four
    channels.
    """
    call = BaseTransform.__call__
    if hasattr(call, '__wrapped__'):
        return

    @functools.wraps(call)
    def call_on_pairs(self: BaseTransform, results: dict) -> Any:
        if _is_pair(results) and _needs_three(self):
            return _apply_twice(call, self, results)
        return call(self, results)

    BaseTransform.__call__ = call_on_pairs
