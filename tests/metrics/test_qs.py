import numpy as np
import pytest
import torch

from tsjnet_mm.metrics.qs import compare_windows, qs


def _universal_index(a, b):
    """Of two windows of whole levels."""
    total_a, total_b, size = a.sum(), b.sum(), a.size
    spread = size * ((a**2).sum() + (b**2).sum()) - total_a**2 - total_b**2
    if spread == 0 and total_a == total_b == 0:
        return 1.0
    if spread == 0:
        return 2 * total_a * total_b / (total_a**2 + total_b**2)
    covariance = size * (a * b).sum() - total_a * total_b
    return 4 * covariance * total_a * total_b / (spread * (total_a**2 + total_b**2))


def _qs(fused, ir, vi):
    values = []
    for y, x in np.ndindex(fused.shape[0] - 7, fused.shape[1] - 7):
        f, a, b = (image[y : y + 8, x : x + 8] for image in (fused, ir, vi))
        salience_a, salience_b = a.var(), b.var()
        share = 0.5
        if salience_a + salience_b:
            share = salience_a / (salience_a + salience_b)
        values.append(share * _universal_index(a, f) + (1 - share) * _universal_index(b, f))
    return np.mean(values)


def _expected(images):
    arrays = zip(*(image[:, 0].numpy() for image in images))
    return torch.tensor([_qs(*each) for each in arrays]).double()


@pytest.mark.parametrize('size', [(40, 33), (8, 8), (8, 20)])
def test_equals_the_literal_formula(size, triple):
    images = [image[:, :, : size[0], : size[1]] for image in triple]
    torch.testing.assert_close(qs(*images), _expected(images), rtol=1e-10, atol=0)


def test_flat_and_black_areas_as_in_the_literal_formula(triple):
    fused, ir, vi = (image[..., :40, :40].clone() for image in triple)
    fused[..., :14, :], ir[..., :14, :20], vi[..., :14, :] = 90, 60, 201
    ir[..., 22:, :20] = vi[..., 22:, :] = fused[..., 22:, :10] = 0
    images = (fused, ir, vi)
    torch.testing.assert_close(qs(*images), _expected(images), rtol=1e-10, atol=0)


def test_greatest_where_all_are_equal(triple):
    ir = triple[1]
    torch.testing.assert_close(qs(ir, ir, ir), torch.ones(3).double(), rtol=0, atol=1e-9)


def test_inverted_structure_is_negative(triple):
    ir = triple[1]
    assert (qs(255 - ir, ir, ir) < -0.5).all()


def test_gain_leaves_no_trace(triple):
    torch.testing.assert_close(qs(*(image / 4 for image in triple)), qs(*triple))


@pytest.mark.parametrize('offset', [0.0, 1 / 3])
def test_constant_images_compare_levels(offset):
    # A third has no exact binary form, which leaves rounding errors in the moments.
    ir, vi, fused = (torch.full((2, 1, 9, 12), level + offset) for level in (50, 200, 100))
    f, a, b = fused[0, 0, 0, 0].item(), ir[0, 0, 0, 0].item(), vi[0, 0, 0, 0].item()
    expected = a * f / (a * a + f * f) + b * f / (b * b + f * f)
    torch.testing.assert_close(qs(fused, ir, vi), torch.full((2,), expected))
    assert torch.equal(qs(0 * ir, 0 * ir, 0 * vi), torch.ones(2))
    assert torch.equal(qs(fused, 0 * ir, 0 * vi), torch.zeros(2))


def test_windows_have_a_share_and_three_comparisons(triple):
    fused, ir, vi = triple
    quality = compare_windows(fused, ir, vi, (1 / 8,) * 8)
    swapped = compare_windows(fused, vi, ir, (1 / 8,) * 8)
    assert quality.share.shape == (3, 52, 68)
    torch.testing.assert_close(quality.share, 1 - swapped.share)
    torch.testing.assert_close(quality.ir, swapped.vi)
    torch.testing.assert_close(quality.sources, swapped.sources)
    window = (slice(3, 11), slice(5, 13))
    a, b = ir[1, 0][window].numpy(), vi[1, 0][window].numpy()
    assert quality.sources[1, 3, 5].item() == pytest.approx(_universal_index(a, b), rel=1e-9)
    assert quality.share[1, 3, 5].item() == pytest.approx(a.var() / (a.var() + b.var()))


def test_too_small():
    image = torch.rand(1, 1, 7, 20)
    with pytest.raises(ValueError, match='at least 8 pixels, got 7x20'):
        qs(image, image, image)


def test_differentiable():
    images = [(255 * torch.rand(1, 1, 9, 10).double()).requires_grad_() for _ in range(3)]
    assert torch.autograd.gradcheck(qs, images)
    flat = torch.full((1, 1, 9, 10), 90.0, requires_grad=True)
    qs(flat, flat * 1, torch.zeros(1, 1, 9, 10)).sum().backward()
    assert flat.grad.isfinite().all()
