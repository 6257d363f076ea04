import numpy as np
import torch
from scipy.ndimage import correlate1d

from tsjnet_mm.models.layers import spline_wavelets


def test_base_equals_scipy():
    image = torch.rand(2, 3, 20, 17, dtype=torch.float64)
    expected = image.numpy()
    for level in range(3):
        taps = np.zeros(4 * 2**level + 1)
        taps[:: 2**level] = np.array([1, 4, 6, 4, 1]) / 16
        for axis in (-2, -1):
            expected = correlate1d(expected, taps, axis, mode='mirror')
        base = spline_wavelets(image, level + 1)[1]
        np.testing.assert_allclose(base, expected, rtol=0, atol=1e-14)


def test_planes_and_base_sum_to_the_image():
    image = torch.rand(1, 2, 5, 40)
    details, base = spline_wavelets(image, 4)
    assert len(details) == 4
    torch.testing.assert_close(sum(details) + base, image)
    # The base of a smooth image is that image.
    flat = torch.full((1, 1, 9, 9), 0.25)
    torch.testing.assert_close(spline_wavelets(flat, 2)[1], flat)
