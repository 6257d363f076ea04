import math

import numpy as np
import pytest
import torch
from scipy.signal import convolve2d

from tsjnet_mm.metrics.qabf import QABF_CONVENTIONS, qabf

LOWER_MINUS_UPPER = ((-1, -2, -1), (0, 0, 0), (1, 2, 1))
LEFT_MINUS_RIGHT = ((1, 0, -1), (2, 0, -2), (1, 0, -1))


def _edges(image):
    """Magnitude and orientation of every pixel, by loops."""
    padded = np.pad(image, 1)
    magnitude, angle = np.zeros(image.shape), np.zeros(image.shape)
    for y, x in np.ndindex(image.shape):
        window = padded[y : y + 3, x : x + 3]
        across, down = np.sum(window * LEFT_MINUS_RIGHT), np.sum(window * LOWER_MINUS_UPPER)
        magnitude[y, x] = math.sqrt(across**2 + down**2)
        angle[y, x] = math.pi / 2 if across == 0 else math.atan(down / across)
    return magnitude, angle


def _preserved(strength, angle, fused_strength, fused_angle):
    if strength > fused_strength:
        relative = fused_strength / strength
    elif strength == fused_strength:
        relative = fused_strength
    else:
        relative = strength / fused_strength
    alignment = 1 - abs(angle - fused_angle) / (math.pi / 2)
    by_strength = 0.9994 / (1 + math.exp(-15 * (relative - 0.5)))
    return by_strength * 0.9879 / (1 + math.exp(-22 * (alignment - 0.8)))


def _qabf(fused, ir, vi):
    fused_strength, fused_angle = _edges(fused)
    kept = total = 0.0
    for source in (ir, vi):
        strength, angle = _edges(source)
        for i in np.ndindex(fused.shape):
            kept += strength[i] * _preserved(
                strength[i], angle[i], fused_strength[i], fused_angle[i]
            )
            total += strength[i]
    return kept / total


def _convolved(fused, ir, vi):
    """The same of whole arrays; a convolution turns its kernel round."""
    strengths, angles = [], []
    for image in (fused, ir, vi):
        across = convolve2d(image, np.fliplr(LEFT_MINUS_RIGHT), mode='same')
        down = convolve2d(image, np.flipud(LOWER_MINUS_UPPER), mode='same')
        strengths.append(np.sqrt(across**2 + down**2))
        angles.append(np.full(image.shape, np.pi / 2))
        np.arctan(np.divide(down, across, where=across != 0), out=angles[-1], where=across != 0)
    kept = 0
    for strength, angle in zip(strengths[1:], angles[1:]):
        low, high = np.minimum(strength, strengths[0]), np.maximum(strength, strengths[0])
        relative = low.copy()
        np.divide(low, high, out=relative, where=low != high)
        difference = np.abs(angle - angles[0])
        kept += np.sum(
            strength
            * (0.9994 / (1 + np.exp(7.5 - 15 * relative)))
            * (0.9879 / (1 + np.exp(44 / np.pi * difference - 4.4)))
        )
    return kept / (strengths[1].sum() + strengths[2].sum())


def _values(function, images):
    arrays = zip(*(image[:, 0].numpy() for image in images))
    return torch.tensor([function(*each) for each in arrays], dtype=torch.float64)


@pytest.mark.parametrize('size', [(29, 37), (1, 20), (16, 1), (2, 2)])
def test_equals_the_literal_formula(size, triple):
    images = [image[:2, :, 20:, 20:][..., : size[0], : size[1]] for image in triple]
    torch.testing.assert_close(qabf(*images), _values(_qabf, images), rtol=1e-12, atol=0)


@pytest.mark.parametrize('convention', QABF_CONVENTIONS)
def test_equals_convolutions(convention, triple):
    _, ir, vi = triple
    fused = torch.maximum(ir, vi)
    (strength, angle), (fused_strength, _) = (_edges(x[0, 0].numpy()) for x in (ir, fused))
    # The special cases occur: gradients copied exactly, and vertical ones.
    assert (strength == fused_strength).mean() > 0.1
    assert ((strength > 0) & (angle == math.pi / 2)).sum() > 20
    value = qabf(fused, ir, vi, convention)
    torch.testing.assert_close(value, _values(_convolved, (fused, ir, vi)), rtol=1e-12, atol=0)


def test_greatest_where_all_are_equal(triple):
    ir = triple[1]
    greatest = 0.9994 * 0.9879 / (1 + math.exp(-4.4))
    value = qabf(ir, ir, ir)
    assert (value <= greatest).all() and (value > greatest - 1e-4).all()
    assert greatest < 0.9754


def test_equal_strengths_are_read_as_the_strength():
    # The only gradients are those of the border, of 1, 3 and 4 levels.
    grey = torch.ones(1, 1, 5, 5, dtype=torch.float64)
    corners, sides = 4 * math.sqrt(18), 12 * 4
    by_strength = (
        corners / (1 + math.exp(-15 * (math.sqrt(18) - 0.5)))
        + sides / (1 + math.exp(-15 * (4 - 0.5)))
    ) / (corners + sides)
    expected = 0.9994 * by_strength * 0.9879 / (1 + math.exp(-4.4))
    assert qabf(grey, grey, grey).item() == pytest.approx(expected, rel=1e-12)
    faint = grey / 16
    assert qabf(faint, faint, faint).item() < 0.05


def test_gain_leaves_no_trace_where_no_strengths_are_equal():
    images = 100 * torch.rand(3, 2, 1, 20, 30, dtype=torch.float64)
    torch.testing.assert_close(qabf(*(2 * images)), qabf(*images), rtol=1e-12, atol=0)


def test_lost_and_turned_edges_count_little(triple):
    fused, ir, vi = triple
    assert (qabf(torch.zeros_like(ir), ir, vi) < 1e-3).all()
    assert (qabf(ir.transpose(-1, -2), *2 * [ir.transpose(-1, -2)]) > 0.97).all()
    assert (qabf(ir.flip(-1), ir, ir) < qabf(fused, ir, ir)).all()


def test_black_sources_have_no_edges(triple):
    fused = triple[0]
    black = torch.zeros_like(fused)
    assert torch.equal(qabf(fused, black, black), torch.zeros(3).double())
    assert torch.equal(qabf(black, black, black), torch.zeros(3).double())
    single = torch.full((1, 1, 1, 1), 80.0)
    assert torch.equal(qabf(single, single, single), torch.zeros(1))
