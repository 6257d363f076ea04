import math

import numpy as np
import pytest
import torch
from scipy.signal import correlate2d

from tsjnet_mm.metrics.qcb import QCB_CONVENTIONS, qcb


def _centred_frequencies(length):
    """From -1, Nyquist, up: the zero frequency at length // 2."""
    return (np.arange(length) - length // 2) * 2 / length


def _gaussian(sigma):
    y, x = np.mgrid[-15:16, -15:16]
    return np.exp(-(x**2 + y**2) / (2 * sigma**2)) / (2 * np.pi * sigma**2)


def _masked_contrast(image):
    height, width = image.shape
    image = np.floor((image - image.min()) / (image.max() - image.min()) * 255 + 0.5)
    spectrum = np.fft.fftshift(np.fft.fft2(image))
    for row, fy in enumerate(_centred_frequencies(height)):
        for column, fx in enumerate(_centred_frequencies(width)):
            r = math.hypot(width / 30 * fx, height / 30 * fy)
            spectrum[row, column] *= math.exp(-((r / 15.3870) ** 2)) - 0.7622 * math.exp(
                -((r / 1.3456) ** 2)
            )
    response = np.fft.ifft2(np.fft.ifftshift(spectrum)).real
    centre = correlate2d(response, _gaussian(2), mode='same')
    surround = correlate2d(response, _gaussian(4), mode='same')
    contrast = np.abs(centre / surround - 1)
    contrast[np.abs(surround) < 1e-9] = 0
    return contrast**3 / (contrast**2 + 0.0001)


def _preserved(source, fused):
    if source == fused:
        return 1.0
    return source / fused if source < fused else fused / source


def _qcb(fused, ir, vi):
    fused, ir, vi = (_masked_contrast(image) for image in (fused, ir, vi))
    total = 0.0
    for f, a, b in zip(fused.flat, ir.flat, vi.flat):
        weight_ir, weight_vi = (a * a, b * b) if a or b else (1, 1)
        kept = weight_ir * _preserved(a, f) + weight_vi * _preserved(b, f)
        total += kept / (weight_ir + weight_vi)
    return total / fused.size


@pytest.mark.parametrize('convention', QCB_CONVENTIONS)
@pytest.mark.parametrize('size', [(59, 75), (32, 48), (33, 64), (5, 7)])
def test_equals_the_literal_formula(size, convention, triple):
    images = [image[:2, :, : size[0], : size[1]] for image in triple]
    expected = torch.tensor([_qcb(*(image[i, 0].numpy() for image in images)) for i in (0, 1)])
    torch.testing.assert_close(qcb(*images, convention), expected, rtol=1e-9, atol=0)


def test_one_where_nothing_differs(triple):
    ir = triple[1]
    assert torch.equal(qcb(ir, ir, ir), torch.ones(3).double())


def test_blind_to_brightness_and_gain(triple):
    fused, ir, vi = triple
    torch.testing.assert_close(qcb(fused / 2 + 60, ir / 4, vi + 9), qcb(fused, ir, vi))


def test_all_weight_on_the_source_with_contrast(triple):
    fused, ir, _ = triple
    constant = torch.full_like(ir, 80)
    torch.testing.assert_close(qcb(fused, ir, constant), qcb(fused, ir, ir))
    assert torch.equal(qcb(ir, ir, constant), torch.ones(3).double())


@pytest.mark.parametrize('level', [0, 80, 255])
@pytest.mark.parametrize('size', [(59, 75), (1, 1), (1, 40), (17, 1)])
def test_constant_images(size, level):
    grey = torch.full((2, 1, *size), float(level))
    assert torch.equal(qcb(grey, 255 - grey, grey), torch.ones(2))
    value = qcb(255 * torch.rand(2, 1, *size), grey, grey)
    # Contrast where the sources have none; a single pixel has none either.
    assert torch.equal(value, torch.zeros(2) if size != (1, 1) else torch.ones(2))


def test_rounding_errors_of_the_transform_are_no_contrast():
    images = np.zeros((3, 120, 160))
    for image, left in zip(images, (60, 62, 58)):
        image[50:70, left : left + 20] = np.random.randint(56, 256, (20, 20))
    expected = _qcb(*images)
    # Around the patches lies a void without any response.
    assert (_masked_contrast(images[0]) == 0).mean() > 0.4
    value = qcb(*torch.from_numpy(images)[:, None, None])
    assert value.item() == pytest.approx(expected, rel=1e-6)
