"""Geometric transforms of pairs, applied equally to both images, boxes and mask.

All transforms here need ``ir`` (H, W), ``vi`` (H, W, 3) and ``img_shape``, and move
``gt_bboxes`` (with ``gt_bboxes_labels`` and ``gt_ignore_flags``) and ``gt_seg_map`` where
present. Random choices are drawn from numpy's global generator, which the runner seeds.
"""

from collections.abc import Sequence

import numpy as np
from mmcv.image import imflip, impad, imresize, rescale_size

from tsjnet_mm.datasets.mask_check import IGNORE_INDEX
from tsjnet_mm.registry import TRANSFORMS

from .base import PairTransform

_DIRECTIONS = ('horizontal', 'vertical', 'diagonal')


def _apply(results, to_image, to_mask):
    """Transform the arrays of ``results`` and update ``img_shape``."""
    for key in ('ir', 'vi'):
        results[key] = to_image(results[key])
    if 'gt_seg_map' in results:
        results['gt_seg_map'] = to_mask(results['gt_seg_map'])
    results['img_shape'] = results['ir'].shape[:2]


def _positive_size(name, size):
    if isinstance(size, int):
        size = (size, size)
    if len(size) != 2 or min(size) < 1:
        raise ValueError(f'{name} must be two sides of at least 1, got {size}')
    return tuple(int(side) for side in size)


@TRANSFORMS.register_module()
class ResizePair(PairTransform):
    """Resize, the images bilinearly, the mask to the nearest.

    ``scale_factor`` (w, h) is multiplied by the change, so that it stays that to
    ``ori_shape``. It works inside mmcv's ``RandomResize`` and ``RandomChoiceResize``
    (``resize_type='ResizePair'``), which set ``scale``.

    Args:
        scale (tuple[int, int], optional): Width and height to reach.
        scale_factor (float | tuple[float, float], optional): Instead, factors for width and
            height.
        keep_ratio (bool): Keep the aspect ratio: the result is as large as fits ``scale``,
            its longer side in the longer of the two. Defaults to False.

    Raises:
        ValueError: Not exactly one of ``scale`` and ``scale_factor`` is given, or when
            called it is not positive.
    """

    def __init__(
        self,
        scale: tuple[int, int] | None = None,
        scale_factor: float | tuple[float, float] | None = None,
        keep_ratio: bool = False,
    ) -> None:
        if (scale is None) == (scale_factor is None):
            raise ValueError(
                f'give either scale or scale_factor, got {scale} and {scale_factor}'
            )
        self.scale = scale
        self.scale_factor = scale_factor
        self.keep_ratio = keep_ratio

    def _target(self, height, width):
        if self.scale is None:
            factors = np.broadcast_to(self.scale_factor, 2)
            if factors.min() <= 0:
                raise ValueError(f'scale_factor must be positive, got {self.scale_factor}')
            return tuple(
                max(1, int(side * factor + 0.5))
                for side, factor in zip((width, height), factors, strict=True)
            )
        scale = _positive_size('scale', self.scale)
        if self.keep_ratio:
            return tuple(max(1, side) for side in rescale_size((width, height), scale))
        return scale

    def transform(self, results: dict) -> dict:
        """See the class."""
        height, width = results['img_shape']
        target = self._target(height, width)
        _apply(
            results,
            lambda image: imresize(image, target, interpolation='bilinear', backend='cv2'),
            lambda mask: imresize(mask, target, interpolation='nearest', backend='cv2'),
        )
        change = (target[0] / width, target[1] / height)
        if 'gt_bboxes' in results:
            results['gt_bboxes'] = results['gt_bboxes'] * np.float32(change * 2)
        before = results.get('scale_factor', (1.0, 1.0))
        results['scale_factor'] = (before[0] * change[0], before[1] * change[1])
        return results


