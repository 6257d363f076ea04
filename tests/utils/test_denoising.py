import math

import pytest
import torch

from tsjnet_mm.apis import FusionInferencer
from tsjnet_mm.utils import recolour, rgb_to_luma, rgb_to_ycbcr
from tsjnet_mm.utils.denoising import denoise_chroma, denoise_luma


def hue(image):
    """Angle of the mean chroma, in degrees."""
    blue, red = (rgb_to_ycbcr(image)[0, 1:] - 0.5).mean((1, 2))
    return math.degrees(math.atan2(red, blue))


@pytest.fixture
def night():
    """A dark noisy scene with a large red lamp, a small blue one, and a lit green field."""
    image = torch.full((1, 3, 120, 160), 0.06)
    image += 0.02 * torch.randn(image.shape)
    image[..., 40:52, 40:52] = torch.tensor([0.9, 0.1, 0.1])[:, None, None]
    image[..., 20:24, 100:104] = torch.tensor([0.05, 0.1, 0.45])[:, None, None]
    image[..., 90:, :] = torch.tensor([0.35, 0.5, 0.3])[:, None, None]
    image[..., 90:, :] += 0.02 * torch.randn(image[..., 90:, :].shape)
    return image.clamp(0, 1)


def test_chroma_of_the_dark_is_smooth_and_its_luma_stays(night):
    calm = denoise_chroma(night)
    torch.testing.assert_close(rgb_to_luma(calm), rgb_to_luma(night), atol=1e-6, rtol=0)
    flat = (..., slice(60, 84), slice(60, 150))
    before, after = (rgb_to_ycbcr(x[flat])[:, 1:].std((2, 3)) for x in (night, calm))
    assert (after < before / 5).all()
    assert torch.equal(calm[..., 100:, :], night[..., 100:, :])


def test_lamps_keep_their_hue_and_spread_no_colour(night):
    calm = denoise_chroma(night)
    for place in ((slice(40, 52), slice(40, 52)), (slice(20, 24), slice(100, 104))):
        inside = (..., *place)
        assert abs(hue(calm[inside]) - hue(night[inside])) < 1
        strength = [(rgb_to_ycbcr(x[inside])[0, 1:] - 0.5).norm() for x in (night, calm)]
        assert strength[1] > 0.95 * strength[0]
    around = rgb_to_ycbcr(calm[..., 56:62, 40:52])[0, 1:] - 0.5
    assert around.abs().mean() < 0.01


def test_raised_luma_shows_less_noise(night):
    luma = torch.full((1, 1, 120, 160), 0.6)
    flat = (..., slice(60, 84), slice(60, 150))
    plain, calm = (recolour(luma, x)[flat] for x in (night, denoise_chroma(night)))
    assert (calm.std((2, 3)) < plain.std((2, 3)) / 3).all()


def test_a_lit_image_and_a_grey_one_stay(night):
    lit = (night + 0.4).clamp(0, 1)
    assert torch.equal(denoise_chroma(lit), lit)
    assert torch.equal(denoise_luma(lit, torch.zeros_like(lit[:, :1])), lit)
    half = 0.06 + 0.02 * torch.randn(1, 3, 120, 160)
    half[..., 60:, :] += 0.5  # Lit and without colour: its noise stays, too.
    assert torch.equal(denoise_chroma(half)[..., 66:, :], half[..., 66:, :])
    grey = rgb_to_luma(night)
    assert torch.equal(denoise_chroma(grey), grey)


def test_luma_is_damped_where_infrared_is_clean(night):
    ir = torch.full((1, 1, 120, 160), 0.3)
    ir[..., 80:] += 0.05 * torch.randn(1, 1, 120, 80)
    calm = denoise_luma(night, ir)
    clean, noisy = (..., slice(60, 84), slice(5, 70)), (..., slice(60, 84), slice(90, 150))
    deviations = [rgb_to_luma(x[clean]).std() for x in (night, calm)]
    assert deviations[1] < 0.7 * deviations[0]
    torch.testing.assert_close(calm[noisy], night[noisy], atol=0.002, rtol=0)
    torch.testing.assert_close(calm[..., 100:, :], night[..., 100:, :])
    lamp = (..., slice(42, 50), slice(42, 50))
    torch.testing.assert_close(calm[lamp], night[lamp])


@pytest.mark.parametrize('size', [(1, 1), (3, 70), (37, 53)])
def test_sizes_and_batches(size):
    batch = torch.rand(2, 3, *size) * torch.tensor([0.1, 1.0]).reshape(2, 1, 1, 1)
    ir = torch.zeros(2, 1, *size)
    for each, both in zip(batch, denoise_chroma(batch), strict=True):
        torch.testing.assert_close(denoise_chroma(each[None])[0], both)
    assert denoise_luma(batch, ir).isfinite().all()


def test_inferencer(night):
    ir = torch.full((1, 1, 120, 160), 0.5)
    plain = FusionInferencer('max', device='cpu')
    chroma, both = (FusionInferencer('max', device='cpu', denoise=x) for x in ('chroma', 'all'))
    assert torch.equal(plain.fuse(ir, night, grey=True), chroma.fuse(ir, night, grey=True))
    expected = recolour(plain.fuse(ir, night, grey=True), denoise_chroma(night))
    torch.testing.assert_close(chroma.fuse(ir, night), expected)
    expected = plain.fuse(ir, denoise_luma(night, ir), grey=True)
    torch.testing.assert_close(both.fuse(ir, night, grey=True), expected)
    assert [x.describe().get('denoise') for x in (plain, chroma, both)] == [
        *(None, 'chroma', 'all')
    ]
    with pytest.raises(ValueError, match='off, chroma, all'):
        FusionInferencer('max', denoise='luma')
