"""Geometry is checked by drawing: what a box bounds must stay what the box bounds."""

import numpy as np
import pytest
from mmcv.transforms import RandomChoiceResize, RandomResize
from mmengine.registry import DefaultScope

from tsjnet_mm.datasets.transforms import PadPair, RandomCropPair, RandomFlipPair, ResizePair

SIZE = (48, 64)
BOX = (10, 6, 30, 40)


def drawn(box=BOX, size=SIZE, extra_box=None):
    """A pair with a bright rectangle at ``box`` in both images and, as class 3, the mask."""
    ir = np.zeros(size, np.float32)
    vi = np.zeros((*size, 3), np.float32)
    mask = np.zeros(size, np.uint8)
    left, top, right, bottom = box
    for array, value in ((ir, 1), (vi, 1), (mask, 3)):
        array[top:bottom, left:right] = value
    boxes = [box] if extra_box is None else [box, extra_box]
    return {
        'ir': ir,
        'vi': vi,
        'gt_seg_map': mask,
        'gt_bboxes': np.array(boxes, np.float32),
        'gt_bboxes_labels': np.arange(len(boxes)),
        'gt_ignore_flags': np.zeros(len(boxes), bool),
        'img_shape': size,
        'ori_shape': size,
        'scale_factor': (1.0, 1.0),
    }


def bounds(bright):
    rows, columns = np.nonzero(bright)
    return columns.min(), rows.min(), columns.max() + 1, rows.max() + 1


def assert_box_bounds_drawing(results, atol):
    (box,) = results['gt_bboxes']
    for bright in (
        results['ir'] > 0.5,
        *(results['vi'][..., channel] > 0.5 for channel in range(3)),
        results['gt_seg_map'] == 3,
    ):
        np.testing.assert_allclose(bounds(bright), box, atol=atol)
    shape = results['img_shape']
    assert (
        results['ir'].shape == results['vi'].shape[:2] == results['gt_seg_map'].shape == shape
    )
    assert results['ir'].dtype == results['vi'].dtype == np.float32
    assert results['gt_seg_map'].dtype == np.uint8
    assert results['gt_bboxes'].dtype == np.float32


@pytest.mark.parametrize(
    'options, shape',
    [
        ({'scale': (128, 96)}, (96, 128)),
        ({'scale': (50, 70)}, (70, 50)),
        ({'scale': (100, 100), 'keep_ratio': True}, (75, 100)),
        ({'scale_factor': 0.5}, (24, 32)),
        ({'scale_factor': (2.0, 0.75)}, (36, 128)),
        ({'scale_factor': (1.18, 0.74)}, (36, 76)),  # 35.52 and 75.52.
    ],
)
def test_resize(options, shape):
    results = ResizePair(**options)(drawn())
    assert results['img_shape'] == shape
    assert results['ori_shape'] == SIZE
    assert results['scale_factor'] == pytest.approx((shape[1] / 64, shape[0] / 48))
    assert_box_bounds_drawing(results, atol=1)
    assert set(np.unique(results['gt_seg_map'])) == {0, 3}


def test_resize_twice_keeps_the_factor_to_the_original():
    results = ResizePair(scale_factor=0.5)(ResizePair(scale_factor=3)(drawn()))
    assert results['scale_factor'] == pytest.approx((1.5, 1.5))
    np.testing.assert_allclose(results['gt_bboxes'][0], np.array(BOX) * 1.5)


def test_resize_is_bilinear_and_stays_in_range():
    ramp = drawn()
    ramp['ir'] = np.tile(np.linspace(0, 1, 64, dtype=np.float32), (48, 1))
    ir = ResizePair(scale=(128, 96))(ramp)['ir']
    step = 1 / 63
    np.testing.assert_allclose(np.diff(ir[0])[1:-1], step / 2, atol=1e-6)
    assert ir.min() >= 0
    assert ir.max() <= 1


