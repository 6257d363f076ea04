import numpy as np
import pytest
import torch
from scipy.signal import correlate2d
from torch.autograd import gradcheck

from tsjnet_mm.metrics.mef_ssim import multi_exposure_similarity
from tsjnet_mm.metrics.ms_ssim import ms_ssim

BETAS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)


def _images(height, width, count=2):
    """Fused, ir and vi with structure at every scale."""
    rng = np.random.default_rng(8)
    rows, columns = np.mgrid[:height, :width]

    def scene():
        waves = sum(
            20
            * np.cos(rng.uniform(-1, 1) * rows / scale + rng.uniform(-1, 1) * columns / scale)
            for scale in (1, 2, 5, 12, 30)
        )
        return torch.from_numpy((120 + waves).clip(0, 255).round())

    ir, vi = torch.stack([scene() for _ in range(2 * count)])[:, None].split(count)
    return (0.3 * ir + 0.7 * vi).round(), ir, vi


def _halve(image):
    """2x2 means and every second pixel, the border mirrored with its pixels repeated."""
    padded = np.pad(image, [(0, 1), (0, 1)], mode='symmetric')
    return correlate2d(padded, np.full((2, 2), 0.25), mode='valid')[::2, ::2]


def _literal(a, b):
    axis = np.arange(11) - 5
    window = np.exp(-(axis[:, None] ** 2 + axis[None] ** 2) / (2 * 1.5**2))
    window /= window.sum()

    def smooth(image):
        return correlate2d(image, window, mode='valid')

    product = 1.0
    for scale, beta in enumerate(BETAS, start=1):
        mean_a, mean_b = smooth(a), smooth(b)
        var_a, var_b = smooth(a * a) - mean_a**2, smooth(b * b) - mean_b**2
        cov = smooth(a * b) - mean_a * mean_b
        value = (2 * cov + 7.65**2) / (var_a + var_b + 7.65**2)
        if scale == 5:
            value = value * (2 * mean_a * mean_b + 2.55**2) / (mean_a**2 + mean_b**2 + 2.55**2)
        product *= value.mean() ** beta
        a, b = _halve(a), _halve(b)
    return product


@pytest.mark.parametrize('size', [(176, 192), (161, 183)])
def test_equals_the_literal_formula(size):
    images = _images(*size)
    expected = [
        (_literal(a[0].numpy(), f[0].numpy()) + _literal(b[0].numpy(), f[0].numpy())) / 2
        for f, a, b in zip(*images, strict=True)
    ]
    expected = torch.tensor(expected, dtype=torch.float64)
    torch.testing.assert_close(ms_ssim(*images), expected, rtol=0, atol=1e-10)


def test_tang_is_a_product_of_multi_exposure_similarities():
    images = [image.numpy()[:, 0] for image in _images(61, 58)]
    expected = torch.ones(2, dtype=torch.float64)
    for beta in BETAS[:3]:
        batch = [torch.from_numpy(image)[:, None] for image in images]
        expected *= multi_exposure_similarity(*batch) ** (beta / sum(BETAS[:3]))
        images = [np.stack([_halve(plane) for plane in image]) for image in images]
    ours = ms_ssim(*_images(61, 58), convention='tang')
    torch.testing.assert_close(ours, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize(('convention', 'tolerance'), [('plain', 1e-12), ('tang', 1e-6)])
def test_fused_equals_sources(convention, tolerance):
    ir = _images(161, 161)[1]
    value = ms_ssim(ir, ir, ir, convention)
    torch.testing.assert_close(value, torch.ones(2).double(), rtol=0, atol=tolerance)


@pytest.mark.parametrize('convention', ['plain', 'tang'])
def test_inverted_image_gives_zero_and_a_finite_gradient(convention):
    ir = _images(161, 161)[1]
    fused = (255 - ir).requires_grad_()
    value = ms_ssim(fused, ir, ir, convention)
    assert torch.equal(value, torch.zeros(2).double())
    value.sum().backward()
    assert torch.equal(fused.grad, torch.zeros_like(ir))


def test_constant_images_compare_their_levels():
    black, grey = torch.zeros(1, 1, 161, 161), torch.full((1, 1, 161, 161), 100.0)
    c1 = (0.01 * 255) ** 2
    assert ms_ssim(grey, grey, grey).item() == pytest.approx(1)
    expected = (c1 / (100**2 + c1)) ** BETAS[-1]
    assert ms_ssim(grey, black, black).item() == pytest.approx(expected, rel=1e-6)
    # The other measure is blind to levels.
    assert ms_ssim(grey, black, black, 'tang').item() == pytest.approx(1)


@pytest.mark.parametrize(('convention', 'size'), [('plain', 161), ('tang', 44)])
def test_smallest_size(convention, size):
    assert 0 < ms_ssim(*_images(size, size, 1), convention).item() < 1
    with pytest.raises(ValueError, match=f'at least {size} pixels, got {size}x{size - 1}'):
        ms_ssim(*torch.zeros(3, 1, 1, size, size - 1), convention)


def test_gradient():
    images = [image.requires_grad_() for image in _images(161, 162, 1)]
    assert gradcheck(ms_ssim, images, fast_mode=True)
