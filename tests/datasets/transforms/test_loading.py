import cv2
import numpy as np
import pytest
from PIL import Image

from tsjnet_mm.datasets import PairError
from tsjnet_mm.datasets.transforms import LoadPair, LoadPairAnnotations

SIZE = (20, 30)


@pytest.fixture
def paths(tmp_path):
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 256, SIZE, dtype=np.uint8)).save(tmp_path / 'ir.png')
    Image.fromarray(rng.integers(0, 256, (*SIZE, 3), dtype=np.uint8)).save(tmp_path / 'vi.png')
    return {'ir_path': str(tmp_path / 'ir.png'), 'vi_path': str(tmp_path / 'vi.png')}


def test_load_pair(paths):
    results = LoadPair()(dict(paths))
    ir, vi = results.pop('ir'), results.pop('vi')
    assert ir.shape == SIZE
    assert vi.shape == (*SIZE, 3)
    assert ir.dtype == vi.dtype == np.float32
    np.testing.assert_allclose(vi, np.array(Image.open(paths['vi_path'])) / 255, atol=1e-7)
    assert results == {
        **paths,
        'img_path': paths['vi_path'],
        'img_shape': SIZE,
        'ori_shape': SIZE,
        'scale_factor': (1.0, 1.0),
        'flip': False,
        'flip_direction': None,
    }


def test_grey_visible_is_repeated(paths):
    results = LoadPair()({**paths, 'vi_path': paths['ir_path']})
    for channel in range(3):
        np.testing.assert_array_equal(results['vi'][..., channel], results['ir'])


def test_infrared_options_leave_visible_alone(paths):
    raw = np.linspace(0, 16383, 600).reshape(SIZE).astype(np.uint16)
    cv2.imwrite(paths['ir_path'], raw)
    fixed = LoadPair(ir_range=(0, 16383))(dict(paths))
    np.testing.assert_allclose(fixed['ir'], raw / 16383, atol=1e-6)
    stretched = LoadPair(ir_percentiles=(25, 75))(dict(paths))
    assert (stretched['ir'] == 0).mean() == pytest.approx(0.25, abs=0.01)
    assert (stretched['ir'] == 1).mean() == pytest.approx(0.25, abs=0.01)
    np.testing.assert_array_equal(fixed['vi'], stretched['vi'])


def test_infrared_images_of_another_size_are_resized_or_warped(paths):
    large = np.kron(np.array(Image.open(paths['ir_path'])), np.ones((2, 2), np.uint8))
    Image.fromarray(large).save(paths['ir_path'])
    expected = large[::2, ::2] / 255
    resized = LoadPair(resize=True)(dict(paths))
    np.testing.assert_allclose(resized['ir'], expected, atol=1e-6)
    assert resized['img_shape'] == resized['ori_shape'] == SIZE
    halved_and_moved = [[0.5, 0, 3], [0, 0.5, 1], [0, 0, 1]]
    warped = LoadPair(homography=halved_and_moved)(dict(paths))['ir']
    np.testing.assert_allclose(warped[1:, 3:], expected[:-1, :-3], atol=1e-6)
    with pytest.raises(PairError, match='different sizes'):
        LoadPair()(dict(paths))


@pytest.mark.parametrize(
    'options, message',
    [
        ({'ir_range': (0, 1), 'ir_percentiles': (1, 99)}, 'not both'),
        ({'ir_range': (5, 5)}, r'ir_range .*\(5, 5\)'),
        ({'ir_percentiles': (99, 1)}, r'ir_percentiles .*\(99, 1\)'),
        ({'ir_percentiles': (1, 101)}, r'0\.\.100.*101'),
    ],
)
def test_load_pair_checks_options(options, message):
    with pytest.raises(ValueError, match=message):
        LoadPair(**options)


def test_different_sizes(paths):
    Image.fromarray(np.zeros((30, 20), np.uint8)).save(paths['ir_path'])
    with pytest.raises(PairError, match=r'ir\.png: different sizes.*30x20 as .*vi\.png.*20x30'):
        LoadPair()(dict(paths))


def test_boxes():
    instances = [
        {'bbox': [1, 2, 3.5, 4], 'bbox_label': 2, 'ignore_flag': 0},
        {'bbox': [0, 0, 9, 9], 'bbox_label': 0, 'ignore_flag': 1},
    ]
    results = LoadPairAnnotations()({'img_shape': SIZE, 'instances': instances})
    np.testing.assert_array_equal(results['gt_bboxes'], [[1, 2, 3.5, 4], [0, 0, 9, 9]])
    np.testing.assert_array_equal(results['gt_bboxes_labels'], [2, 0])
    np.testing.assert_array_equal(results['gt_ignore_flags'], [False, True])
    dtypes = [results[key].dtype for key in results if key.startswith('gt_')]
    assert dtypes == [np.float32, np.int64, bool]


def test_no_objects_and_no_labels():
    results = LoadPairAnnotations()({'img_shape': SIZE, 'instances': []})
    assert results['gt_bboxes'].shape == (0, 4)
    assert results['gt_bboxes_labels'].shape == results['gt_ignore_flags'].shape == (0,)
    assert LoadPairAnnotations()({'img_shape': SIZE}) == {'img_shape': SIZE}


def test_mask(tmp_path):
    mask = np.arange(600, dtype=np.int64).reshape(SIZE) % 9
    mask[3, 4] = 255
    path = str(tmp_path / 'mask.png')
    Image.fromarray(mask.astype(np.uint8)).save(path)
    results = {'img_shape': SIZE, 'seg_map_path': path, 'num_seg_classes': 9}
    loaded = LoadPairAnnotations()(dict(results))['gt_seg_map']
    assert loaded.dtype == np.uint8
    np.testing.assert_array_equal(loaded, mask)
    with pytest.raises(PairError, match=r'mask\.png: mask index out of range.*0 to 7.*index 8'):
        LoadPairAnnotations()({**results, 'num_seg_classes': 8})
    with pytest.raises(PairError, match=r'mask\.png: mask of another size'):
        LoadPairAnnotations()({**results, 'img_shape': (30, 20)})


def test_annotations_can_be_left_out(tmp_path):
    results = {'img_shape': SIZE, 'instances': [], 'seg_map_path': str(tmp_path / 'gone.png')}
    loaded = LoadPairAnnotations(with_boxes=False, with_masks=False)(dict(results))
    assert loaded == results