def test_resize_serves_the_random_resizes_of_mmcv():
    np.random.seed(0)
    with DefaultScope.overwrite_default_scope('tsjnet_mm'):
        ranged = RandomResize(scale=(64, 48), ratio_range=(0.5, 2.0), resize_type='ResizePair')
        chosen = RandomChoiceResize(scales=[(32, 24), (128, 96)], resize_type='ResizePair')
    shapes = set()
    for transform in [ranged] * 5 + [chosen] * 5:
        results = transform(drawn())
        shapes.add(results['img_shape'])
        assert_box_bounds_drawing(results, atol=1)
    assert {(24, 32), (96, 128)} < shapes


@pytest.mark.parametrize(
    'options', [{}, {'scale': (4, 4), 'scale_factor': 2.0}, {'scale': None}]
)
def test_resize_takes_one_size(options):
    with pytest.raises(ValueError, match='either scale or scale_factor'):
        ResizePair(**options)


@pytest.mark.parametrize('options', [{'scale': (0, 5)}, {'scale_factor': -1.0}])
def test_resize_to_nothing(options):
    with pytest.raises(ValueError, match='got'):
        ResizePair(**options)(drawn())


@pytest.mark.parametrize('seed', range(20))
def test_crop(seed):
    np.random.seed(seed)
    results = RandomCropPair((20, 24))(drawn())
    assert results['img_shape'] == (20, 24)
    if (results['ir'] > 0.5).any():
        assert_box_bounds_drawing(results, atol=0)
        assert list(results['gt_bboxes_labels']) == [0]
    else:
        assert results['gt_bboxes'].shape == (0, 4)
        assert results['gt_bboxes_labels'].shape == results['gt_ignore_flags'].shape == (0,)


def test_crops_reach_every_place():
    np.random.seed(0)
    marked = drawn()
    marked['ir'] = np.arange(48 * 64, dtype=np.float32).reshape(SIZE)
    corners = {RandomCropPair((46, 63))(dict(marked))['ir'][0, 0] for _ in range(100)}
    assert corners == {64.0 * top + left for top in range(3) for left in range(2)}


def test_crop_drops_what_is_left_outside():
    np.random.seed(3)
    kept_last = 0
    for _ in range(30):
        results = RandomCropPair(16)(drawn(extra_box=(40, 30, 60, 44)))
        labels = results['gt_bboxes_labels']
        for box, label in zip(results['gt_bboxes'], labels, strict=True):
            assert (box >= 0).all()
            assert (box <= 16).all()
            assert (box[2:] - box[:2] >= 1).all()
            kept_last += label == 1
    assert kept_last


def test_crop_drops_objects_of_which_less_than_a_pixel_is_left():
    results = drawn()
    boxes = [(-0.6, 5, 0.6, 9), (-0.6, 5, 1.0, 9), (9, 47.5, 20, 50), (62, 46.5, 70, 47.6)]
    results['gt_bboxes'] = np.array(boxes, np.float32)
    results['gt_bboxes_labels'] = np.array([4, 5, 6, 7])
    results['gt_ignore_flags'] = np.array([False, True, False, True])
    results = RandomCropPair(SIZE)(results)
    assert results['gt_bboxes_labels'].tolist() == [5, 7]
    assert results['gt_ignore_flags'].tolist() == [True, True]
    np.testing.assert_array_equal(
        results['gt_bboxes'], np.float32([(0, 5, 1, 9), (62, 46.5, 64, 47.6)])
    )


def test_crop_without_annotations_and_larger_than_the_pair():
    results = drawn()
    for key in ('gt_bboxes', 'gt_bboxes_labels', 'gt_ignore_flags', 'gt_seg_map'):
        del results[key]
    results = RandomCropPair((100, 32))(results)
    assert results['ir'].shape == (48, 32)
    assert 'gt_bboxes' not in results


