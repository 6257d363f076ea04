import math

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from tsjnet_mm.metrics.nabf import _decompose, labf, nabf


def _edges(image):
    """Magnitude and orientation of every pixel, by loops."""
    padded = np.pad(image, 1, mode='reflect')
    magnitude, angle = np.zeros(image.shape), np.zeros(image.shape)
    for y, x in np.ndindex(image.shape):
        window = padded[y : y + 3, x : x + 3]
        across = np.sum(window * [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]) / 8
        down = np.sum(window * [[-1, -2, -1], [0, 0, 0], [1, 2, 1]]) / 8
        magnitude[y, x] = math.sqrt(across**2 + down**2)
        if down:
            angle[y, x] = math.atan(across / down)
        elif across:
            angle[y, x] = math.copysign(math.pi / 2, across)
    return magnitude, angle


def _retained(strength, angle, fused_strength, fused_angle):
    relative = 0.0
    if strength and fused_strength:
        relative = min(strength / fused_strength, fused_strength / strength)
    alignment = abs(abs(angle - fused_angle) - math.pi / 2) * 2 / math.pi
    by_strength = 0.9999 / (1 + math.exp(-19 * (relative - 0.5)))
    by_angle = 0.9995 / (1 + math.exp(-22 * (alignment - 0.5)))
    return math.sqrt(by_strength * by_angle)


def _decomposition(fused, ir, vi):
    fused_edges, *source_edges = (_edges(image) for image in (fused, ir, vi))
    kept = lost = artefacts = total = 0.0
    for i in np.ndindex(fused.shape):
        fused_strength, fused_angle = (part[i] for part in fused_edges)
        strengths = [strength[i] for strength, _ in source_edges]
        for strength, angle in source_edges:
            weight = strength[i] ** 1.5 if strength[i] >= 2 else 0.001
            retained = _retained(strength[i], angle[i], fused_strength, fused_angle)
            kept += retained * weight
            if fused_strength <= strengths[0] or fused_strength <= strengths[1]:
                lost += (1 - retained) * weight
            else:
                artefacts += (1 - retained) * weight
            total += weight
    return kept / total, lost / total, artefacts / total


def _expected(images):
    arrays = zip(*(image[:, 0].numpy() for image in images))
    return torch.tensor([_decomposition(*each) for each in arrays]).double().unbind(1)


@pytest.mark.parametrize('size', [(29, 37), (2, 20), (3, 3)])
def test_equals_the_literal_formula(size, triple):
    images = [image[:2, :, 20:, 20:][..., : size[0], : size[1]] for image in triple]
    kept, lost, artefacts = _expected(images)
    close = {'rtol': 1e-12, 'atol': 1e-16}
    assert size[0] < 4 or (artefacts > 0.001).all()
    torch.testing.assert_close(nabf(*images), artefacts, **close)
    torch.testing.assert_close(labf(*images), lost, **close)
    torch.testing.assert_close(_decompose(*images)[0], kept, **close)


def test_flat_areas_as_in_the_literal_formula(triple):
    images = [image[:1, :, :20, :20].clone() for image in triple]
    images[0][..., :9, :] = images[1][..., :, :9] = images[2][..., 8:, 8:] = 90
    _, lost, artefacts = _expected(images)
    torch.testing.assert_close(labf(*images), lost, rtol=1e-12, atol=0)
    torch.testing.assert_close(nabf(*images), artefacts, rtol=1e-12, atol=0)


def test_the_parts_add_up_to_one(triple):
    fused, ir, vi = triple
    for images in (triple, (255 - ir, ir, vi), (ir, ir, ir), (fused, fused * 0, vi * 0 + 9)):
        parts = torch.stack(_decompose(*images))
        assert (parts >= 0).all()
        torch.testing.assert_close(parts.sum(0), torch.ones(3).double())


def test_no_artefacts_in_a_copy(triple):
    _, ir, vi = triple
    grey = torch.full_like(ir, 90)
    for images in ((ir, ir, vi), (vi, ir, vi), (ir, ir, ir), (grey, ir, vi)):
        assert torch.equal(nabf(*images), torch.zeros(3).double())
    assert (labf(ir, ir, ir) < 0.0005).all()


def test_noise_is_an_artefact_and_blur_a_loss(triple):
    _, ir, vi = triple
    noisy = ir + 60 * torch.rand_like(ir)
    blurred = torch.from_numpy(gaussian_filter(ir.numpy(), (0, 0, 2, 2)))
    assert (nabf(noisy, ir, vi) > nabf(blurred, ir, vi) + 0.05).all()
    assert (labf(blurred, ir, ir) > labf(noisy, ir, ir) + 0.1).all()


def test_offsets_leave_no_trace(triple):
    fused, ir, vi = triple
    for metric in (nabf, labf):
        torch.testing.assert_close(metric(fused + 40, ir - 10, vi + 3), metric(fused, ir, vi))


@pytest.mark.parametrize('size', [(8, 9), (1, 1), (1, 12), (7, 1)])
def test_constant_images_are_lost(size):
    grey = torch.full((2, 1, *size), 90.0)
    assert torch.equal(nabf(grey, grey + 9, grey - 9), torch.zeros(2))
    torch.testing.assert_close(
        labf(grey, grey, grey), torch.full((2,), 0.9914), rtol=0, atol=5e-5
    )
    for metric in (nabf, labf):
        assert metric(255 * torch.rand(2, 1, *size), grey, grey).isfinite().all()


def test_tangs_evaluation_takes_the_infrared_image_for_the_fused_one(triple):
    fused, ir, vi = triple
    assert torch.equal(nabf(fused, ir, vi, 'tang'), nabf(ir, vi, fused))
    assert not torch.equal(nabf(fused, ir, vi, 'tang'), nabf(fused, ir, vi))
