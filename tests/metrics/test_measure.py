import pytest
import torch

from tsjnet_mm.metrics import measure, mse, psnr, sf, to_grey


@pytest.fixture
def colours():
    fused, vi = torch.randint(0, 256, (2, 2, 3, 20, 24)).double()
    return fused, torch.randint(0, 256, (2, 1, 20, 24)).double(), vi


@pytest.mark.parametrize('convention', ['plain', 'tsjnet', 'cddfuse', 'tang'])
def test_colour_is_compared_as_grey(convention, colours):
    fused, ir, vi = colours
    result = measure(fused, ir, vi, ['MSE', 'PSNR'], convention)
    greys = to_grey(fused, convention), ir, to_grey(vi, convention)
    assert list(result) == ['MSE', 'PSNR']
    assert torch.equal(result['MSE'], mse(*greys, convention))
    assert torch.equal(result['PSNR'], psnr(*greys, convention))


def test_vifb_compares_the_channels(colours):
    fused, ir, vi = colours
    channels = [psnr(fused[:, i : i + 1], ir, vi[:, i : i + 1], 'vifb') for i in range(3)]
    result = measure(fused, ir, vi, ['PSNR'], 'vifb')['PSNR']
    torch.testing.assert_close(result, sum(channels) / 3)


def test_vifb_lays_channels_side_by_side_for_spatial_frequency(colours):
    fused, ir, vi = colours
    wide = fused.permute(0, 2, 1, 3).reshape(2, 1, 20, 72)
    result = measure(fused, ir, vi, ['SF'], 'vifb')['SF']
    torch.testing.assert_close(result, sf(wide, wide, wide, 'vifb'))


def test_vifb_with_a_grey_visible_image(colours):
    fused, ir, vi = colours
    channels = [psnr(fused[:, i : i + 1], ir, vi[:, :1], 'vifb') for i in range(3)]
    result = measure(fused, ir, vi[:, :1], ['PSNR'], 'vifb')['PSNR']
    torch.testing.assert_close(result, sum(channels) / 3)


def test_vifb_with_a_grey_fused_image(colours):
    fused, ir, vi = colours
    result = measure(fused[:, :1], ir, vi, ['PSNR'], 'vifb')['PSNR']
    assert torch.equal(result, psnr(fused[:, :1], ir, to_grey(vi, 'vifb'), 'vifb'))


def test_infrared_stored_as_colour(colours):
    fused, ir, vi = colours
    stored = measure(fused, ir.expand(-1, 3, -1, -1), vi, ['MSE'], 'tang')['MSE']
    torch.testing.assert_close(stored, measure(fused, ir, vi, ['MSE'], 'tang')['MSE'])


def test_errors_name_the_metric(colours):
    fused, ir, vi = colours
    with pytest.raises(ValueError, match=r'^VIF: .*at least 41 pixels, got 20x24'):
        measure(fused, ir, vi, ['MSE', 'VIF'])
    with pytest.raises(ValueError, match=r"VIF is not defined under the convention 'vifb'"):
        measure(fused, ir, vi, ['VIF'], 'vifb')
    with pytest.raises(ValueError, match=r'agree in shape'):
        measure(fused, ir[..., 1:], vi, ['MSE'])
