import cv2
import numpy as np
import pytest
import torch

from tsjnet_mm.utils import recolour, rgb_to_luma, rgb_to_ycbcr, ycbcr_to_rgb
from tsjnet_mm.utils.colour import recolour_in_gamut


@pytest.fixture
def image():
    return torch.rand(
        2, 3, 9, 7, generator=torch.Generator().manual_seed(0), dtype=torch.double
    )


def opencv(image, code):
    """OpenCV's conversion of the first image of a batch, channels first."""
    array = np.ascontiguousarray(image[0].permute(1, 2, 0).float().numpy())
    return torch.from_numpy(cv2.cvtColor(array, code)).permute(2, 0, 1).double()


def test_round_trip(image):
    torch.testing.assert_close(ycbcr_to_rgb(rgb_to_ycbcr(image)), image, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ('colour', 'expected'),
    [
        ((0.0, 0.0, 0.0), (0.0, 0.5, 0.5)),
        ((1.0, 1.0, 1.0), (1.0, 0.5, 0.5)),
        ((1.0, 0.0, 0.0), (0.299, 0.5 - 0.299 / 1.772, 1.0)),
        ((0.0, 0.0, 1.0), (0.114, 1.0, 0.5 - 0.114 / 1.402)),
    ],
)
def test_values_of_bt601(colour, expected):
    pixel = torch.tensor(colour, dtype=torch.double).view(3, 1, 1)
    wanted = torch.tensor(expected, dtype=torch.double).view(3, 1, 1)
    torch.testing.assert_close(rgb_to_ycbcr(pixel), wanted, rtol=0, atol=1e-12)


def test_forward_agrees_with_opencv(image):
    luma, chroma_red, chroma_blue = opencv(image, cv2.COLOR_RGB2YCrCb)
    reference = torch.stack((luma, chroma_blue, chroma_red))
    torch.testing.assert_close(rgb_to_ycbcr(image)[0], reference, rtol=0, atol=1 / 255)


def test_backward_agrees_with_opencv(image):
    ycbcr = rgb_to_ycbcr(image)
    reference = opencv(ycbcr[:, [0, 2, 1]], cv2.COLOR_YCrCb2RGB)
    torch.testing.assert_close(ycbcr_to_rgb(ycbcr)[0], reference, rtol=0, atol=1 / 255)


def test_colours_outside_the_cube_are_clipped():
    ycbcr = torch.tensor([[1.0, 1.0, 1.0], [0.0, 0.0, 0.0]]).view(2, 3, 1, 1)
    rgb = ycbcr_to_rgb(ycbcr)
    assert rgb.min() == 0
    assert rgb.max() == 1


def test_grey_has_no_chroma():
    grey = torch.linspace(0, 1, 12).view(1, 1, 3, 4).expand(1, 3, 3, 4)
    ycbcr = rgb_to_ycbcr(grey)
    torch.testing.assert_close(ycbcr[:, :1], grey[:, :1])
    torch.testing.assert_close(ycbcr[:, 1:], torch.full((1, 2, 3, 4), 0.5))


def test_luma_of_grey_is_itself():
    grey = torch.rand(2, 1, 4, 5)
    assert rgb_to_luma(grey) is grey


@pytest.mark.parametrize('shape', [(3, 4, 5), (2, 3, 4, 5), (2, 2, 3, 4, 5)])
def test_any_number_of_leading_dimensions(shape):
    image = torch.rand(shape)
    luma_shape = (*shape[:-3], 1, *shape[-2:])
    assert rgb_to_luma(image).shape == luma_shape
    assert rgb_to_ycbcr(image).shape == shape
    assert recolour(rgb_to_luma(image), image).shape == shape


@pytest.mark.parametrize('function', [rgb_to_luma, rgb_to_ycbcr, ycbcr_to_rgb])
def test_gradients(function, image):
    # Away from 0 and 1, where clipping has no derivative.
    image = (image[:1, :, :3, :3] * 0.2 + 0.4).requires_grad_()
    assert torch.autograd.gradcheck(function, image)


def test_recolour_with_its_own_luma_gives_the_image_back(image):
    torch.testing.assert_close(recolour(rgb_to_luma(image), image), image, rtol=0, atol=1e-12)


