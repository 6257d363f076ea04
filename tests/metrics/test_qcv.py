import math

import numpy as np
import pytest
import torch

from tsjnet_mm.metrics import contrast_sensitivity, qcv


def _stretch(image):
    low, high = image.min(), image.max()
    return np.floor((image - low) / (high - low) * 255 + 0.5)


def _sobel_magnitude(image):
    height, width = image.shape
    padded = np.pad(image, 1)
    result = np.empty_like(image)
    for y in range(height):
        for x in range(width):
            window = padded[y : y + 3, x : x + 3]
            across = np.sum(window * [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]])
            down = np.sum(window * [[-1, -2, -1], [0, 0, 0], [1, 2, 1]])
            result[y, x] = math.hypot(across, down)
    return result


def _centred_frequencies(length):
    """From -1, Nyquist, up: the zero frequency at length // 2."""
    return (np.arange(length) - length // 2) * 2 / length


def _perceived(image):
    height, width = image.shape
    spectrum = np.fft.fftshift(np.fft.fft2(image))
    for row, fy in enumerate(_centred_frequencies(height)):
        for column, fx in enumerate(_centred_frequencies(width)):
            r = math.hypot(width / 8 * fx, height / 8 * fy)
            spectrum[row, column] *= (
                2.6 * (0.0192 + 0.144 * r) * math.exp(-((0.144 * r) ** 1.1))
            )
    return np.fft.ifft2(np.fft.ifftshift(spectrum)).real


def _qcv(fused, ir, vi):
    fused, ir, vi = _stretch(fused), _stretch(ir), _stretch(vi)
    edges_ir, edges_vi = _sobel_magnitude(ir), _sobel_magnitude(vi)
    seen_ir, seen_vi = _perceived(ir - fused), _perceived(vi - fused)
    numerator = denominator = 0.0
    for top in range(0, fused.shape[0], 16):
        for left in range(0, fused.shape[1], 16):
            block = np.s_[top : top + 16, left : left + 16]
            weight_ir, weight_vi = np.sum(edges_ir[block] ** 5), np.sum(edges_vi[block] ** 5)
            # A block cut by the border is divided by 256 as well: zeros fill it.
            numerator += weight_ir * np.sum(seen_ir[block] ** 2) / 256
            numerator += weight_vi * np.sum(seen_vi[block] ** 2) / 256
            denominator += weight_ir + weight_vi
    return numerator / denominator


@pytest.mark.parametrize('size', [(59, 75), (32, 48), (33, 64), (5, 7)])
def test_equals_the_literal_formula(size, triple):
    images = [image[:2, :, : size[0], : size[1]].clone() for image in triple]
    expected = torch.tensor([_qcv(*(image[i, 0].numpy() for image in images)) for i in (0, 1)])
    torch.testing.assert_close(qcv(*images), expected, rtol=1e-9, atol=0)


def test_sensitivity_peaks_at_middle_frequencies():
    sensitivity = contrast_sensitivity(64, 96)
    assert sensitivity.shape == (64, 49)
    assert sensitivity[0, 0].item() == pytest.approx(2.6 * 0.0192)
    # The zero frequency's neighbour along the width lies at 2 / W * W / 8.
    assert sensitivity[0, 1].item() == pytest.approx(
        2.6 * (0.0192 + 0.144 / 4) * math.exp(-((0.144 / 4) ** 1.1))
    )
    assert sensitivity.max() > 0.9


def test_zero_where_nothing_differs(triple):
    ir = triple[1]
    torch.testing.assert_close(qcv(ir, ir, ir), torch.zeros(3).double())


def test_blind_to_brightness_and_gain(triple):
    fused, ir, vi = triple
    torch.testing.assert_close(qcv(fused * 0.5 + 60, ir, vi), qcv(fused, ir, vi))


def test_a_salient_source_outweighs_the_constant_one(triple):
    ir = triple[1]
    constant = torch.full_like(ir, 80.0)
    # All weight lies on the infrared image, which the fused image equals.
    torch.testing.assert_close(qcv(ir, ir, constant), torch.zeros(3).double())


def test_constant_sources_weigh_all_blocks_alike(triple):
    fused = triple[0]
    grey = torch.full_like(fused, 80.0)
    assert torch.equal(qcv(grey, grey, grey), torch.zeros(3).double())
    expected = []
    for image in fused:
        seen = _perceived(-_stretch(image[0].numpy()))
        expected.append(np.sum(seen**2) / (4 * 5 * 256))
    torch.testing.assert_close(qcv(fused, grey, grey), torch.tensor(expected))


@pytest.mark.parametrize('size', [(1, 1), (1, 40), (17, 1)])
def test_any_size(size):
    torch.manual_seed(0)
    fused, ir, vi = 255 * torch.rand(3, 2, 1, *size)
    value = qcv(fused, ir, vi)
    assert value.isfinite().all() and (value >= 0).all()
