import numpy as np
import pytest
import torch
from scipy import ndimage
from skimage.metrics import structural_similarity

from tsjnet_mm.models import losses
from tsjnet_mm.registry import MODELS


@pytest.fixture
def images():
    generator = torch.Generator().manual_seed(0)
    smooth = [
        ndimage.gaussian_filter(torch.rand(24, 30, generator=generator).numpy(), 1.5)
        for _ in range(6)
    ]
    stack = torch.from_numpy(np.stack(smooth)).double()
    stack = (stack - stack.min()) / (stack.max() - stack.min())
    return stack.view(3, 2, 1, 24, 30).unbind(0)


def reference_ssim(a, b):
    _, full = structural_similarity(
        a, b, data_range=1.0, gaussian_weights=True, sigma=1.5, use_sample_covariance=False,
        full=True,
    )  # fmt: skip
    return full[5:-5, 5:-5].mean()


def test_ssim_loss_is_eq_8(images):
    fused, ir, vi = images
    expected = np.mean(
        [
            0.5 * (1 - reference_ssim(f[0].numpy(), i[0].numpy()))
            + 0.5 * (1 - reference_ssim(f[0].numpy(), v[0].numpy()))
            for f, i, v in zip(fused, ir, vi)
        ]
    )
    assert losses.ssim_loss(fused, ir, vi).item() == pytest.approx(expected, abs=1e-9)
    assert losses.ssim_loss(ir, ir, ir).item() == pytest.approx(0, abs=1e-12)


def test_weighted_ssim_follows_the_source_with_more_gradient(images):
    fused, ir, vi = images
    flat = torch.full_like(vi, 0.5)
    weighted = losses.ssim_loss(fused, ir, flat, weighting='gradient')
    # A flat image has gradients at its zero-padded border alone.
    border = losses.sobel_magnitude(flat).mean((1, 2, 3))
    share = losses.sobel_magnitude(ir).mean((1, 2, 3))
    share = share / (share + border)
    to_ir = 1 - 2 * losses.ssim_loss(fused[:1], ir[:1], fused[:1])
    to_flat = 1 - 2 * losses.ssim_loss(fused[:1], fused[:1], flat[:1])
    first = 1 - share[0] * to_ir - (1 - share[0]) * to_flat
    single = losses.ssim_loss(fused[:1], ir[:1], flat[:1], weighting='gradient')
    assert single.item() == pytest.approx(first.item(), abs=1e-6)
    # Each image has weights of its own; the mean runs over the images.
    alone = [
        losses.ssim_loss(fused[index, None], ir[index, None], flat[index, None], 'gradient')
        for index in range(len(fused))
    ]
    torch.testing.assert_close(weighted, torch.stack(alone).mean())
    with pytest.raises(ValueError, match='median'):
        losses.ssim_loss(fused, ir, vi, weighting='median')


def test_sobel_magnitude_against_scipy(images):
    image = images[0]
    expected = sum(
        np.abs(ndimage.sobel(image[0, 0].numpy(), axis=axis, mode='constant'))
        for axis in (0, 1)
    )
    np.testing.assert_allclose(
        losses.sobel_magnitude(image)[0, 0].numpy(), expected, atol=1e-12
    )


def test_gradient_and_intensity_losses(images):
    fused, ir, vi = images
    target = torch.maximum(losses.sobel_magnitude(ir), losses.sobel_magnitude(vi))
    expected = (losses.sobel_magnitude(fused) - target).abs().mean()
    torch.testing.assert_close(losses.gradient_loss(fused, ir, vi), expected)
    torch.testing.assert_close(
        losses.intensity_loss(fused, ir, vi), (fused - torch.maximum(ir, vi)).abs().mean()
    )
    assert losses.intensity_loss(torch.maximum(ir, vi), ir, vi) == 0


def test_diversity_loss_as_printed_and_as_released():
    attention = torch.tensor([[0.2, 0.9], [0.6, 0.1]], dtype=torch.float64)
    attention = attention.view(1, 2, 1, 2)  # two heads, two pixels
    largest = (0.6 + 0.9) / 2
    mean = (0.2 + 0.9 + 0.6 + 0.1) / 4
    printed = losses.diversity_loss(attention)
    assert printed.item() == pytest.approx(-(1 - largest) + mean)
    released = losses.diversity_loss(attention, sign=1)
    assert released.item() == pytest.approx((1 - largest) + mean)
    with pytest.raises(ValueError, match='sign'):
        losses.diversity_loss(attention, sign=2)


