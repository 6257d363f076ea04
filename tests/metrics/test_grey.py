import cv2
import numpy as np
import pytest
import torch

from tsjnet_mm.metrics import CONVENTIONS, to_grey


@pytest.fixture
def rgb():
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (1, 3, 40, 50)).astype(np.float64)


def test_plain_is_unrounded_luma(rgb):
    expected = np.tensordot(rgb[0], (0.299, 0.587, 0.114), axes=(0, 0))
    grey = to_grey(torch.from_numpy(rgb))
    np.testing.assert_allclose(grey[0, 0].numpy(), expected, rtol=1e-12)
    assert torch.equal(to_grey(grey), grey)


@pytest.mark.parametrize('convention', ['tsjnet', 'cddfuse'])
def test_rounded_luma_is_opencvs(convention, rgb):
    image = np.moveaxis(rgb[0], 0, 2).astype(np.float32)
    expected = np.round(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY))
    difference = to_grey(torch.from_numpy(rgb), convention)[0, 0].numpy() - expected
    # Levels that lie half way may be rounded either way.
    assert np.abs(difference).max() <= 1 and np.count_nonzero(difference) <= 4


@pytest.mark.parametrize('convention', ['tang', 'vifb'])
def test_matlabs_weights(convention):
    # Published examples of rgb2gray: pure red, green and blue.
    primaries = 255 * torch.eye(3).view(1, 3, 1, 3)
    assert to_grey(primaries, convention).flatten().tolist() == [76, 150, 29]


@pytest.mark.parametrize('convention', CONVENTIONS)
def test_single_channels_and_whole_levels_stay(convention):
    grey = torch.arange(256.0).view(1, 1, 16, 16)
    assert torch.equal(to_grey(grey, convention), grey)
    # Grey stored as RGB is grey.
    torch.testing.assert_close(to_grey(grey.expand(-1, 3, -1, -1), convention), grey)


def test_half_levels_are_rounded_up():
    image = torch.tensor([0.5, 1.5, 2.4]).view(1, 1, 1, 3)
    assert to_grey(image, 'tang').flatten().tolist() == [1, 2, 2]


def test_errors(rgb):
    with pytest.raises(ValueError, match="unknown convention 'best'; known: plain, tsjnet"):
        to_grey(torch.from_numpy(rgb), 'best')
    with pytest.raises(TypeError, match=r'got torch.uint8'):
        to_grey(torch.from_numpy(rgb).byte())
    with pytest.raises(TypeError, match=r'got ndarray'):
        to_grey(rgb)
    with pytest.raises(ValueError, match=r'got \(1, 2, 40, 50\)'):
        to_grey(torch.from_numpy(rgb)[:, :2])
