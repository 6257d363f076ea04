import colorsys

import numpy as np
import pytest

from tsjnet_mm.datasets.transforms import PhotometricVisible

STILL = {'brightness': 0.0, 'contrast': (1, 1), 'saturation': (1, 1), 'hue': 0.0, 'prob': 1.0}


@pytest.fixture
def results():
    rng = np.random.default_rng(0)
    return {
        'ir': rng.random((12, 16), np.float32),
        'vi': rng.random((12, 16, 3), np.float32),
        'gt_bboxes': np.array([[1, 2, 3, 4]], np.float32),
    }


def test_only_visible_changes_and_stays_in_range(results):
    before = {key: value.copy() for key, value in results.items()}
    np.random.seed(0)
    for _ in range(20):
        vi = PhotometricVisible(brightness=0.5, contrast=(0.2, 2), saturation=(0, 3), hue=180)(
            dict(results)
        )['vi']
        assert vi.dtype == np.float32
        assert vi.shape == (12, 16, 3)
        assert vi.min() >= 0
        assert vi.max() <= 1
    changed = PhotometricVisible(prob=1.0)(dict(results))
    assert not np.allclose(changed['vi'], before['vi'], atol=1e-3)
    np.testing.assert_array_equal(changed['ir'], before['ir'])
    np.testing.assert_array_equal(changed['gt_bboxes'], before['gt_bboxes'])
    np.testing.assert_array_equal(results['vi'], before['vi'])  # not changed in place


def test_no_amount_or_no_chance_changes_nothing(results):
    np.random.seed(0)
    np.testing.assert_allclose(
        PhotometricVisible(**STILL)(dict(results))['vi'], results['vi'], atol=1e-5
    )
    never = PhotometricVisible(prob=0.0)(dict(results))
    np.testing.assert_array_equal(never['vi'], results['vi'])


def test_brightness_adds(results):
    np.random.seed(0)
    results['vi'] = results['vi'] * 0.2 + 0.4
    vi = PhotometricVisible(**{**STILL, 'brightness': 0.3})(dict(results))['vi']
    difference = vi - results['vi']
    assert 0.01 < abs(difference).max() <= 0.3
    np.testing.assert_allclose(difference, difference[0, 0, 0], atol=1e-5)


def test_contrast_turns_about_mid_grey(results):
    vi = PhotometricVisible(**{**STILL, 'contrast': (0.5, 0.5)})(dict(results))['vi']
    np.testing.assert_allclose(vi, (results['vi'] - 0.5) * 0.5 + 0.5, atol=1e-5)


def test_saturation_and_hue_against_the_standard_library(results):
    np.random.seed(0)
    grey = PhotometricVisible(**{**STILL, 'saturation': (0, 0)})(dict(results))['vi']
    expected = results['vi'].max(axis=-1, keepdims=True).repeat(3, axis=-1)
    np.testing.assert_allclose(grey, expected, atol=1e-5)

    turned = PhotometricVisible(**{**STILL, 'hue': 60.0})(dict(results))['vi']
    before, after = (
        np.array([colorsys.rgb_to_hsv(*pixel) for pixel in image.reshape(-1, 3)])
        for image in (results['vi'], turned)
    )
    turn = (after[:, 0] - before[:, 0] + 0.5) % 1 - 0.5
    np.testing.assert_allclose(turn, turn[0], atol=1e-4)
    assert 1e-3 < abs(turn[0]) <= 60 / 360
    np.testing.assert_allclose(after[:, 1:], before[:, 1:], atol=1e-4)


def test_grey_stays_grey():
    np.random.seed(0)
    vi = np.linspace(0, 1, 48, dtype=np.float32).reshape(6, 8, 1).repeat(3, axis=-1)
    changed = PhotometricVisible(prob=1.0)({'vi': vi})['vi']
    np.testing.assert_allclose(changed, changed[..., :1].repeat(3, axis=-1), atol=1e-6)


def test_same_seed_same_change(results):
    np.random.seed(4)
    first = PhotometricVisible()(dict(results))['vi']
    np.random.seed(4)
    np.testing.assert_array_equal(first, PhotometricVisible()(dict(results))['vi'])


@pytest.mark.parametrize(
    'options, message',
    [
        ({'brightness': -0.1}, 'brightness .* -0'),
        ({'contrast': (-1, 1)}, 'contrast .* -1'),
        ({'hue': -3}, 'hue .* -3'),
        ({'prob': 2}, 'prob .* 2'),
    ],
)
def test_options_are_checked(options, message):
    with pytest.raises(ValueError, match=message):
        PhotometricVisible(**options)
