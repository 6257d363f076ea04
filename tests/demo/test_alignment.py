import cv2
import numpy as np
import pytest
from PIL import Image

from tsjnet_mm.datasets.toy import draw_scene
from tsjnet_mm.demo.alignment import (
    align_by_points,
    describe_overlay,
    keep_or_leave,
    leave_as_is,
    register,
)
from tsjnet_mm.demo.uploads import DemoError
from tsjnet_mm.io.pairs import Pair
from tsjnet_mm.io.warping import load_homography
from tsjnet_mm.registration.edges import map_corners

SOURCES = ('ir.png', 'vi.png')


def drawn_pair(number=1, night=False, angle=0.0, zoom=1.0, size=(320, 240)):
    """A pair whose infrared camera is turned and zooms; with the way back."""
    scene = draw_scene(0, number, (640, 480), night=night)
    away = np.eye(3)
    away[:2] = cv2.getRotationMatrix2D((319.5, 239.5), angle, zoom)
    x, y = size[0] / 640, size[1] / 480
    away = np.float64([[x, 0, (x - 1) / 2], [0, y, (y - 1) / 2], [0, 0, 1]]) @ away
    ir = cv2.warpPerspective(np.float32(scene.ir) / 255, away, size)
    return Pair('scene', ir, np.float32(scene.vi) / 255), np.linalg.inv(away)


def corner_error(alignment, expected):
    apart = map_corners(alignment.matrix, (240, 320)) - map_corners(expected, (240, 320))
    return np.linalg.norm(apart, axis=1).max()


def test_a_pair_as_uploaded(tmp_path):
    pair, back = drawn_pair()
    alignment = leave_as_is(SOURCES, pair)
    assert alignment.homography is None and corner_error(alignment, back) < 1e-6
    overlay = describe_overlay(alignment, pair, tmp_path)
    assert overlay['words'].startswith('As uploaded: 320x240 infrared pixels over 640x480 ')
    assert 'Edges coincide in' in overlay['words'] and not overlay['refused']
    # The points begin at the same places in both images.
    for x, y, u, v in overlay['points']:
        np.testing.assert_allclose((u + 0.5, v + 0.5), (2 * x + 1, 2 * y + 1), atol=0.02)


@pytest.mark.slow
def test_a_turned_pair_is_registered(tmp_path):
    pair, back = drawn_pair(angle=-6, zoom=1.15)
    before = describe_overlay(leave_as_is(SOURCES, pair), pair, tmp_path)
    assert 'The edges hardly coincide: look at the overlay' in before['words']
    assert before['mask'] is None
    alignment = register(SOURCES, pair)
    assert corner_error(alignment, back) < 0.015 * 800
    overlay = describe_overlay(alignment, pair, tmp_path)
    assert overlay['words'].startswith('Registered: ')
    assert 'parts agree' in overlay['words'] and 'Edges coincide in' in overlay['words']
    assert 'The infrared image covers 7' in overlay['words']  # 1 / 1.15 ** 2 = 76 %
    np.testing.assert_allclose(overlay['matrix'], alignment.homography.matrix)
    saved = load_homography(alignment.save(tmp_path / 'H.json'))
    assert saved.matrix == alignment.homography.matrix
    assert (saved.ir_size, saved.vi_size) == ((320, 240), (640, 480))


@pytest.mark.parametrize(
    'other', [None, pytest.param(6, marks=pytest.mark.slow, id='another scene')]
)
def test_images_without_common_edges_are_refused(tmp_path, other):
    pair = drawn_pair()[0]
    pair.vi = np.zeros_like(pair.vi) if other is None else drawn_pair(other)[0].vi
    alignment = register(SOURCES, pair)
    overlay = describe_overlay(alignment, pair, tmp_path)
    assert overlay['refused'] and alignment.homography is None
    assert overlay['words'].startswith('Refused: ')
    assert 'Choose four points by hand' in overlay['words']
    assert 'tools/' not in overlay['words'] and 'Edges coincide' not in overlay['words']


def test_four_points(tmp_path):
    pair, back = drawn_pair(angle=8, zoom=1.3)
    ir = np.float64([[40, 30], [280, 40], [270, 200], [30, 210]])
    points = np.hstack([ir, cv2.perspectiveTransform(ir[:, None], back)[:, 0]]).tolist()
    alignment = align_by_points(SOURCES, pair, points)
    assert corner_error(alignment, back) < 1e-3
    overlay = describe_overlay(alignment, pair, tmp_path)
    assert overlay['words'].startswith('Aligned by 4 points. The infrared image covers 5')
    assert overlay['points'] == points
    assert keep_or_leave(alignment, SOURCES, pair) is alignment
    small = Pair('scene', pair.ir[::2, ::2], pair.vi)
    for sources, other in ((('b.png', 'vi.png'), pair), (SOURCES, small)):
        assert keep_or_leave(alignment, sources, other).homography is None
    for wrong in (None, [], points[:3], [[np.nan] * 4] * 4, [[1e9] * 4] * 4, 'points'):
        with pytest.raises(DemoError, match='The points give no mapping'):
            align_by_points(SOURCES, pair, wrong)
    mirrored = [[x, y, 639 - u, v] for x, y, u, v in points]
    with pytest.raises(DemoError, match='turn the infrared image over'):
        align_by_points(SOURCES, pair, mirrored)


def test_misaligned_regions_are_shown_in_red(tmp_path):
    pair, _ = drawn_pair(size=(640, 480))
    pair.ir[120:360, 200:440] = pair.ir[120:360, 190:430].copy()
    overlay = describe_overlay(leave_as_is(SOURCES, pair), pair, tmp_path)
    assert '% of the image misaligned, by up to ' in overlay['words']
    mask = np.asarray(Image.open(overlay['mask']))
    red, alpha = mask[..., 0], mask[..., 3]
    assert (red == 255).all() and not mask[..., 1:3].any()
    inside = alpha[120:360, 200:440]
    assert inside.max() > 120 and inside.sum() > 0.8 * alpha.astype(int).sum()
