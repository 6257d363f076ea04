import numpy as np
import pytest
import torch
from scipy.ndimage import correlate1d

from tsjnet_mm.models.layers.pyramid import laplacian_pyramid, resample, smooth


def test_reducing_takes_means_and_enlarging_keeps_them():
    image = torch.rand(2, 3, 16, 24, dtype=torch.float64)
    means = image.reshape(2, 3, 4, 4, 6, 4).mean((3, 5))
    torch.testing.assert_close(resample(image, 0.25), means)
    ramp = torch.arange(8.0)[None, None, None].expand(1, 1, 4, 8)
    larger = resample(ramp, 2)[0, 0, 0]
    torch.testing.assert_close(larger[1:-1], torch.linspace(0.25, 6.75, 14))
    assert larger[0] == 0 and larger[-1] == 7
    assert resample(image, 1) is image


def test_smoothing():
    image = torch.rand(2, 3, 5, 7, dtype=torch.float64)
    expected = image.numpy()
    for axis in (-2, -1):
        expected = correlate1d(expected, [0.25, 0.5, 0.25], axis, mode='nearest')
    np.testing.assert_allclose(smooth(image).numpy(), expected)
    assert smooth(image[..., :1, :1]).shape == (2, 3, 1, 1)


@pytest.mark.parametrize('levels', [1, 4])
def test_pyramid_gives_the_image_back(levels):
    image = torch.rand(2, 2, 32, 48, dtype=torch.float64)
    details, base = laplacian_pyramid(image, levels)
    assert [tuple(detail.shape[2:]) for detail in details] == [
        (32 >> level, 48 >> level) for level in range(levels)
    ]
    for detail in reversed(details):
        base = resample(base, 2) + detail
    torch.testing.assert_close(base, image)
    flat, _ = laplacian_pyramid(torch.full((1, 1, 32, 48), 0.3), levels)
    assert all(detail.abs().max() < 1e-6 for detail in flat)
