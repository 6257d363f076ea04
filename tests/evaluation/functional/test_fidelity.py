import numpy as np
import pytest
import torch
from skimage.metrics import mean_squared_error, peak_signal_noise_ratio
from torch.autograd import gradcheck

from tsjnet_mm.evaluation.functional import cc, mse, psnr


def _mean_of_two(measure, fused, ir, vi):
    values = []
    for f, a, b in zip(fused.numpy(), ir.numpy(), vi.numpy(), strict=True):
        values.append((measure(a[0], f[0]) + measure(b[0], f[0])) / 2)
    return torch.tensor(values, dtype=torch.float64)


REFERENCES = {
    mse: mean_squared_error,
    psnr: lambda a, b: peak_signal_noise_ratio(a, b, data_range=255),
    cc: lambda a, b: np.corrcoef(a.ravel(), b.ravel())[0, 1],
}


@pytest.mark.parametrize('metric', REFERENCES)
def test_equals_reference(metric, triple):
    expected = _mean_of_two(REFERENCES[metric], *triple)
    torch.testing.assert_close(metric(*triple), expected, rtol=1e-12, atol=1e-12)


def test_mean_of_two_psnrs_is_not_the_psnr_of_the_mean_error():
    black, white = torch.zeros(1, 1, 4, 4), torch.full((1, 1, 4, 4), 255.0)
    fused = torch.full((1, 1, 4, 4), 51.0)
    # 51 is a fifth of 255: 20 log10(5) and 20 log10(5 / 4).
    assert psnr(fused, black, white).item() == pytest.approx((13.9794 + 1.9382) / 2, abs=1e-4)


def test_fused_equals_both_sources(triple):
    image = triple[0]
    assert torch.equal(mse(image, image, image), torch.zeros(3).double())
    assert torch.equal(psnr(image, image, image), torch.full((3,), torch.inf).double())
    torch.testing.assert_close(cc(image, image, image), torch.ones(3).double())


def test_psnr_is_infinite_where_the_fused_image_equals_one_source(triple):
    fused, _, vi = triple
    assert psnr(fused, fused, vi).isinf().all()


def test_brightness_shift(triple):
    fused, ir, vi = triple
    fused, ir, vi = (image / 2 for image in (fused, ir, vi))
    torch.testing.assert_close(cc(fused + 30, ir, vi), cc(fused, ir, vi))
    torch.testing.assert_close(mse(fused + 30, fused, fused), torch.full((3,), 900.0).double())


def test_correlation_of_an_inverted_image(triple):
    ir = triple[1]
    torch.testing.assert_close(cc(255 - ir, ir, ir), -torch.ones(3).double())


@pytest.mark.parametrize('level', [0.0, 100.1, 255.0])
@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
def test_correlation_of_a_constant_image_is_zero(level, dtype, triple):
    constant = torch.full_like(triple[1], level, dtype=dtype)
    ir = triple[1].to(dtype)
    assert torch.equal(cc(constant, ir, ir), torch.zeros(3, dtype=dtype))
    assert torch.equal(cc(constant, constant, constant), torch.zeros(3, dtype=dtype))
    # Only the constant source's term vanishes.
    torch.testing.assert_close(cc(ir, constant, ir), torch.full((3,), 0.5, dtype=dtype))


def test_float32_keeps_the_correlation_of_a_faint_texture_on_a_bright_ground():
    torch.manual_seed(0)
    texture = 0.01 * torch.rand(1, 1, 64, 64) + 250
    expected = np.corrcoef(texture.flatten().numpy(), texture.flatten().numpy()[::-1])[0, 1]
    flipped = texture.flip((2, 3))
    assert cc(flipped, texture, texture).item() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize('shape', [(1, 1, 1, 1), (1, 1, 1, 9), (2, 1, 7, 1)])
@pytest.mark.parametrize('metric', REFERENCES)
def test_any_size(metric, shape):
    torch.manual_seed(0)
    fused, ir, vi = 255 * torch.rand(3, *shape)
    value = metric(fused, ir, vi)
    assert value.shape == shape[:1] and value.isfinite().all()


@pytest.mark.parametrize('metric', REFERENCES)
def test_gradient(metric):
    torch.manual_seed(0)
    images = [
        (255 * torch.rand(2, 1, 5, 6, dtype=torch.float64)).requires_grad_() for _ in range(3)
    ]
    assert gradcheck(metric, images)
