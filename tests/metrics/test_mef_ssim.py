import numpy as np
import pytest
import torch
from torch.autograd import gradcheck

from tsjnet_mm.metrics.mef_ssim import multi_exposure_similarity

_AXIS = np.arange(11) - 5
_GAUSSIAN = np.exp(-(_AXIS[:, None] ** 2 + _AXIS[None] ** 2) / (2 * 1.5**2))
_GAUSSIAN /= _GAUSSIAN.sum()
_C = (0.03 * 255) ** 2


def _patch_similarity(fused, sources):
    """Of one patch of 11x11 pixels, as Ma, Zeng and Wang describe it."""
    centred = [patch - patch.mean() for patch in sources]
    norms = [np.linalg.norm(patch) for patch in centred]
    eps = np.finfo(float).eps
    consistency = (np.linalg.norm(sum(centred)) + eps) / (sum(norms) + eps)
    power = min(np.tan(np.pi / 2 * min(consistency, 1 - eps)), 10)
    strengths = [norm + 0.001 for norm in norms]
    weights = np.array([(strength / 11) ** power + eps for strength in strengths])
    weights /= weights.sum()
    wanted = sum(
        weight * patch / strength
        for weight, patch, strength in zip(weights, centred, strengths, strict=True)
    )
    if np.linalg.norm(wanted) > 0:
        wanted = wanted / np.linalg.norm(wanted) * max(strengths)
    wanted = wanted - (_GAUSSIAN * wanted).sum()
    fused = fused - (_GAUSSIAN * fused).sum()
    covariance = (_GAUSSIAN * wanted * fused).sum()
    variances = (_GAUSSIAN * wanted**2).sum() + (_GAUSSIAN * fused**2).sum()
    return (2 * covariance + _C) / (variances + _C)


def _similarity(fused, ir, vi):
    values = []
    for top in range(fused.shape[0] - 10):
        for left in range(fused.shape[1] - 10):
            window = np.s_[top : top + 11, left : left + 11]
            values.append(_patch_similarity(fused[window], (ir[window], vi[window])))
    return np.mean(values)


def _crops(triple):
    return [image[..., 12:36, 10:41].clone() for image in triple]


def _expected(images):
    values = [_similarity(*(image[0].numpy() for image in each)) for each in zip(*images)]
    return torch.tensor(values, dtype=torch.float64)


def _assert_equal_to_literal(fused, ir, vi):
    ours = multi_exposure_similarity(fused, ir, vi)
    torch.testing.assert_close(ours, _expected((fused, ir, vi)), rtol=0, atol=1e-10)


def test_equals_the_literal_formula(triple):
    _assert_equal_to_literal(*_crops(triple))


def test_equals_the_literal_formula_where_sources_are_flat(triple):
    fused, ir, vi = _crops(triple)
    ir[..., :15] = 255
    vi[..., 8:, :] = 30
    _assert_equal_to_literal(fused, ir, vi)


def test_equals_the_literal_formula_for_opposed_sources(triple):
    fused, ir, _ = _crops(triple)
    vi = 200 - (0.5 * ir).round()
    _assert_equal_to_literal(fused, ir, vi)
    assert (multi_exposure_similarity(fused, ir, vi) < 0.9).all()


def test_sources_that_cancel_want_no_structure(triple):
    fused, ir, _ = _crops(triple)
    flat = torch.full_like(ir, 7)
    torch.testing.assert_close(
        multi_exposure_similarity(fused, ir, 255 - ir),
        multi_exposure_similarity(fused, flat, flat),
        rtol=0,
        atol=1e-3,
    )


def test_equal_images(triple):
    ir = triple[1]
    ones = torch.ones(3, dtype=torch.float64)
    value = multi_exposure_similarity(ir, ir, ir)
    torch.testing.assert_close(value, ones, rtol=0, atol=1e-6)
    torch.testing.assert_close(multi_exposure_similarity(ir + 20, ir, ir), value)
    # An inverted image is as unlike as can be.
    assert (multi_exposure_similarity(255 - ir, ir, ir) < 0).all()


@pytest.mark.parametrize('level', [0.0, 100.1, 255.0])
def test_constant_images(level, triple):
    ir, constant = triple[1], torch.full_like(triple[1], level)
    ones = torch.ones(3, dtype=torch.float64)
    value = multi_exposure_similarity(constant, constant, constant)
    torch.testing.assert_close(value, ones, rtol=0, atol=1e-6)
    for images in ((constant, ir, ir), (ir, constant, constant)):
        value = multi_exposure_similarity(*images)
        assert ((value > 0) & (value < 1)).all()


def test_gradient_in_the_fused_image(triple):
    fused, ir, vi = (image[:1] for image in _crops(triple))
    ir[..., :15] = 255
    assert gradcheck(
        lambda image: multi_exposure_similarity(image, ir, vi),
        fused.requires_grad_(),
        fast_mode=True,
    )
