import pytest
import torch
from skimage.metrics import structural_similarity
from torch.autograd import gradcheck

from tsjnet_mm.evaluation.functional import ssim


def _skimage(a, b):
    # skimage averages its padded map over the same area: the window's radius is cut off.
    return structural_similarity(
        a.numpy(),
        b.numpy(),
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        data_range=255,
    )


def test_equals_scikit_image(triple):
    expected = [
        (_skimage(a[0], f[0]) + _skimage(b[0], f[0])) / 2
        for f, a, b in zip(*triple, strict=True)
    ]
    expected = torch.tensor(expected, dtype=torch.float64)
    torch.testing.assert_close(ssim(*triple), expected, rtol=0, atol=1e-10)


def test_fused_equals_sources(triple):
    fused, ir, _ = triple
    torch.testing.assert_close(ssim(ir, ir, ir), torch.ones(3).double())
    against_one = ssim(ir, ir, fused)
    assert (against_one > 0.5).all() and (against_one < 1).all()


def test_constant_images_compare_their_levels():
    black, grey = torch.zeros(1, 1, 12, 12), torch.full((1, 1, 12, 12), 100.0)
    c1 = (0.01 * 255) ** 2
    assert ssim(black, black, black).item() == pytest.approx(1)
    assert ssim(grey, black, black).item() == pytest.approx(c1 / (100**2 + c1), rel=1e-6)


def test_brightness_shift_lowers_it_less_than_lost_structure(triple):
    ir = triple[1] / 2
    shifted = ssim(ir + 20, ir, ir)
    assert (shifted < 1).all()
    assert (shifted > ssim(ir.mean((2, 3), True).expand_as(ir), ir, ir)).all()


def test_smallest_size():
    image = torch.full((1, 1, 11, 11), 9.0)
    assert ssim(image, image, image).item() == pytest.approx(1)
    with pytest.raises(ValueError, match='at least 11 pixels, got 10x40'):
        ssim(*torch.zeros(3, 1, 1, 10, 40))


def test_gradient():
    torch.manual_seed(0)
    images = [
        (255 * torch.rand(1, 1, 12, 13, dtype=torch.float64)).requires_grad_() for _ in range(3)
    ]
    assert gradcheck(ssim, images)