@TRANSFORMS.register_module()
class RandomCropPair(PairTransform):
    """Cut out a window at a random place.

    Boxes are clipped to the window; those of which less than a pixel's width or height is
    left are dropped. A side shorter than the window's is kept whole: put :class:`PadPair`
    before to get windows of one size.

    Args:
        crop_size (int | tuple[int, int]): Height and width of the window.

    Raises:
        ValueError: ``crop_size`` is not positive.
    """

    def __init__(self, crop_size: int | tuple[int, int]) -> None:
        self.crop_size = _positive_size('crop_size', crop_size)

    def transform(self, results: dict) -> dict:
        """See the class."""
        height, width = (
            min(side, crop)
            for side, crop in zip(results['img_shape'], self.crop_size, strict=True)
        )
        top = np.random.randint(0, results['img_shape'][0] - height + 1)
        left = np.random.randint(0, results['img_shape'][1] - width + 1)

        def cut(array):
            return array[top : top + height, left : left + width]

        _apply(results, cut, cut)
        if 'gt_bboxes' in results:
            boxes = results['gt_bboxes'] - np.float32((left, top, left, top))
            boxes = np.clip(boxes, 0, np.float32((width, height, width, height)))
            kept = (boxes[:, 2:] - boxes[:, :2] >= 1).all(axis=1)
            results['gt_bboxes'] = boxes[kept]
            for key in ('gt_bboxes_labels', 'gt_ignore_flags'):
                results[key] = results[key][kept]
        return results


@TRANSFORMS.register_module()
class RandomFlipPair(PairTransform):
    """Mirror with a probability; sets ``flip`` and ``flip_direction``.

    Args:
        prob (float): Probability. Defaults to 0.5.
        direction (str | Sequence[str]): 'horizontal', 'vertical', 'diagonal' (both), or
            several to draw one from. Defaults to 'horizontal'.

    Raises:
        ValueError: ``prob`` is outside 0..1, or a direction is not known.
    """

    def __init__(
        self, prob: float = 0.5, direction: str | Sequence[str] = 'horizontal'
    ) -> None:
        directions = (direction,) if isinstance(direction, str) else tuple(direction)
        if not 0 <= prob <= 1:
            raise ValueError(f'prob must lie in 0..1, got {prob}')
        if not directions or not set(directions) <= set(_DIRECTIONS):
            raise ValueError(f'direction must be one or more of {_DIRECTIONS}, got {direction}')
        self.prob = prob
        self.directions = directions

    def transform(self, results: dict) -> dict:
        """See the class."""
        results['flip'] = bool(np.random.random() < self.prob)
        results['flip_direction'] = None
        if not results['flip']:
            return results
        direction = self.directions[np.random.randint(len(self.directions))]
        results['flip_direction'] = direction

        def mirror(array):
            return imflip(array, direction)

        _apply(results, mirror, mirror)
        if 'gt_bboxes' in results:
            height, width = results['img_shape']
            boxes = results['gt_bboxes'].copy()
            if direction != 'vertical':
                boxes[:, 0::2] = width - boxes[:, 2::-2]
            if direction != 'horizontal':
                boxes[:, 1::2] = height - boxes[:, 3::-2]
            results['gt_bboxes'] = boxes
        return results


@TRANSFORMS.register_module()
class PadPair(PairTransform):
    """Pad at the right and below; boxes stay, the mask is filled with 255 (ignored).

    Args:
        size (int | tuple[int, int], optional): Height and width to reach; longer sides are
            left as they are.
        divisor (int, optional): Instead, pad both sides to multiples of it.
        mode (str): 'constant' (0, black), 'reflect' or 'edge'. Defaults to 'constant'.

    Raises:
        ValueError: Not exactly one of ``size`` and ``divisor`` is given, one of them is not
            positive, or ``mode`` is not known.
    """

    def __init__(
        self,
        size: int | tuple[int, int] | None = None,
        divisor: int | None = None,
        mode: str = 'constant',
    ) -> None:
        if (size is None) == (divisor is None):
            raise ValueError(f'give either size or divisor, got {size} and {divisor}')
        if divisor is not None and divisor < 1:
            raise ValueError(f'divisor must be at least 1, got {divisor}')
        if mode not in ('constant', 'reflect', 'edge'):
            raise ValueError(f"mode must be 'constant', 'reflect' or 'edge', got {mode!r}")
        self.size = None if size is None else _positive_size('size', size)
        self.divisor = divisor
        self.mode = mode

    def transform(self, results: dict) -> dict:
        """See the class."""
        if self.size is None:
            sides = [-(-side // self.divisor) * self.divisor for side in results['img_shape']]
        else:
            sides = [max(pair) for pair in zip(results['img_shape'], self.size, strict=True)]
        below, right = (
            side - now for side, now in zip(sides, results['img_shape'], strict=True)
        )
        padding = (0, 0, right, below)
        _apply(
            results,
            lambda image: impad(image, padding=padding, padding_mode=self.mode),
            lambda mask: impad(mask, padding=padding, pad_val=IGNORE_INDEX),
        )
        return results