def test_recolour_keeps_luma_and_chroma(image):
    visible = image * 0.2 + 0.4
    luma = image.flip(-1)[:, :1] * 0.2 + 0.4
    ycbcr = rgb_to_ycbcr(recolour(luma, visible))
    torch.testing.assert_close(ycbcr[:, :1], luma)
    torch.testing.assert_close(ycbcr[:, 1:], rgb_to_ycbcr(visible)[:, 1:])


def test_recolour_is_the_way_over_ycbcr(image):
    luma = torch.rand_like(image[..., :1, :, :])
    chroma = rgb_to_ycbcr(image)[..., 1:, :, :]
    expected = ycbcr_to_rgb(torch.cat((luma, chroma), dim=-3))
    torch.testing.assert_close(recolour(luma, image), expected, rtol=0, atol=1e-12)


def test_recolour_repeats_the_luma_where_the_visible_is_grey():
    luma = torch.tensor([-0.5, 0.25, 1.5]).view(1, 1, 1, 3)
    expected = torch.tensor([0.0, 0.25, 1.0]).expand(1, 3, 1, 3)
    torch.testing.assert_close(recolour(luma, torch.rand(1, 1, 1, 3)), expected)


def test_recolour_gradients(image):
    luma = (image[:1, :1, :3, :3] * 0.2 + 0.4).requires_grad_()
    visible = (image[1:, :, :3, :3] * 0.2 + 0.4).requires_grad_()
    assert torch.autograd.gradcheck(recolour, (luma, visible))


@pytest.mark.parametrize('function', [rgb_to_luma, rgb_to_ycbcr, ycbcr_to_rgb])
def test_no_tensor_is_a_type_error(function):
    with pytest.raises(TypeError, match='got ndarray'):
        function(np.zeros((3, 4, 4)))


@pytest.mark.parametrize(
    ('function', 'shape'),
    [
        (rgb_to_luma, (2, 4, 4)),
        (rgb_to_luma, (3, 4)),
        (rgb_to_ycbcr, (1, 4, 4)),
        (ycbcr_to_rgb, (1, 1, 4, 4)),
    ],
)
def test_wrong_channels_are_a_value_error_with_the_shape(function, shape):
    with pytest.raises(ValueError, match=str(shape)[1:-1]):
        function(torch.zeros(shape))


@pytest.mark.parametrize(
    ('luma', 'visible', 'message'),
    [
        ((3, 4, 4), (3, 4, 4), 'luma must have shape'),
        ((1, 4, 4), (2, 4, 4), 'visible must have shape'),
        ((1, 4, 4), (3, 4, 5), r'one size, got \(4, 4\) and \(4, 5\)'),
    ],
)
def test_recolour_names_what_does_not_fit(luma, visible, message):
    with pytest.raises(ValueError, match=message):
        recolour(torch.zeros(luma), torch.zeros(visible))


def _hue(image):
    chroma = rgb_to_ycbcr(image)[..., 1:, :, :] - 0.5
    return torch.rad2deg(torch.atan2(chroma[..., 1, :, :], chroma[..., 0, :, :]))


def test_a_red_sign_that_is_hot_stays_red():
    sign = torch.tensor([200, 30, 40]).view(3, 1, 1).double() / 255
    luma = torch.ones(1, 1, 1).double()
    kept = recolour_in_gamut(luma, sign)
    torch.testing.assert_close(_hue(kept), _hue(sign))
    assert kept[0] == 1
    assert kept[1:].max() < 0.5  # clipped, it has 0.8: nearly white
    assert recolour(luma, sign)[1:].min() > 0.75


def test_gamut_keeps_hue_and_never_leaves_the_range(image):
    luma = torch.rand_like(image[..., :1, :, :]) * 0.9 + 0.05
    kept = recolour_in_gamut(luma, image)
    turn = (_hue(kept) - _hue(image) + 180) % 360 - 180
    assert turn.abs().max() < 1e-3
    clipped = image + (luma - rgb_to_luma(image))
    inside = ((clipped >= 0) & (clipped <= 1)).all(-3, keepdim=True).expand_as(clipped)
    assert inside.any()
    assert not inside.all()
    torch.testing.assert_close(kept[inside], clipped[inside])


def test_gamut_keeps_the_luma_of_grey_and_black_and_white():
    luma = torch.tensor([0.0, 0.25, 1.0]).view(1, 1, 3)
    grey = torch.full((3, 1, 3), 0.4)
    torch.testing.assert_close(recolour_in_gamut(luma, grey), luma.expand(3, 1, 3))
