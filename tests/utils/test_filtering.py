import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter
from scipy.signal import correlate2d
from torch.autograd import gradcheck

from tsjnet_mm.utils.filtering import (
    filter_valid,
    gaussian_window,
    local_moments,
    pad_reflect,
    subtract_midpoint,
)


def test_gaussian_window():
    window = gaussian_window(11, 1.5)
    assert len(window) == 11
    assert sum(window) == pytest.approx(1, abs=1e-15)
    assert window == window[::-1]
    assert window[5] / window[8] == pytest.approx(np.exp(2))
    assert gaussian_window(2, 1.0) == (0.5, 0.5)


@pytest.mark.parametrize(('size', 'sigma'), [(0, 1.0), (5, 0.0)])
def test_gaussian_window_errors(size, sigma):
    with pytest.raises(ValueError, match=f'size={size} and sigma={sigma}'):
        gaussian_window(size, sigma)


def test_filter_valid_correlates_rather_than_convolves():
    image = torch.rand(2, 3, 9, 12, dtype=torch.float64)
    taps = (0.5, 0.3, 0.2)
    window = np.outer(taps, taps)
    expected = torch.stack(
        [
            torch.from_numpy(correlate2d(plane.numpy(), window, mode='valid'))
            for plane in image.flatten(0, 1)
        ]
    ).unflatten(0, (2, 3))
    torch.testing.assert_close(filter_valid(image, taps), expected)


@pytest.mark.parametrize('size', [(9, 12), (8, 13), (3, 3)])
@pytest.mark.parametrize('stride', [2, 3])
def test_filter_valid_with_a_stride(size, stride):
    image = torch.rand(2, *size, dtype=torch.float64)
    taps = (0.5, 0.3, 0.2)
    expected = filter_valid(image, taps)[..., ::stride, ::stride]
    torch.testing.assert_close(filter_valid(image, taps, stride), expected, rtol=1e-14, atol=0)


def test_filter_valid_has_a_gradient():
    image = torch.rand(2, 6, 7, dtype=torch.float64, requires_grad=True)
    assert gradcheck(lambda image: filter_valid(image, (0.5, 0.3, 0.2), 2), image)


def test_filter_valid_keeps_float32_under_autocast():
    image = torch.rand(1, 1, 20, 20)
    taps = gaussian_window(11, 1.5)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        filtered = filter_valid(image, taps)
    assert filtered.dtype == torch.float32
    assert torch.equal(filtered, filter_valid(image, taps))


def test_local_moments():
    torch.manual_seed(0)
    a, b = torch.rand(2, 1, 1, 5, 5, dtype=torch.float64)
    taps = (0.2,) * 5
    mean_a, mean_b, var_a, var_b, cov = (value.item() for value in local_moments(a, b, taps))
    expected = np.cov(a.flatten(), b.flatten(), bias=True)
    assert (mean_a, mean_b) == pytest.approx((a.mean().item(), b.mean().item()))
    assert ((var_a, cov), (cov, var_b)) == (
        pytest.approx(tuple(expected[0])),
        pytest.approx(tuple(expected[1])),
    )


def test_local_moments_of_several_images_and_one():
    a, b = torch.rand(3, 2, 1, 9, 9, dtype=torch.float64), torch.rand(2, 1, 9, 9).double()
    together = local_moments(a, b, (0.25, 0.5, 0.25), stride=2)
    assert [moment.dim() for moment in together] == [5, 4, 5, 4, 5]
    for i in range(3):
        single = local_moments(a[i], b, (0.25, 0.5, 0.25), stride=2)
        for moment, expected in zip(together, single, strict=True):
            torch.testing.assert_close(moment[i] if moment.dim() == 5 else moment, expected)


def test_centre_levels():
    image = torch.tensor([[[[3.0, 9.0]]], [[[-1.0, -1.0]]]], requires_grad=True)
    centred = subtract_midpoint(image)
    assert centred.tolist() == [[[[-3.0, 3.0]]], [[[0.0, 0.0]]]]
    centred.sum().backward()
    assert torch.equal(image.grad, torch.ones_like(image))


def test_variances_are_never_negative():
    bright = torch.full((1, 1, 32, 32), 0.9)
    _, _, var_a, var_b, _ = local_moments(bright, bright, gaussian_window(11, 1.5))
    assert (var_a >= 0).all() and (var_b >= 0).all()


@pytest.mark.parametrize('size', [(1, 1), (1, 5), (2, 3), (7, 4)])
@pytest.mark.parametrize('amount', [0, 1, 2, 9])
def test_pad_reflect_equals_numpy(size, amount):
    image = torch.rand(2, 1, *size)
    expected = np.pad(image.numpy(), [(0, 0)] * 2 + [(amount, amount)] * 2, mode='reflect')
    assert torch.equal(pad_reflect(image, amount), torch.from_numpy(expected))


def test_padded_filter_equals_scipy():
    image = torch.rand(1, 1, 23, 31, dtype=torch.float64)
    expected = gaussian_filter(image[0, 0].numpy(), 1.5, mode='mirror')
    filtered = filter_valid(pad_reflect(image, 6), gaussian_window(13, 1.5))
    torch.testing.assert_close(filtered[0, 0], torch.from_numpy(expected))
