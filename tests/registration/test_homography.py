import json

import cv2
import numpy as np
import pytest
from PIL import Image

from tsjnet_mm.apis import load_homography
from tsjnet_mm.datasets.toy import draw_scene
from tsjnet_mm.io.errors import PairError
from tsjnet_mm.io.lens import Lens
from tsjnet_mm.io.pairs import Pair
from tsjnet_mm.io.preparation import Preparation
from tsjnet_mm.registration.edges import map_corners
from tsjnet_mm.registration.homography import (
    RegistrationError,
    draw_checkerboard,
    read_pairs,
    read_points,
    read_unfitted,
    register_pairs,
    register_points,
)


def displaced(ir, angle=2, zoom=1.05, x=9, y=-7, factor=1):
    """The image as another camera sees it, which is turned and zooms; with the way back."""
    height, width = ir.shape
    away = np.eye(3)
    away[:2] = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), angle, zoom)
    away[:2, 2] += (x, y)
    away = np.float64([[1, 0, -20], [0, 1, -20], [0, 0, 1]]) @ away  # the rim is cut off
    shrunk = factor, (factor - 1) / 2
    away = np.float64([[factor, 0, shrunk[1]], [0, factor, shrunk[1]], [0, 0, 1]]) @ away
    size = round((width - 40) * factor), round((height - 40) * factor)
    blurred = ir if factor == 1 else cv2.GaussianBlur(ir, (0, 0), 0.5 / factor)
    return cv2.warpPerspective(blurred, away, size), np.linalg.inv(away)


def toy_pairs(numbers, **displacement):
    pairs = []
    for number in numbers:
        scene = draw_scene(0, number, (320, 240), night=number % 2 == 0)
        ir, back = displaced(np.float32(scene.ir) / 255, **displacement)
        luma = cv2.cvtColor(scene.vi, cv2.COLOR_RGB2GRAY)
        pairs.append(Pair(str(number), ir, np.float32(luma) / 255))
    return pairs, back


def corner_error(found, expected, size):
    apart = map_corners(found, size) - map_corners(expected, size)
    return np.linalg.norm(apart, axis=1).mean()


@pytest.mark.parametrize(
    ('count', 'displacement'),
    [
        (1, {'angle': -9, 'zoom': 1.2, 'factor': 0.5}),
        pytest.param(5, {}, marks=pytest.mark.slow),
        pytest.param(5, {'zoom': 1.4, 'angle': -2, 'factor': 0.5}, marks=pytest.mark.slow),
    ],
    ids=str,
)
def test_pairs_give_the_mapping_they_share(count, displacement):
    pairs, back = toy_pairs(range(1, 1 + count), **displacement)
    found = register_pairs(pairs)
    assert corner_error(found.homography, back, pairs[0].ir.shape) < 3
    assert found.pairs == tuple(pair.name for pair in pairs)
    assert 0 < found.error < 3 and found.evidence.share > 0.3


def test_a_pair_of_two_scenes_is_refused():
    pairs, _ = toy_pairs(range(1, 3))
    words = r'^no mapping found in 1 pair: only \d+%? .*; give pairs .* or corresponding points'
    with pytest.raises(RegistrationError, match=words):
        register_pairs([Pair('1', pairs[0].ir, pairs[1].vi)])


@pytest.mark.slow
def test_pairs_of_different_scenes_are_refused():
    pairs, _ = toy_pairs(range(4))
    wrong = [
        Pair(one.name, one.ir, other.vi)
        for one, other in zip(pairs, pairs[1:] + pairs[:1], strict=True)
    ]
    with pytest.raises(RegistrationError, match='in 4 pairs of different scenes: only'):
        register_pairs(wrong)


@pytest.mark.slow
def test_frames_of_one_scene_count_once():
    pairs, back = toy_pairs([1])
    found = register_pairs([Pair(str(i), pairs[0].ir, pairs[0].vi) for i in range(3)])
    assert found.pairs == ('0',)
    assert corner_error(found.homography, back, pairs[0].ir.shape) < 3


def test_flat_images_are_refused():
    flat = Pair('x', np.full((96, 128), 0.5, np.float32), np.full((96, 128), 0.2, np.float32))
    with pytest.raises(RegistrationError, match='in 1 pair: the images show no common edges'):
        register_pairs([flat])
    with pytest.raises(RegistrationError, match='no pairs'):
        register_pairs([])


