import numpy as np
import pytest
import torch

from tsjnet_mm.datasets.transforms import PackFusionInputs, RandomFlipPair
from tsjnet_mm.structures import FusionDataSample


@pytest.fixture
def results():
    rng = np.random.default_rng(0)
    return {
        'ir': rng.random((6, 8), np.float32),
        'vi': rng.random((6, 8, 3), np.float32),
        'gt_bboxes': np.array([[0, 0, 2, 3], [1, 1, 4, 4], [2, 2, 8, 6]], np.float32),
        'gt_bboxes_labels': np.array([2, 0, 1]),
        'gt_ignore_flags': np.array([False, True, False]),
        'gt_seg_map': rng.integers(0, 9, (6, 8), dtype=np.uint8),
        'img_shape': (6, 8),
        'ori_shape': (6, 8),
        'scale_factor': (1.0, 1.0),
        'img_id': '001',
        'sample_idx': 4,
        'vi_path': 'vi/001.png',
        'instances': [],
    }


def test_inputs(results):
    inputs = PackFusionInputs()(results)['inputs']
    assert inputs['ir'].shape == (1, 6, 8)
    assert inputs['vi'].shape == (3, 6, 8)
    for value in inputs.values():
        assert value.dtype == torch.float32
        assert value.is_contiguous()
    np.testing.assert_array_equal(inputs['ir'][0].numpy(), results['ir'])
    np.testing.assert_array_equal(inputs['vi'].permute(1, 2, 0).numpy(), results['vi'])


def test_sample(results):
    sample = PackFusionInputs()(results)['data_samples']
    assert isinstance(sample, FusionDataSample)
    assert sample.gt_instances.bboxes.tolist() == [[0, 0, 2, 3], [2, 2, 8, 6]]
    assert sample.gt_instances.bboxes.dtype == torch.float32
    assert sample.gt_instances.labels.tolist() == [2, 1]
    assert sample.gt_instances.labels.dtype == torch.int64
    assert sample.ignored_instances.bboxes.tolist() == [[1, 1, 4, 4]]
    assert sample.ignored_instances.labels.tolist() == [0]
    assert sample.gt_sem_seg.data.shape == (1, 6, 8)
    assert sample.gt_sem_seg.data.dtype == torch.int64
    np.testing.assert_array_equal(sample.gt_sem_seg.data[0].numpy(), results['gt_seg_map'])


def test_metainfo(results):
    sample = PackFusionInputs()(results)['data_samples']
    assert sample.metainfo == {
        key: results[key]
        for key in ('img_id', 'sample_idx', 'vi_path', 'ori_shape', 'img_shape', 'scale_factor')
    }
    chosen = PackFusionInputs(meta_keys=('img_id', 'instances'))(results)['data_samples']
    assert chosen.metainfo == {'img_id': '001', 'instances': []}


def test_absent_annotations_stay_absent(results):
    for key in ('gt_bboxes', 'gt_seg_map'):
        del results[key]
    sample = PackFusionInputs()(results)['data_samples']
    assert 'gt_instances' not in sample
    assert 'ignored_instances' not in sample
    assert 'gt_sem_seg' not in sample


def test_no_objects_are_empty_instances(results):
    results['gt_bboxes'] = np.zeros((0, 4), np.float32)
    results['gt_bboxes_labels'] = np.zeros(0, np.int64)
    results['gt_ignore_flags'] = np.zeros(0, bool)
    sample = PackFusionInputs()(results)['data_samples']
    assert len(sample.gt_instances) == 0
    assert sample.gt_instances.bboxes.shape == (0, 4)


def test_views_are_packed_right(results):
    flipped = RandomFlipPair(1.0, 'diagonal')(dict(results))
    packed = PackFusionInputs()(flipped)
    inputs, metainfo = packed['inputs'], packed['data_samples'].metainfo
    assert (metainfo['flip'], metainfo['flip_direction']) == (True, 'diagonal')
    np.testing.assert_array_equal(inputs['ir'][0].numpy(), results['ir'][::-1, ::-1])
    np.testing.assert_array_equal(
        inputs['vi'].permute(1, 2, 0).numpy(), results['vi'][::-1, ::-1]
    )
