from functools import partial

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter
from skimage.metrics import structural_similarity
from torch.autograd import gradcheck

from tsjnet_mm.metrics import ssim
from tsjnet_mm.metrics.ssim import SSIM_CONVENTIONS

CONVENTIONS = pytest.mark.parametrize('convention', SSIM_CONVENTIONS)


def _wang(a, b):
    # skimage averages its padded map over the same area: the window's radius is cut off.
    return structural_similarity(
        a, b, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255
    )


def _downsampled(a, b, factor):
    height, width = (side // factor for side in a.shape)

    def shrink(image):
        image = image[: height * factor, : width * factor]
        return image.reshape(height, factor, width, factor).mean((1, 3))

    return _wang(shrink(a), shrink(b))


def _matlab(a, b):
    smooth = partial(gaussian_filter, sigma=1.5, radius=5, mode='nearest')
    mean_a, mean_b = smooth(a), smooth(b)
    var_a, var_b = smooth(a * a) - mean_a**2, smooth(b * b) - mean_b**2
    cov = smooth(a * b) - mean_a * mean_b
    return np.mean(
        (2 * mean_a * mean_b + 0.01**2)
        * (2 * cov + 0.03**2)
        / ((mean_a**2 + mean_b**2 + 0.01**2) * (var_a + var_b + 0.03**2))
    )


def _of_both(reference, triple):
    """``reference(source, fused)`` of either source, (2, B)."""
    fused, ir, vi = (image[:, 0].numpy() for image in triple)
    values = [
        [reference(a, f) for a, f in zip(source, fused, strict=True)] for source in (ir, vi)
    ]
    return torch.tensor(values, dtype=torch.float64)


def test_equals_scikit_image(triple):
    expected = _of_both(_wang, triple)
    torch.testing.assert_close(ssim(*triple), expected.mean(0), rtol=0, atol=1e-10)
    vifb = ssim(*triple, convention='vifb')
    torch.testing.assert_close(vifb, expected.sum(0), rtol=0, atol=1e-10)


def test_cddfuse_equals_scikit_images_defaults(triple):
    expected = _of_both(partial(structural_similarity, data_range=2), triple).sum(0)
    ours = ssim(*triple, convention='cddfuse')
    torch.testing.assert_close(ours, expected, rtol=0, atol=1e-9)


def test_tang_equals_matlabs_definition(triple):
    expected = _of_both(_matlab, triple).mean(0)
    torch.testing.assert_close(ssim(*triple, convention='tang'), expected, rtol=0, atol=1e-9)


@pytest.mark.parametrize(
    ('size', 'factor'), [((300, 380), 1), ((385, 401), 2), ((640, 660), 2), ((641, 645), 3)]
)
def test_tsjnet_downsamples_first(size, factor):
    ir, vi = (torch.rand(1, 1, *size).double() * 255 for _ in range(2))
    triple = ((ir + vi) / 2, ir, vi)
    expected = _of_both(partial(_downsampled, factor=factor), triple).mean(0)
    torch.testing.assert_close(ssim(*triple, convention='tsjnet'), expected, rtol=0, atol=1e-10)


@CONVENTIONS
def test_fused_equals_sources(triple, convention):
    fused, ir, _ = triple
    best = 2.0 if convention in ('cddfuse', 'vifb') else 1.0
    torch.testing.assert_close(ssim(ir, ir, ir, convention), torch.full((3,), best).double())
    against_one = ssim(ir, ir, fused, convention)
    assert (against_one > best / 2).all() and (against_one < best).all()


@CONVENTIONS
def test_constant_images_compare_their_levels(convention):
    black, grey = torch.zeros(1, 1, 12, 12), torch.full((1, 1, 12, 12), 100.0)
    span = {'cddfuse': 2, 'tang': 1}.get(convention, 255)
    weight = 2 if convention in ('cddfuse', 'vifb') else 1
    c1 = (0.01 * span) ** 2
    assert ssim(black, black, black, convention).item() == pytest.approx(weight)
    expected = weight * c1 / (100**2 + c1)
    assert ssim(grey, black, black, convention).item() == pytest.approx(expected, rel=1e-6)


def test_brightness_shift_lowers_it_less_than_lost_structure(triple):
    ir = triple[1] / 2
    shifted = ssim(ir + 20, ir, ir)
    assert (shifted < 1).all()
    assert (shifted > ssim(ir.mean((2, 3), True).expand_as(ir), ir, ir)).all()


@pytest.mark.parametrize(
    ('convention', 'size'), [('plain', 11), ('tsjnet', 11), ('cddfuse', 7), ('vifb', 11)]
)
def test_smallest_size(convention, size):
    image = torch.full((1, 1, size, size), 9.0)
    best = 2 if convention in ('cddfuse', 'vifb') else 1
    assert ssim(image, image, image, convention).item() == pytest.approx(best)
    with pytest.raises(ValueError, match=f'at least {size} pixels, got {size - 1}x40'):
        ssim(*torch.zeros(3, 1, 1, size - 1, 40), convention)


@pytest.mark.parametrize('size', [(1, 1), (1, 30), (5, 3)])
def test_tang_takes_any_size(size):
    images = [(255 * torch.rand(1, 1, *size)).round().double() for _ in range(3)]
    expected = _of_both(_matlab, images).mean(0)
    torch.testing.assert_close(ssim(*images, convention='tang'), expected, rtol=0, atol=1e-7)


@CONVENTIONS
def test_gradient(convention):
    images = [
        (255 * torch.rand(1, 1, 12, 13, dtype=torch.float64)).requires_grad_() for _ in range(3)
    ]
    assert gradcheck(partial(ssim, convention=convention), images, fast_mode=True)
