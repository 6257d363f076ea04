import random
import subprocess
import sys

import numpy as np
import pytest
import torch
from mmcv.transforms import BaseTransform, Compose
from mmdet.structures.bbox import HorizontalBoxes
from mmengine.config import Config
from mmengine.registry import DefaultScope

from tsjnet_mm.datasets.transforms.three_channels import accept_pairs

DETECTION = [
    {'type': 'Pad', 'size': (128, 120), 'pad_val': {'img': (114, 114, 114)}},
    {'type': 'Pad', 'size_divisor': 40, 'pad_val': {'img': (100, 110, 120)}},
    {'type': 'RandomAffine'},
    {'type': 'YOLOXHSVRandomAug'},
    {'type': 'PhotoMetricDistortion'},
    {'type': 'CutOut', 'n_holes': 3, 'cutout_ratio': (0.2, 0.2), 'fill_in': (7, 8, 9)},
    {'type': 'Rotate', 'prob': 1.0},
    {'type': 'ShearX', 'prob': 1.0},
    {'type': 'AutoAugment'},
    {'type': 'Normalize', 'mean': [1, 2, 3], 'std': [1, 1, 1]},
    {'type': 'CachedMosaic', 'img_scale': (96, 64), 'max_cached_images': 5},
    {'type': 'CachedMixUp', 'img_scale': (96, 64), 'max_cached_images': 3},
    {'type': 'Mosaic', 'img_scale': (96, 64)},
    {'type': 'MixUp', 'img_scale': (96, 64)},
    {'type': 'Resize', 'scale': (50, 30)},
    {'type': 'RandomFlip', 'prob': 0.5},
]
SEGMENTATION = [
    {'type': 'PhotoMetricDistortion'},
    {'type': 'RandomRotate', 'prob': 1.0, 'degree': 20, 'pad_val': 0},
    {'type': 'RandomCutOut', 'prob': 1.0, 'n_holes': 2, 'cutout_ratio': (0.2, 0.2)},
    {'type': 'RandomMosaic', 'prob': 1.0, 'img_scale': (96, 64)},
]


def results(seed, image, mixed=0):
    """What a data set and LoadImagePair give; ``image`` takes (64, 96, 4) to what is seen."""
    rng = np.random.default_rng(seed)
    found = {
        'img': image(rng.integers(0, 256, (64, 96, 4), dtype=np.uint8)),
        'img_id': seed,
        'img_shape': (64, 96),
        'ori_shape': (64, 96),
        'scale_factor': (1.0, 1.0),
        'gt_bboxes': HorizontalBoxes(torch.tensor([[10.0, 8, 50, 40], [30, 20, 60, 50]])),
        'gt_bboxes_labels': np.array([0, 1]),
        'gt_ignore_flags': np.zeros(2, bool),
        'gt_seg_map': rng.integers(0, 3, (64, 96), dtype=np.uint8),
        'seg_fields': ['gt_seg_map'],
    }
    if mixed:
        found['mix_results'] = [results(seed + 50 + i, image) for i in range(mixed)]
    return found


def run(step, scope, image):
    """A transform's results of six images in turn, always from the same random numbers."""
    random.seed(3), np.random.seed(3), torch.manual_seed(3)
    mixed = {'Mosaic': 3, 'RandomMosaic': 3, 'MixUp': 1}.get(step['type'], 0)
    with DefaultScope.overwrite_default_scope(scope):
        transform = Compose([dict(step)])
        return [transform(results(seed, image, mixed)) for seed in range(6)]


@pytest.mark.parametrize(
    'scope, step',
    [*(('mmdet', step) for step in DETECTION), *(('mmseg', step) for step in SEGMENTATION)],
    ids=lambda value: value if isinstance(value, str) else value['type'],
)
def test_a_transform_does_to_both_images_what_it_does_to_one(scope, step):
    accept_pairs()
    pairs = run(step, scope, lambda image: image)
    visible = run(step, scope, lambda image: np.ascontiguousarray(image[..., :3]))
    infrared = run(step, scope, lambda image: np.repeat(image[..., 3:], 3, axis=2))
    for pair, vi, ir in zip(pairs, visible, infrared, strict=True):
        assert pair['img'].dtype == vi['img'].dtype
        np.testing.assert_array_equal(pair['img'][..., :3], vi['img'])
        expected = ir['img'].mean(axis=2)
        if vi['img'].dtype == np.uint8:
            expected = np.rint(expected)
        np.testing.assert_array_equal(pair['img'][..., 3], expected.astype(vi['img'].dtype))
        assert pair['img_shape'] == vi['img_shape']
        assert torch.equal(pair['gt_bboxes'].tensor, vi['gt_bboxes'].tensor)
        assert pair['gt_bboxes_labels'].tolist() == vi['gt_bboxes_labels'].tolist()


def test_margins_of_both_images():
    accept_pairs()
    (found, *_) = run(DETECTION[1], 'mmdet', lambda image: image)
    assert found['img'].shape == (80, 120, 4)
    assert found['img'][79, 119].tolist() == [100, 110, 120, 110]


def test_own_transforms_get_the_four_channels():
    class Own(BaseTransform):
        def transform(self, results):
            return {'shape': results['img'].shape}

    accept_pairs()
    assert Own()(results(0, lambda image: image)) == {'shape': (64, 96, 4)}


def test_filtered_images_stay_filtered():
    accept_pairs()
    step = {'type': 'FilterAnnotations', 'min_gt_bbox_wh': (90, 90), 'keep_empty': True}
    assert run(step, 'mmdet', lambda image: image) == [None] * 6


@pytest.mark.parametrize('name', ['rtmdet/rtmdet_tiny_8xb32-300e_coco', 'yolox/yolox_tta'])
def test_whole_pipelines(name):
    accept_pairs()
    config = Config.fromfile(__import__('mmdet').__path__[0] + f'/.mim/configs/{name}.py')
    steps = config.get('train_pipeline') or config.tta_pipeline
    with DefaultScope.overwrite_default_scope('mmdet'):
        pipeline = Compose([step for step in steps if not step['type'].startswith('Load')])
        found = pipeline(results(0, lambda image: image))
    inputs = found['inputs'] if isinstance(found['inputs'], list) else [found['inputs']]
    assert {len(image) for image in inputs} == {4}


def test_mmcv_is_changed_where_pairs_are_loaded_and_not_before():
    code = """
import pickle
from mmcv.transforms import BaseTransform
from tsjnet_mm.datasets.transforms import LoadImagePair
call = BaseTransform.__call__
kept = LoadImagePair.__new__(LoadImagePair)
kept.state = 'some'
assert BaseTransform.__call__ is call
pickle.loads(pickle.dumps(kept))  # As in a worker process.
changed = BaseTransform.__call__
assert changed is not call
LoadImagePair()
assert BaseTransform.__call__ is changed
"""
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True)
    assert not done.returncode, done.stderr