@pytest.mark.parametrize('direction', ['horizontal', 'vertical', 'diagonal'])
def test_flip(direction):
    results = RandomFlipPair(1.0, direction)(drawn())
    assert results['flip'] is True
    assert results['flip_direction'] == direction
    assert_box_bounds_drawing(results, atol=0)
    twice = RandomFlipPair(1.0, direction)(results)
    np.testing.assert_array_equal(twice['gt_bboxes'], [BOX])
    np.testing.assert_array_equal(twice['ir'], drawn()['ir'])


def test_flip_by_chance():
    np.random.seed(0)
    flipped = [RandomFlipPair(0.3)(drawn())['flip'] for _ in range(400)]
    assert np.mean(flipped) == pytest.approx(0.3, abs=0.07)
    unchanged = RandomFlipPair(0.0)(drawn())
    assert unchanged['flip'] is False
    assert unchanged['flip_direction'] is None
    np.testing.assert_array_equal(unchanged['gt_bboxes'], [BOX])


def test_flip_draws_of_several_directions():
    np.random.seed(0)
    flip = RandomFlipPair(1.0, ['horizontal', 'vertical'])
    assert {flip(drawn())['flip_direction'] for _ in range(20)} == {'horizontal', 'vertical'}


def test_flip_of_no_boxes():
    results = drawn()
    results['gt_bboxes'] = np.zeros((0, 4), np.float32)
    assert RandomFlipPair(1.0)(results)['gt_bboxes'].shape == (0, 4)


@pytest.mark.parametrize(
    'options, shape',
    [
        ({'divisor': 32}, (64, 64)),
        ({'divisor': 48}, (48, 96)),
        ({'size': (50, 70)}, (50, 70)),
        ({'size': 60}, (60, 64)),
    ],
)
def test_pad(options, shape):
    results = PadPair(**options)(drawn())
    assert results['img_shape'] == shape
    np.testing.assert_array_equal(results['ir'][:48, :64], drawn()['ir'])
    assert (results['gt_seg_map'][48:] == 255).all()
    assert (results['gt_seg_map'][:, 64:] == 255).all()
    assert (results['gt_seg_map'][:48, :64] != 255).all()
    assert_box_bounds_drawing(results, atol=0)


@pytest.mark.parametrize('mode', ['constant', 'reflect', 'edge'])
def test_pad_modes(mode):
    results = drawn()
    results['vi'] = np.random.default_rng(0).random((*SIZE, 3), np.float32)
    expected = np.pad(results['vi'], ((0, 12), (0, 6), (0, 0)), mode=mode)
    np.testing.assert_array_equal(PadPair(size=(60, 70), mode=mode)(results)['vi'], expected)


@pytest.mark.parametrize('first', [RandomFlipPair(1.0), RandomCropPair((30, 40))])
@pytest.mark.parametrize('second', [ResizePair(scale=(80, 60)), PadPair(divisor=7)])
def test_transforms_follow_each_other(first, second):
    np.random.seed(1)
    results = second(first(drawn(box=(20, 16, 38, 30))))
    assert_box_bounds_drawing(results, atol=1)


def test_same_seed_same_choices():
    def run():
        np.random.seed(7)
        return RandomFlipPair(0.5, ['horizontal', 'diagonal'])(RandomCropPair(20)(drawn()))

    first, second = run(), run()
    np.testing.assert_array_equal(first['ir'], second['ir'])
    assert first['flip_direction'] == second['flip_direction']


@pytest.mark.parametrize(
    'make, message',
    [
        (lambda: RandomCropPair((0, 4)), r'crop_size .*\(0, 4\)'),
        (lambda: RandomFlipPair(1.5), 'prob .*1\\.5'),
        (lambda: RandomFlipPair(direction='left'), 'left'),
        (lambda: RandomFlipPair(direction=[]), 'direction'),
        (lambda: PadPair(), 'either size or divisor'),
        (lambda: PadPair(size=4, divisor=2), 'either size or divisor'),
        (lambda: PadPair(divisor=0), 'divisor .*0'),
        (lambda: PadPair(size=4, mode='wrap'), 'wrap'),
    ],
)
def test_options_are_checked(make, message):
    with pytest.raises(ValueError, match=message):
        make()
