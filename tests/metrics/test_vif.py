import numpy as np
import pytest
import torch
from scipy.signal import correlate2d
from torch.autograd import gradcheck
from torchmetrics.functional.image import visual_information_fidelity as torchmetrics_vif

from tsjnet_mm.metrics import vif, visual_information_fidelity
from tsjnet_mm.metrics.wavelet_vif import wavelet_information_fidelity


def _vifp(reference, distorted):
    """vifp from the papers' formulas: gain and noise of each window, then information."""
    kept = total = 0.0
    for scale in range(1, 5):
        size = 2 ** (5 - scale) + 1
        axis = np.arange(size) - size // 2
        window = np.exp(-(axis[:, None] ** 2 + axis[None] ** 2) / (2 * (size / 5) ** 2))
        window /= window.sum()

        def smooth(image, window=window):
            return correlate2d(image, window, mode='valid')

        if scale > 1:
            reference, distorted = smooth(reference)[::2, ::2], smooth(distorted)[::2, ::2]
        mean_r, mean_d = smooth(reference), smooth(distorted)
        covariances = zip(
            (smooth(reference**2) - mean_r**2).ravel(),
            (smooth(distorted**2) - mean_d**2).ravel(),
            (smooth(reference * distorted) - mean_r * mean_d).ravel(),
            strict=True,
        )
        for var_r, var_d, cov in covariances:
            if var_r < 1e-10:
                continue
            gain = cov / (var_r + 1e-10)
            noise = var_d - gain * cov
            if gain < 0 or var_d < 1e-10:
                gain, noise = 0, var_d
            kept += np.log10(1 + gain**2 * var_r / (max(noise, 1e-10) + 2))
            total += np.log10(1 + var_r / 2)
    return kept / total


def test_equals_the_literal_formula(triple):
    expected = [
        (_vifp(a[0].numpy(), f[0].numpy()) + _vifp(b[0].numpy(), f[0].numpy())) / 2
        for f, a, b in zip(*triple, strict=True)
    ]
    expected = torch.tensor(expected, dtype=torch.float64)
    torch.testing.assert_close(vif(*triple), expected, rtol=1e-8, atol=0)


def test_equals_torchmetrics(triple):
    fused, ir, _ = triple
    ours = visual_information_fidelity(ir, fused)
    theirs = torchmetrics_vif(fused, ir, reduction='none')
    torch.testing.assert_close(ours, theirs, rtol=1e-8, atol=0)
    # The reference is the source, not the fused image; the other way round differs.
    assert (ours - torchmetrics_vif(ir, fused, reduction='none')).abs().min() > 1e-3


@pytest.mark.parametrize('convention', ['cddfuse', 'tang'])
def test_sums_of_two(triple, convention):
    torch.testing.assert_close(vif(*triple, convention), 2 * vif(*triple), rtol=1e-12, atol=0)


def test_tsjnet_takes_the_fused_image_as_the_reference(triple):
    fused, ir, vi = (torch.cat((image, image.flip(2)), 2) for image in triple)
    expected = sum(wavelet_information_fidelity(fused, source) for source in (ir, vi)) / 2
    torch.testing.assert_close(vif(fused, ir, vi, 'tsjnet'), expected, rtol=1e-12, atol=0)


def test_several_references_of_one_distorted_image(triple):
    fused, ir, vi = triple
    both = visual_information_fidelity(torch.stack((ir, vi)), fused)
    assert both.shape == (2, 3)
    torch.testing.assert_close(both[1], visual_information_fidelity(vi, fused))


def test_fused_equals_sources(triple):
    ir = triple[1]
    torch.testing.assert_close(vif(ir, ir, ir), torch.ones(3).double(), rtol=1e-6, atol=0)


def test_contrast_enhancement_exceeds_one_and_loss_lowers_it(triple):
    ir = triple[1] / 2 + 30
    middle = ir.mean((2, 3), keepdim=True)
    assert (vif(middle + 1.5 * (ir - middle), ir, ir) > 1).all()
    assert (vif(middle + 0.5 * (ir - middle), ir, ir) < 1).all()


def test_brightness_shift_and_inversion(triple):
    ir = triple[1]
    torch.testing.assert_close(vif(ir - 20, ir, ir), vif(ir, ir, ir))
    assert torch.equal(vif(255 - ir, ir, ir), torch.zeros(3).double())


@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
@pytest.mark.parametrize('level', [0.0, 100.1, 255.0])
def test_constant_images(level, dtype, triple):
    constant = torch.full_like(triple[0], level, dtype=dtype)
    ir = triple[1].to(dtype)
    zeros = torch.zeros(3, dtype=dtype)
    # Nothing kept of a source; nothing in the source to keep.
    assert torch.equal(vif(constant, ir, ir), zeros)
    assert torch.equal(vif(ir, constant, constant), zeros)
    assert torch.equal(vif(constant, constant, constant), zeros)
    torch.testing.assert_close(vif(ir, constant, ir), zeros + 0.5, rtol=1e-6, atol=0)


@pytest.mark.parametrize(
    ('convention', 'of_nothing'), [('plain', 0), ('cddfuse', 1), ('tang', 0)]
)
def test_constant_sources(convention, of_nothing, triple):
    ir, constant = triple[1], torch.full_like(triple[1], 40)
    weight = 0.5 if convention == 'plain' else 1
    expected = torch.full((3,), weight * (1 + of_nothing)).double()
    torch.testing.assert_close(vif(ir, ir, constant, convention), expected, rtol=1e-6, atol=0)
    expected = torch.full((3,), 2 * weight * of_nothing).double()
    assert torch.equal(vif(ir, constant, constant, convention), expected)


def test_float32_on_saturated_areas():
    torch.manual_seed(0)
    ir = torch.full((1, 1, 64, 96), 10.0)
    ir[..., 48:] = 255
    ir[..., :20, :20] = torch.randint(0, 256, (20, 20)).float()
    fused = ir.clone()
    fused[..., 20:50, 60:] -= 1
    expected = vif(fused.double(), ir.double(), ir.double())
    torch.testing.assert_close(vif(fused, ir, ir).double(), expected, rtol=1e-6, atol=0)


def test_smallest_size():
    torch.manual_seed(0)
    fused, ir, vi = 255 * torch.rand(3, 1, 1, 41, 41)
    assert 0 < vif(fused, ir, vi).item() < 1
    with pytest.raises(ValueError, match='at least 41 pixels, got 41x40'):
        vif(*torch.zeros(3, 1, 1, 41, 40))
    assert vif(*255 * torch.rand(3, 1, 1, 65, 65), 'tsjnet').item() > 0
    with pytest.raises(ValueError, match='at least 65 pixels, got 64x70'):
        vif(*torch.zeros(3, 1, 1, 64, 70), 'tsjnet')


def test_gradient():
    torch.manual_seed(0)
    ir, vi, noise = torch.rand(3, 1, 1, 41, 41, dtype=torch.float64)
    fused = 100 * ir + 80 * vi + 20 * noise
    images = [image.requires_grad_() for image in (fused, 200 * ir, 200 * vi)]
    assert gradcheck(vif, images, fast_mode=True)


def test_gradient_of_constant_images_is_finite():
    fused = torch.full((1, 1, 41, 41), 50.0, requires_grad=True)
    ir = torch.full((1, 1, 41, 41), 60.0)
    vif(fused, ir, 255 * torch.rand(1, 1, 41, 41)).sum().backward()
    assert fused.grad.isfinite().all()
