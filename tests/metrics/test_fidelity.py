import math

import numpy as np
import pytest
import torch
from skimage.metrics import mean_squared_error, peak_signal_noise_ratio
from torch.autograd import gradcheck

from tsjnet_mm.metrics.fidelity import (
    CC_CONVENTIONS,
    MSE_CONVENTIONS,
    PSNR_CONVENTIONS,
    RMSE_CONVENTIONS,
    SCD_CONVENTIONS,
    cc,
    mse,
    psnr,
    rmse,
    scd,
)

CONVENTIONS = {
    mse: MSE_CONVENTIONS,
    rmse: RMSE_CONVENTIONS,
    psnr: PSNR_CONVENTIONS,
    cc: CC_CONVENTIONS,
    scd: SCD_CONVENTIONS,
}
EVERY_METRIC = pytest.mark.parametrize('metric', CONVENTIONS)
EVERY_CONVENTION = pytest.mark.parametrize(
    ('metric', 'convention'),
    [(metric, name) for metric, names in CONVENTIONS.items() for name in names],
)
CORRELATIONS = pytest.mark.parametrize('metric', [cc, scd])


def _mean_error(fused, ir, vi):
    return (mean_squared_error(ir, fused) + mean_squared_error(vi, fused)) / 2


def _mean_error_tang(fused, ir, vi):
    return _mean_error(fused / 255, ir / 255, vi / 255)


def _mean_error_vifb(fused, ir, vi):
    return (np.linalg.norm(ir - fused) + np.linalg.norm(vi - fused)) / 2 / fused.size


def _rmse(fused, ir, vi):
    return sum(math.sqrt(mean_squared_error(source, fused)) for source in (ir, vi)) / 2


def _psnr(fused, ir, vi):
    values = [peak_signal_noise_ratio(source, fused, data_range=255) for source in (ir, vi)]
    return sum(values) / 2


def _psnr_cddfuse(fused, ir, vi):
    return 10 * math.log10(np.max(fused) ** 2 / _mean_error(fused, ir, vi))


def _decibels_below_255(error):
    return lambda *images: 20 * math.log10(255 / math.sqrt(error(*images)))


def _pearson(a, b):
    return np.corrcoef(a.ravel(), b.ravel())[0, 1]


def _cc(fused, ir, vi):
    return (_pearson(ir, fused) + _pearson(vi, fused)) / 2


def _scd(fused, ir, vi):
    return _pearson(fused - vi, ir) + _pearson(fused - ir, vi)


REFERENCES = {mse: _mean_error, rmse: _rmse, psnr: _psnr, cc: _cc, scd: _scd}
DIFFERING = {
    (mse, 'tang'): _mean_error_tang,
    (mse, 'vifb'): _mean_error_vifb,
    (rmse, 'vifb'): _mean_error_vifb,
    (psnr, 'tsjnet'): _decibels_below_255(_mean_error),
    (psnr, 'cddfuse'): _psnr_cddfuse,
    (psnr, 'tang'): _decibels_below_255(_mean_error_tang),
    (psnr, 'vifb'): _decibels_below_255(_mean_error_vifb),
}


@EVERY_CONVENTION
def test_equals_reference(metric, convention, triple):
    triple[0].clamp_(max=200)  # So that no maximum is 255 by chance.
    reference = DIFFERING.get((metric, convention), REFERENCES[metric])
    arrays = zip(*(image.numpy() for image in triple), strict=True)
    expected = [reference(*images) for images in arrays]
    expected = torch.tensor(expected, dtype=torch.float64)
    torch.testing.assert_close(metric(*triple, convention), expected, rtol=1e-12, atol=1e-12)


def test_mean_of_two_psnrs_is_not_the_psnr_of_the_mean_error():
    black, white = torch.zeros(1, 1, 4, 4), torch.full((1, 1, 4, 4), 255.0)
    fused = torch.full((1, 1, 4, 4), 51.0)
    # 51 is a fifth of 255: 20 log10(5) and 20 log10(5 / 4).
    assert psnr(fused, black, white).item() == pytest.approx((13.9794 + 1.9382) / 2, abs=1e-4)
    # Mean error (1 + 16) / 50 of the squared peak.
    decibels = psnr(fused, black, white, 'tsjnet').item()
    assert decibels == pytest.approx(-10 * math.log10(17 / 50), rel=1e-6)


def test_tang_is_48_decibels_above_the_true_psnr(triple):
    fused, ir, _ = triple
    offset = 20 * math.log10(255)
    torch.testing.assert_close(psnr(*triple, 'tang'), psnr(*triple, 'tsjnet') + offset)
    # With one source twice, the mean error is that source's.
    torch.testing.assert_close(psnr(fused, ir, ir, 'tang'), psnr(fused, ir, ir) + offset)


def test_brightest_pixel_of_cddfuse(triple):
    fused, ir, vi = (image / 2 for image in triple)
    loss = 20 * torch.log10(255 / fused.amax((1, 2, 3)))
    expected = psnr(fused, ir, vi, 'tsjnet') - loss
    torch.testing.assert_close(psnr(fused, ir, vi, 'cddfuse'), expected)


def test_vifb_depends_on_the_size(triple):
    tiled = [image.repeat(1, 1, 2, 2) for image in triple]
    for metric in (mse, rmse):
        expected = metric(*triple, 'vifb') / 2
        torch.testing.assert_close(metric(*tiled, 'vifb'), expected)
        torch.testing.assert_close(metric(*tiled), metric(*triple))
    expected = psnr(*triple, 'vifb') + 10 * math.log10(2)
    torch.testing.assert_close(psnr(*tiled, 'vifb'), expected)


