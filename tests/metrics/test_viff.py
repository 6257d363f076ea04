import numpy as np
import pytest
import torch
from scipy.signal import correlate2d
from torch.autograd import gradcheck

from tsjnet_mm.metrics.viff import viff

_NOISE = 0.005 * 255 * 255


def _of_windows(source, fused, smooth):
    """Gain, information kept and information there, of each window."""
    mean_s, mean_f = smooth(source), smooth(fused)
    moments = zip(
        (smooth(source**2) - mean_s**2).ravel(),
        (smooth(fused**2) - mean_f**2).ravel(),
        (smooth(source * fused) - mean_s * mean_f).ravel(),
        strict=True,
    )
    for var_s, var_f, cov in moments:
        if var_s < 1e-10:
            yield 0, 0, 0
            continue
        gain = max(cov, 0) / (var_s + 1e-10) if var_f >= 1e-10 else 0
        noise = max(var_f - gain * cov, 1e-10)
        kept = np.log10(1 + gain**2 * var_s / (noise + _NOISE))
        yield gain, kept, np.log10(1 + var_s / _NOISE)


def _viff(fused, ir, vi):
    value = 0.0
    for scale, weight in enumerate((1, 0, 0.15, 1), start=1):
        size = 2 ** (5 - scale) + 1
        axis = np.arange(size) - size // 2
        window = np.exp(-(axis[:, None] ** 2 + axis[None] ** 2) / (2 * (size / 5) ** 2))
        window /= window.sum()

        def smooth(image, window=window):
            return correlate2d(image, window, mode='valid')

        if scale > 1:
            fused, ir, vi = (smooth(image)[::2, ::2] for image in (fused, ir, vi))
        both = zip(_of_windows(ir, fused, smooth), _of_windows(vi, fused, smooth), strict=True)
        chosen = np.array([a if a[0] < b[0] else b for a, b in both])
        kept, there = (chosen[:, 1:] + 1e-7).sum(0)
        value += weight / 2.15 * kept / there
    return value


def _expected(images):
    values = [_viff(*(image[0].numpy() for image in each)) for each in zip(*images)]
    return torch.tensor(values, dtype=torch.float64)


def test_equals_the_literal_formula(triple):
    torch.testing.assert_close(viff(*triple), _expected(triple), rtol=1e-9, atol=0)


def test_equals_the_literal_formula_where_images_are_flat(triple):
    fused, ir, vi = (image.clone() for image in triple)
    ir[..., :40] = 255
    vi[..., 20:50, :] = 0
    fused[..., 50:] = 90
    images = (fused, ir, vi)
    torch.testing.assert_close(viff(*images), _expected(images), rtol=1e-9, atol=0)


def test_fused_equals_sources(triple):
    ir = triple[1]
    torch.testing.assert_close(viff(ir, ir, ir), torch.ones(3).double(), rtol=1e-6, atol=0)
    middle = ir.mean((2, 3), keepdim=True)
    assert (viff(middle + 1.3 * (ir - middle), ir, ir) > 1).all()
    assert (viff(middle + 0.7 * (ir - middle), ir, ir) < 1).all()


@pytest.mark.parametrize('level', [0.0, 100.1, 255.0])
def test_constant_images(level, triple):
    constant, vi = torch.full_like(triple[0], level), triple[2]
    ones = torch.ones(3, dtype=torch.float64)
    torch.testing.assert_close(viff(constant, constant, constant), ones)
    assert (viff(constant, vi, vi) < 1e-4).all()
    # Where the gains are equal, the visible image counts: here it holds nothing to lose.
    assert (viff(constant, constant, vi) < 1e-4).all()
    torch.testing.assert_close(viff(constant, vi, constant), ones)


def test_smallest_size():
    fused, ir, vi = 255 * torch.rand(3, 1, 1, 41, 41)
    assert 0 < viff(fused, ir, vi).item() < 1
    with pytest.raises(ValueError, match='at least 41 pixels, got 41x40'):
        viff(*torch.zeros(3, 1, 1, 41, 40))


def test_gradient():
    ir, vi, noise = torch.rand(3, 1, 1, 41, 41, dtype=torch.float64)
    fused = 100 * ir + 80 * vi + 20 * noise
    images = [image.requires_grad_() for image in (fused, 200 * ir, 200 * vi)]
    assert gradcheck(viff, images, fast_mode=True)


def test_gradient_of_constant_images_is_finite():
    fused = torch.full((1, 1, 41, 41), 50.0, requires_grad=True)
    ir = torch.full((1, 1, 41, 41), 60.0)
    viff(fused, ir, 255 * torch.rand(1, 1, 41, 41)).sum().backward()
    assert fused.grad.isfinite().all()
