import cv2
import numpy as np
import pytest

from tsjnet_mm.apis import FusionInferencer
from tsjnet_mm.io.pairs import Pair
from tsjnet_mm.io.resume import read_note
from tsjnet_mm.registration.parallax import (
    check_parallax,
    draw_parallax,
    fuse_from_one,
    measure_parallax,
)

#: Rows and columns of the infrared object, and how far to the right the visible one is.
NEAR, SHIFT = np.s_[110:230, 120:260], 11


def texture(seed, size=(288, 384), smooth=2.5):
    noise = np.random.default_rng(seed).standard_normal(size).astype(np.float32)
    return cv2.normalize(cv2.GaussianBlur(noise, (0, 0), smooth), None, 0, 1, cv2.NORM_MINMAX)


@pytest.fixture(scope='module')
def images():
    """A scene with an object that the visible camera sees further to the right."""
    scene, thing = texture(0), texture(1, (120, 140))
    ir, vi = 1 - scene, scene.copy()
    ir[NEAR] = 1 - thing
    vi[NEAR[0], NEAR[1].start + SHIFT : NEAR[1].stop + SHIFT] = thing
    return ir, vi


def test_the_object_alone_is_misaligned(images):
    found = measure_parallax(*images)
    assert found.mask.shape == (288, 384) and 0 <= found.mask.min() <= found.mask.max() <= 1
    assert found.mask[130:210, 150:240].mean() > 0.9
    outside = found.mask.copy()
    outside[85:255, 90:300] = 0
    assert outside.max() < 0.05
    moved = found.shifts[np.linalg.norm(found.shifts, axis=2) > 0]
    np.testing.assert_allclose(np.median(moved, 0), [SHIFT, 0], atol=1)
    assert SHIFT - 1 <= found.largest <= SHIFT + 4 and 0.1 < found.share < 0.3
    assert 'of the image misaligned, by up to 1' in str(found)
    scene = texture(0)
    aligned = measure_parallax(1 - scene, scene)
    assert aligned.share == 0 and aligned.largest == 0
    assert np.isfinite(aligned.shifts).mean() > 0.5 and aligned.coincident > 0.5
    assert measure_parallax(texture(2), scene).coincident < 0.02 < found.coincident
    flat = measure_parallax(0 * scene, scene)
    assert flat.share == 0 and np.isnan(flat.shifts).all()
    with pytest.raises(ValueError, match='one size'):
        measure_parallax(scene, scene[:100])


def test_shifts_are_in_pixels_of_the_image(images):
    large = [cv2.resize(image, None, fx=2, fy=2) for image in images]
    found = measure_parallax(*large)
    moved = found.shifts[np.linalg.norm(found.shifts, axis=2) > 0]
    np.testing.assert_allclose(np.median(moved, 0), [2 * SHIFT, 0], atol=2)


def test_regions_are_fused_from_one_source(images):
    ir, luma = images
    pair = Pair('a', ir, np.stack([luma] * 3, 2))
    inside = np.s_[150:190, 170:220]
    seen = fuse_from_one(pair, 'visible')
    np.testing.assert_allclose(seen.ir[inside], luma[inside], atol=0.02)
    np.testing.assert_allclose(seen.vi, pair.vi, atol=1e-6)
    np.testing.assert_array_equal(seen.ir[:60], ir[:60])
    felt = fuse_from_one(pair, 'infrared')
    np.testing.assert_allclose(felt.vi[inside][..., 0], ir[inside], atol=0.02)
    np.testing.assert_array_equal(felt.ir, ir)
    faint = Pair('a', ir, pair.vi / 4)
    np.testing.assert_array_equal(fuse_from_one(faint, 'stronger').ir, ir)
    strong = fuse_from_one(Pair('a', ir / 4, pair.vi), 'stronger')
    np.testing.assert_allclose(strong.ir[inside], luma[inside], atol=0.02)
    assert fuse_from_one(pair, 'both') is pair
    assert fuse_from_one(seen, 'visible').ir[inside].std() > 0.05
    with pytest.raises(ValueError, match='parallax must be one of both, visible'):
        fuse_from_one(pair, 'none')
    with pytest.raises(ValueError, match='goes with the style luma alone, not msx'):
        check_parallax('visible', 'msx')


def test_the_inferencer_draws_no_ghost_and_notes_it(images, tmp_path):
    ir, vi = (np.uint8(image * 255) for image in images)
    fuse = FusionInferencer('average', show_progress=False, parallax='visible')
    fused = fuse(ir, vi, out_dir=tmp_path / 'f.png', grey=True)[0]
    inside = np.s_[150:190, 170:220]
    assert np.abs(fused[inside].astype(int) - vi[inside]).max() <= 4
    assert read_note(tmp_path / 'f.png')['parallax'] == 'visible'
    assert 'parallax' not in FusionInferencer('average', show_progress=False).describe()
    ghost = FusionInferencer('average', show_progress=False)(ir, vi, grey=True)[0]
    assert np.abs(ghost[inside].astype(int) - vi[inside]).max() > 40


def test_misaligned_regions_are_red(images):
    picture = draw_parallax(np.full((288, 384), 100, np.uint8), measure_parallax(*images))
    assert picture.shape == (288, 384, 3) and (picture[:60] == 100).all()
    assert picture[160, 200:230, 0].mean() > 140 > 100 > picture[160, 200:230, 2].mean()


def test_beyond_the_infrared_view_nothing_is_misaligned(images):
    ir, vi = images
    seen = np.ones_like(vi)
    seen[NEAR] = 0
    found = measure_parallax(ir, vi, seen)
    assert found.share == 0 < measure_parallax(ir, vi, np.ones_like(vi)).share
    assert np.isnan(found.shifts[10:14, 11:16]).all()
    assert found.coincident > 0.2
