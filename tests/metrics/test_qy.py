import numpy as np
import pytest
import torch

from tsjnet_mm.metrics.qy import qy

_Y, _X = np.mgrid[-3:4, -3:4]
WINDOW = np.exp(-(_X**2 + _Y**2) / (2 * 1.5**2))
WINDOW /= WINDOW.sum()


def _mean(values):
    return np.sum(WINDOW * values)


def _similarity(a, b):
    level = structure = 1.0
    if a.any() or b.any():
        level = 2 * _mean(a) * _mean(b) / (_mean(a) ** 2 + _mean(b) ** 2)
    if np.ptp(a) or np.ptp(b):
        centred_a, centred_b = a - _mean(a), b - _mean(b)
        structure = 2 * _mean(centred_a * centred_b) / _mean(centred_a**2 + centred_b**2)
    return level * structure


def _variance(a):
    return _mean((a - _mean(a)) ** 2) if np.ptp(a) else 0.0


def _qy(fused, ir, vi):
    values, redundant = [], []
    for y, x in np.ndindex(fused.shape[0] - 6, fused.shape[1] - 6):
        f, a, b = (image[y : y + 7, x : x + 7] for image in (fused, ir, vi))
        of_ir, of_vi = _similarity(a, f), _similarity(b, f)
        total = _variance(a) + _variance(b)
        share = _variance(a) / total if total else 0.5
        redundant.append(_similarity(a, b) >= 0.75)
        values.append(
            share * of_ir + (1 - share) * of_vi if redundant[-1] else max(of_ir, of_vi)
        )
    return np.mean(values), np.mean(redundant)


def _expected(images):
    arrays = zip(*(image[:, 0].numpy() for image in images))
    return torch.tensor([_qy(*each) for each in arrays]).double().unbind(1)


@pytest.mark.parametrize('size', [(30, 33), (7, 7), (7, 20)])
def test_equals_the_literal_formula(size, triple):
    fused, ir, vi = (image[:, :, : size[0], : size[1]] for image in triple)
    # Sources alike on the left and different on the right meet both cases.
    vi = vi.clone()
    vi[..., : size[1] // 2] = ir[..., : size[1] // 2] * 0.8 + fused[..., : size[1] // 2] * 0.2
    value, redundant = _expected((fused, ir, vi))
    assert size[0] == 7 or ((redundant > 0.2) & (redundant < 0.8)).all()
    torch.testing.assert_close(qy(fused, ir, vi), value, rtol=1e-9, atol=0)


def test_flat_and_black_areas_as_in_the_literal_formula(triple):
    fused, ir, vi = (image[..., :36, :30].clone() for image in triple)
    fused[..., :14, :], ir[..., :14, :20], vi[..., :14, :] = 90, 60, 70
    ir[..., 22:, :20] = vi[..., 22:, :] = fused[..., 22:, :10] = 0
    images = (fused, ir, vi)
    torch.testing.assert_close(qy(*images), _expected(images)[0], rtol=1e-9, atol=0)


def test_greatest_where_all_are_equal(triple):
    ir = triple[1]
    torch.testing.assert_close(qy(ir, ir, ir), torch.ones(3).double(), rtol=0, atol=1e-9)


def test_one_source_is_enough_where_they_differ(triple):
    ir = triple[1]
    value = qy(ir, ir, 255 - ir)
    torch.testing.assert_close(value, torch.ones(3).double(), rtol=0, atol=1e-9)
    assert (qy(255 - ir, ir, ir) < -0.5).all()


def test_gain_leaves_no_trace(triple):
    torch.testing.assert_close(qy(*(image / 4 for image in triple)), qy(*triple))


def test_constant_images_compare_levels():
    ir, vi, fused = (torch.full((2, 1, 9, 12), level + 1 / 3) for level in (50, 60, 100))
    f, a, b = fused[0, 0, 0, 0].item(), ir[0, 0, 0, 0].item(), vi[0, 0, 0, 0].item()
    expected = a * f / (a * a + f * f) + b * f / (b * b + f * f)
    torch.testing.assert_close(qy(fused, ir, vi), torch.full((2,), expected))
    assert torch.equal(qy(0 * ir, 0 * ir, 0 * vi), torch.ones(2))
    assert torch.equal(qy(fused, 0 * ir, 0 * vi), torch.zeros(2))


def test_too_small():
    image = torch.rand(1, 1, 20, 6)
    with pytest.raises(ValueError, match='at least 7 pixels, got 20x6'):
        qy(image, image, image)


def test_differentiable_in_the_fused_image():
    fused, ir, vi = 255 * torch.rand(3, 1, 1, 9, 10).double()
    assert torch.autograd.gradcheck(lambda image: qy(image, ir, vi), fused.requires_grad_())
    flat = torch.full((1, 1, 9, 10), 90.0, requires_grad=True)
    qy(flat, flat.detach(), torch.zeros(1, 1, 9, 10)).sum().backward()
    assert flat.grad.isfinite().all()