def test_range_of_the_diversity_loss():
    nothing, everything = torch.zeros(1, 4, 2, 2), torch.ones(1, 4, 2, 2)
    one_head = torch.eye(4)[:1].view(1, 4, 1, 1)
    assert losses.diversity_loss(nothing).item() == -1
    assert losses.diversity_loss(everything).item() == 1
    assert losses.diversity_loss(nothing, 1).item() == 1
    assert losses.diversity_loss(everything, 1).item() == 1
    assert losses.diversity_loss(one_head, 1).item() == 1 / 4
    random = torch.rand(50, 1, 4, 3, 3)
    printed = torch.stack([losses.diversity_loss(attention) for attention in random])
    released = torch.stack([losses.diversity_loss(attention, 1) for attention in random])
    assert printed.abs().max() < 1 and released.min() > 1 / 4 and released.max() < 1


def test_reconstruction_loss_is_mean_squared_error():
    zeros, halves = torch.zeros(1, 1, 4, 4), torch.full((1, 1, 4, 4), 0.5)
    assert losses.reconstruction_loss(zeros, halves).item() == 0.25


@pytest.mark.parametrize(
    'function', [losses.ssim_loss, losses.gradient_loss, losses.intensity_loss]
)
def test_gradcheck(function, images):
    fused, ir, vi = (image[:1, :, :14, :14].contiguous() for image in images)
    assert torch.autograd.gradcheck(
        lambda image: function(image, ir, vi), [fused.requires_grad_()], fast_mode=True
    )


@pytest.mark.parametrize(
    'function', [losses.ssim_loss, losses.gradient_loss, losses.intensity_loss]
)
@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
def test_losses_run_in_single_precision_under_autocast(function, dtype, images):
    fused, ir, vi = (image.to(dtype) for image in images)
    expected = function(fused.double(), ir.double(), vi.double()).float()
    with torch.autocast('cpu', torch.bfloat16):
        found = function(fused, ir, vi), function(fused, ir=ir, vi=vi)
    for loss in found:
        assert loss.dtype == torch.float32
        torch.testing.assert_close(loss, expected, rtol=2e-6, atol=0)


@pytest.mark.parametrize(
    ('config', 'expected'),
    [
        ({'type': 'SSIMLoss'}, lambda o: losses.ssim_loss(o['fused'], o['ir'], o['vi'])),
        (
            {'type': 'SSIMLoss', 'weighting': 'gradient'},
            lambda o: losses.ssim_loss(o['fused'], o['ir'], o['vi'], 'gradient'),
        ),
        (
            {'type': 'GradientLoss'},
            lambda o: losses.gradient_loss(o['fused'], o['ir'], o['vi']),
        ),
        (
            {'type': 'IntensityLoss'},
            lambda o: losses.intensity_loss(o['fused'], o['ir'], o['vi']),
        ),
        ({'type': 'DiversityLoss'}, lambda o: losses.diversity_loss(o['attention'], -1)),
        (
            {'type': 'DiversityLoss', 'sign': 1},
            lambda o: losses.diversity_loss(o['attention'], 1),
        ),
        (
            {'type': 'ReconstructionLoss', 'modality': 'vi'},
            lambda o: losses.reconstruction_loss(o['vi_reconstruction'], o['vi']),
        ),
        (
            {'type': 'ReconstructionLoss', 'modality': 'ir'},
            lambda o: losses.reconstruction_loss(o['ir_reconstruction'], o['ir']),
        ),
    ],
)
def test_modules_weight_their_function(config, expected, images):
    outputs = dict(zip(('fused', 'ir', 'vi'), images))
    outputs['attention'] = images[0].flatten(0, 1)[None].sigmoid()
    outputs['ir_reconstruction'], outputs['vi_reconstruction'] = images[1:][::-1]
    module = MODELS.build({**config, 'loss_weight': 3.0})
    torch.testing.assert_close(module(outputs), 3 * expected(outputs))
    torch.testing.assert_close(MODELS.build(config)(outputs), expected(outputs))
    assert module.needs_reconstruction == (config['type'] == 'ReconstructionLoss')


def test_reconstruction_of_neither_modality_is_refused():
    with pytest.raises(ValueError, match='fused'):
        losses.ReconstructionLoss('fused')