@pytest.mark.slow
def test_real_pairs_are_brought_together(real_data):
    folder = real_data / 'MSRS' / 'test'
    (pair,) = read_pairs(folder / 'ir', folder / 'vi', 1)
    ir, back = displaced(pair.ir, x=12, y=-9, angle=10)
    found = register_pairs([Pair(pair.name, ir, pair.vi)])
    assert corner_error(found.homography, back, ir.shape) < 12  # 1.5 % of the diagonal


def test_some_pairs_are_read_and_sizes_checked(tmp_path):
    for folder in ('ir', 'vi'):
        (tmp_path / folder).mkdir()
        for i in range(7):
            Image.new('L', (32, 24), i).save(tmp_path / folder / f'{i}.png')
    read = list(read_pairs(tmp_path / 'ir', tmp_path / 'vi', 3))
    assert [pair.name for pair in read] == ['0', '3', '6']
    assert read[1].ir.shape == read[1].vi.shape == (24, 32)
    assert len(list(read_pairs(tmp_path / 'ir', tmp_path / 'vi'))) == 7
    Image.new('L', (30, 24)).save(tmp_path / 'vi' / '6.png')
    with pytest.raises(
        PairError, match=r'vi/6\.png: different sizes: expected 32x24 as .*0\.png'
    ):
        list(read_pairs(tmp_path / 'ir', tmp_path / 'vi'))


def test_points_give_the_whole_homography(tmp_path):
    expected = np.array([[1.1, 0.05, 9], [-0.04, 1.2, -3], [1e-4, -2e-4, 1]])
    source = np.float64([[10, 20], [300, 15], [290, 220], [5, 230], [150, 100]])
    target = cv2.perspectiveTransform(source[:, None], expected)[:, 0]
    lines = [','.join(map(repr, map(float, row))) for row in np.hstack([source, target])]
    (tmp_path / 'p.csv').write_text('\n'.join(['x_ir,y_ir,x_vi,y_vi', *lines, '']))
    found = register_points(read_points(tmp_path / 'p.csv'))
    np.testing.assert_allclose(found.homography, expected, rtol=1e-4, atol=1e-6)
    assert found.error < 1e-4
    found.save(tmp_path / 'H.json', (320, 240), (640, 480))
    np.testing.assert_array_equal(load_homography(tmp_path / 'H.json'), found.homography)
    stored = json.loads((tmp_path / 'H.json').read_text())
    assert stored['ir_size'] == [320, 240] and stored['vi_size'] == [640, 480]


def test_points_that_do_not_do(tmp_path):
    with pytest.raises(RegistrationError, match='at least 4 points, found 3'):
        register_points(np.arange(12.0).reshape(3, 4))
    with pytest.raises(RegistrationError, match='lie on a line'):
        register_points(np.arange(20.0).reshape(5, 4))
    (tmp_path / 'p.csv').write_text('1,2,3,4\n1,2,x,4\n')
    with pytest.raises(ValueError, match=r'p\.csv: line 2: expected x_ir.*found 1,2,x,4'):
        read_points(tmp_path / 'p.csv')


def test_checkerboard_alternates():
    board = draw_checkerboard(np.ones((40, 80), np.float32), np.zeros((40, 80), np.float32))
    assert board.shape == (40, 80) and board.dtype == np.uint8
    assert (board[0, ::10] == [255, 0] * 4).all() and (board[::10, 0] == [255, 0] * 2).all()


def test_both_lenses_are_straightened_before():
    matrix = [[60.0, 0, 32], [0, 60, 24], [0, 0, 1]]
    lens = Lens(matrix, [-0.4, 0.1, 0, 0])
    image = np.random.default_rng(0).integers(0, 256, (48, 64)).astype(np.uint8)
    straight = lens.undistort(np.float32(image) / 255, 'x')
    assert np.abs(straight - np.float32(image) / 255).max() > 0.1
    preparation = Preparation(ir_calibration=lens, vi_calibration=lens)
    (pair,) = read_unfitted([('a', image, image)], preparation)
    np.testing.assert_allclose(pair.ir, straight, atol=1e-3)
    np.testing.assert_allclose(pair.vi, straight, atol=1e-3)