def test_fused_equals_both_sources(triple):
    image = triple[0]
    for metric in (mse, rmse):
        for convention in CONVENTIONS[metric]:
            assert torch.equal(metric(image, image, image, convention), torch.zeros(3).double())
    infinite = torch.full((3,), torch.inf).double()
    for convention in PSNR_CONVENTIONS:
        assert torch.equal(psnr(image, image, image, convention), infinite)
    torch.testing.assert_close(cc(image, image, image), torch.ones(3).double())
    assert torch.equal(scd(image, image, image), torch.zeros(3).double())


def test_psnr_is_infinite_where_the_fused_image_equals_one_source(triple):
    fused, _, vi = triple
    assert psnr(fused, fused, vi).isinf().all()
    for convention in PSNR_CONVENTIONS.keys() - {'plain'}:
        assert psnr(fused, fused, vi, convention).isfinite().all()


def test_psnr_of_a_black_fused_image(triple):
    black, ir = torch.zeros_like(triple[0]), triple[1]
    assert torch.equal(psnr(black, ir, ir, 'cddfuse'), torch.full((3,), -torch.inf).double())
    assert psnr(black, black, black, 'cddfuse').isposinf().all()
    for convention in PSNR_CONVENTIONS.keys() - {'cddfuse'}:
        assert (psnr(black, ir, ir, convention) > 0).all()


def test_brightness_shift(triple):
    fused, ir, vi = (image / 2 for image in triple)
    torch.testing.assert_close(cc(fused + 30, ir, vi), cc(fused, ir, vi))
    torch.testing.assert_close(scd(fused + 30, ir, vi), scd(fused, ir, vi))
    torch.testing.assert_close(mse(fused + 30, fused, fused), torch.full((3,), 900.0).double())
    torch.testing.assert_close(rmse(fused + 30, fused, fused), torch.full((3,), 30.0).double())


def test_correlation_of_an_inverted_image(triple):
    ir = triple[1]
    torch.testing.assert_close(cc(255 - ir, ir, ir), -torch.ones(3).double())


def test_extremes_of_the_correlations_of_differences(triple):
    _, ir, vi = triple
    two = torch.full((3,), 2.0).double()
    torch.testing.assert_close(scd(ir + vi, ir, vi), two)
    # Either difference falls where its counterpart rises.
    torch.testing.assert_close(scd(-ir, ir, ir), -two)


def test_one_source_as_the_fused_image(triple):
    """The differences are 0 from the one, which correlates with nothing, and B - A."""
    _, ir, vi = triple
    expected = [_pearson(b - a, b) for a, b in zip(ir.numpy(), vi.numpy(), strict=True)]
    expected = torch.tensor(expected, dtype=torch.float64)
    torch.testing.assert_close(scd(vi, ir, vi), expected)
    torch.testing.assert_close(scd(vi - 20, ir, vi), expected)


@pytest.mark.parametrize('level', [0.0, 100.1, 255.0])
@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
@CORRELATIONS
def test_correlation_of_a_constant_image_is_zero(metric, level, dtype, triple):
    constant = torch.full_like(triple[1], level, dtype=dtype)
    ir = triple[1].to(dtype)
    zeros = torch.zeros(3, dtype=dtype)
    assert torch.equal(metric(constant, constant, constant), zeros)
    if metric is cc:
        assert torch.equal(cc(constant, ir, ir), zeros)
        # Only the constant source's term vanishes.
        torch.testing.assert_close(cc(ir, constant, ir), torch.full((3,), 0.5, dtype=dtype))
    else:
        torch.testing.assert_close(scd(ir, ir, constant), zeros + 1)


def test_float32_keeps_the_correlation_of_a_faint_texture_on_a_bright_ground():
    torch.manual_seed(0)
    texture = 0.01 * torch.rand(1, 1, 64, 64) + 250
    flipped = texture.flip((2, 3))
    expected = _pearson(texture.double().numpy(), flipped.double().numpy())
    assert cc(flipped, texture, texture).item() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize('shape', [(1, 1, 1, 1), (1, 1, 1, 9), (2, 1, 7, 1)])
@EVERY_CONVENTION
def test_any_size(metric, convention, shape):
    torch.manual_seed(0)
    fused, ir, vi = 255 * torch.rand(3, *shape)
    value = metric(fused, ir, vi, convention)
    assert value.shape == shape[:1] and value.isfinite().all()


@EVERY_CONVENTION
def test_gradient(metric, convention):
    torch.manual_seed(0)
    images = [
        (255 * torch.rand(2, 1, 5, 6, dtype=torch.float64)).requires_grad_() for _ in range(3)
    ]
    assert gradcheck(lambda *images: metric(*images, convention), images)


@pytest.mark.parametrize(
    ('metric', 'convention'),
    [(mse, 'plain'), (mse, 'vifb'), (rmse, 'plain'), (cc, 'plain'), (scd, 'plain')],
)
def test_gradient_is_finite_for_constant_and_for_equal_images(metric, convention, triple):
    _, ir, vi = triple
    grey = torch.full_like(ir, 100.1)
    for images in ((grey, ir, vi), (ir, grey, vi), (grey, grey, grey), (ir, ir, vi)):
        images = [image.clone().requires_grad_() for image in images]
        metric(*images, convention).sum().backward()
        assert all(image.grad.isfinite().all() for image in images)
