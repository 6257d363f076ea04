import math

import numpy as np
import pytest
import torch
from scipy.fft import dctn
from scipy.integrate import quad

from tsjnet_mm.metrics._fmi_features import (
    cosine_transform,
    meyer_filter,
    meyer_subbands,
    sobel_edges,
)
from tsjnet_mm.metrics.fmi import fmi_dct, fmi_pixel, fmi_w


def _images(*arrays):
    return [
        torch.from_numpy(np.asarray(array, dtype=np.float64))[None, None] for array in arrays
    ]


def _constant(level, shape=(12, 14)):
    return torch.full((1, 1, *shape), float(level), dtype=torch.float64)


def _pdf(window):
    weight = window.flatten(order='F')
    weight = weight - weight.min() if np.ptp(weight) else np.ones(9)
    return weight / weight.sum()


def _entropy(values):
    return -sum(value * math.log2(abs(value)) for value in np.ravel(values) if value)


def _window_information(source, fused):
    """Of 3x3 windows, every cell of the joint distribution on its own."""
    if np.array_equal(source, fused):
        return 1.0
    if not np.ptp(source) or not np.ptp(fused):
        return float(np.ptp(source) == np.ptp(fused))
    p, q = _pdf(source), _pdf(fused)
    correlation = np.corrcoef(p, q)[0, 1]
    number = np.arange(1, 10)
    deviation = [math.sqrt(max(0, pdf @ number**2 - (pdf @ number) ** 2)) for pdf in (p, q)]
    up_to_p, up_to_q = np.append(0, np.cumsum(p)), np.append(0, np.cumsum(q))

    def bound(i, j):
        if correlation >= 0:
            return min(up_to_p[i], up_to_q[j])
        return max(up_to_p[i] + up_to_q[j] - 1, 0)

    share = 0.0
    if min(deviation) > 0:
        covariance = sum(bound(i, j) - up_to_p[i] * up_to_q[j] for i in number for j in number)
        share = correlation * deviation[0] * deviation[1] / covariance
    joint = [
        share * (bound(i, j) - bound(i - 1, j) - bound(i, j - 1) + bound(i - 1, j - 1))
        + (1 - share) * p[i - 1] * q[j - 1]
        for i in number
        for j in number
    ]
    marginals = _entropy(p) + _entropy(q)
    return 2 * (marginals - _entropy(joint)) / marginals if marginals else 0.0


def _fmi(fused, ir, vi):
    values = [
        _window_information(source[y : y + 3, x : x + 3], fused[y : y + 3, x : x + 3])
        for source in (ir, vi)
        for y in range(fused.shape[0] - 2)
        for x in range(fused.shape[1] - 2)
    ]
    return np.mean(values), max(values)


def _edges(image):
    height, width = image.shape
    padded = np.pad(image, 1, mode='edge')
    across, down, strength = np.empty((3, height, width))
    for y in range(height):
        for x in range(width):
            window = padded[y : y + 3, x : x + 3]
            across[y, x] = abs(np.sum(window * [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]) / 8)
            down[y, x] = abs(np.sum(window * [[-1, -2, -1], [0, 0, 0], [1, 2, 1]]) / 8)
            strength[y, x] = across[y, x] ** 2 + down[y, x] ** 2
    cutoff = 4 * strength.mean()
    edges = np.zeros((height, width))
    for y in range(height):
        for x in range(width):
            here = strength[y, x]
            left = x == 0 or strength[y, x - 1] <= here
            right = x == width - 1 or here > strength[y, x + 1]
            above = y == 0 or strength[y - 1, x] <= here
            below = y == height - 1 or here > strength[y + 1, x]
            peak = (across[y, x] >= down[y, x] and left and right) or (
                down[y, x] >= across[y, x] and above and below
            )
            edges[y, x] = here > cutoff and peak
    return edges


def _meyer_response(frequency):
    x = min(max(3 * abs(frequency) / math.pi - 1, 0), 1)
    ramp = x**4 * (35 - 84 * x + 70 * x**2 - 20 * x**3)
    return math.cos(math.pi / 2 * ramp)


@pytest.fixture(scope='module')
def meyer_taps():
    # The response is zero from two thirds of the Nyquist frequency on.
    half = [
        quad(_meyer_response, 0, 2 * math.pi / 3, weight='cos', wvar=k, epsabs=1e-13)[0]
        for k in range(51)
    ]
    taps = np.array(half[:0:-1] + half)
    return taps * (math.sqrt(2) / taps.sum())


def _wavelet(image, taps):
    """Decomposition as textbooks have it: extend, convolve, keep every second value."""
    low = np.append(0, taps)
    mirror = low.copy()
    mirror[1::2] *= -1
    high = mirror[::-1]

    def analyse(signals, kernel):
        return np.stack(
            [
                np.convolve(np.pad(signal, 101, mode='symmetric'), kernel, 'valid')[1::2]
                for signal in signals
            ]
        )

    smooth, rough = analyse(image, low), analyse(image, high)
    approximation, horizontal = analyse(smooth.T, low).T, analyse(smooth.T, high).T
    vertical, diagonal = analyse(rough.T, low).T, analyse(rough.T, high).T
    tiles = np.block([[approximation, horizontal], [vertical, diagonal]])
    return (tiles - tiles.min()) / np.ptp(tiles)


def _scenes(kind):
    rng = np.random.default_rng(7)
    ir, vi = rng.integers(0, 256, (2, 12, 14)).astype(float)
    if kind == 'few levels':
        ir, vi = rng.integers(0, 3, (2, 12, 14)).astype(float)
    if kind == 'bright points':
        ir, vi = 255 * rng.random((2, 12, 14)) ** 8
    fused = np.round(0.3 * ir + 0.7 * vi)
    # Constant against constant and against varied, identical, opposite, one pixel alone.
    fused[:4, :5], ir[:4, :4], vi[:4, :5] = 9, 4, 9
    fused[8:, :4] = ir[8:, :4]
    fused[8:, 8:] = 255 - vi[8:, 8:]
    fused[4:8, 10:] = vi[4:8, 10:] = 7
    fused[5, 11], vi[5, 11] = 70, 19
    return fused, ir, vi


@pytest.mark.parametrize('kind', ['noise', 'few levels', 'bright points'])
def test_levels_equal_the_literal_formula(kind):
    fused, ir, vi = _scenes(kind)
    expected, greatest = _fmi(fused, ir, vi)
    assert fmi_pixel(*_images(fused, ir, vi)).item() == pytest.approx(expected, abs=1e-10)
    if kind == 'bright points':
        # The bound's share exceeds 1 in the authors' code as well.
        assert greatest > 1


@pytest.mark.parametrize('kind', ['noise', 'few levels', 'bright points'])
def test_tang_compares_edges(kind):
    images = _scenes(kind)
    expected, _ = _fmi(*map(_edges, images))
    assert fmi_pixel(*_images(*images), 'tang').item() == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize('convention', ['plain', 'tang'])
def test_dct_is_the_information_of_the_transforms(convention, triple):
    transforms = [torch.from_numpy(dctn(x.numpy(), axes=(2, 3), norm='ortho')) for x in triple]
    value = fmi_dct(*triple, convention)
    torch.testing.assert_close(value, fmi_pixel(*transforms), rtol=1e-9, atol=0)


@pytest.mark.parametrize('convention', ['plain', 'tang'])
def test_w_is_the_information_of_the_wavelet_transforms(convention, triple, meyer_taps):
    images = [image[:1, :, :20, :31] for image in triple]
    transforms = _images(*(_wavelet(image[0, 0].numpy(), meyer_taps) for image in images))
    value = fmi_w(*images, convention)
    torch.testing.assert_close(value, fmi_pixel(*transforms), rtol=1e-8, atol=0)


def test_cosine_transform_equals_scipy(triple):
    image = triple[0]
    expected = torch.from_numpy(dctn(image.numpy(), axes=(2, 3), norm='ortho'))
    torch.testing.assert_close(cosine_transform(image), expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize('size', [(20, 31), (120, 7), (1, 4)])
def test_wavelet_equals_the_textbook(size, meyer_taps):
    image = np.random.default_rng(0).uniform(0, 255, size)
    tiles = meyer_subbands(*_images(image))
    expected = _wavelet(image, meyer_taps)
    assert tiles.shape[2:] == expected.shape == tuple(2 * ((n + 101) // 2) for n in size)
    np.testing.assert_allclose(tiles[0, 0].numpy(), expected, rtol=0, atol=1e-11)


def test_meyer_filter(meyer_taps):
    taps = meyer_filter().numpy()
    np.testing.assert_allclose(taps, meyer_taps, rtol=0, atol=1e-11)
    assert taps.sum() == pytest.approx(math.sqrt(2))
    assert np.sum(taps**2) == pytest.approx(1, abs=1e-5)
    # What MATLAB prints of wfilters('dmey'): from the middle, and the last three.
    printed = [0.74375, 0.4441, -0.035048, -0.1327, 0.030621, 0.063667, -0.024322]
    assert [float(f'{tap:.5g}') for tap in taps[50:57]] == printed
    last = [4.4959e-07, 1.2788e-06, -1.5097e-06]
    np.testing.assert_allclose(taps[-3:], last, rtol=0, atol=1e-10)


def test_edges_equal_the_literal_rule():
    # Few levels, so that neighbours and the two components are often equal.
    image = np.random.default_rng(10).integers(0, 3, (40, 50)).astype(float)
    assert np.array_equal(sobel_edges(*_images(image))[0, 0].numpy(), _edges(image))


def test_edges_of_a_step_lie_on_its_far_side():
    image = torch.zeros(1, 1, 6, 12, dtype=torch.float64)
    image[..., 4:] = 100
    expected = torch.zeros_like(image)
    # Both columns at the step are equally steep; the second one has a lesser one behind it.
    expected[..., 4] = 1
    assert torch.equal(sobel_edges(image), expected)
    assert torch.equal(sobel_edges(image.mT), expected.mT)
    assert not sobel_edges(torch.full_like(image, 50)).any()


@pytest.mark.parametrize('metric', [fmi_pixel, fmi_dct, fmi_w])
def test_one_for_equal_images(metric, triple):
    fused, ir, _ = (image[..., :12, :14] for image in triple)
    ones = torch.ones(3, dtype=torch.float64)
    torch.testing.assert_close(metric(ir, ir, ir), ones)
    value = metric(ir, ir, fused)
    assert (value > 0.5).all() and (value < 1).all()


@pytest.mark.parametrize('metric', [fmi_pixel, fmi_dct, fmi_w])
def test_blind_to_gain(metric, triple):
    ir = triple[1][..., :12, :14]
    torch.testing.assert_close(
        metric(0.3 * ir, ir, ir), torch.ones(3, dtype=torch.float64), rtol=0, atol=1e-9
    )


def test_levels_are_blind_to_brightness(triple):
    fused, ir, vi = triple
    torch.testing.assert_close(fmi_pixel(0.5 * fused + 40, ir, vi), fmi_pixel(fused, ir, vi))


def test_a_lone_pixel_carries_no_information():
    dim, bright = torch.zeros(2, 1, 1, 3, 3, dtype=torch.float64)
    dim[..., 1, 2], bright[..., 1, 2] = 3, 200
    assert fmi_pixel(bright, dim, bright).item() == 0.5


def test_large_images_are_the_mean_of_their_parts():
    fused, ir, vi = 255 * torch.rand(3, 2, 1, 70, 90, dtype=torch.float64)
    upper = fmi_pixel(*(image[..., :30, :] for image in (fused, ir, vi)))
    lower = fmi_pixel(*(image[..., 28:, :] for image in (fused, ir, vi)))
    torch.testing.assert_close(fmi_pixel(fused, ir, vi), (28 * upper + 40 * lower) / 68)


@pytest.mark.parametrize('convention', ['plain', 'tang'])
def test_constant_images(convention):
    grey, light, black = _constant(77.3), _constant(200), _constant(0)
    for metric in (fmi_pixel, fmi_dct, fmi_w):
        assert metric(grey, grey, grey, convention).item() == 1
        assert metric(black, black, black, convention).item() == 1
    assert fmi_pixel(grey, light, black, convention).item() == 1
    assert fmi_w(grey, light, grey, convention).item() == 1
    assert 0.9 < fmi_w(grey, black, black, convention).item() < 1
    for other in (light, black):
        value = fmi_dct(grey, other, other, convention).item()
        assert value == pytest.approx(1 - 1 / 120, abs=1e-12)


def test_constant_shares_nothing_with_texture():
    noise = 255 * torch.rand(1, 1, 12, 14, dtype=torch.float64)
    assert fmi_pixel(_constant(90), noise, noise).item() == 0


@pytest.mark.parametrize('size', [(200, 301), (64, 480)])
def test_rounding_is_no_texture(size):
    grey, light = _constant(77.3, size), _constant(200.1, size)
    windows = (size[0] - 2) * (size[1] - 2)
    value = fmi_dct(grey, light, light).item()
    assert value == pytest.approx(1 - 1 / windows, abs=1e-12)
    assert fmi_w(grey, light, light).item() == 1


def test_computed_without_gradient(triple):
    fused, ir, vi = (image[..., :12, :14] for image in triple)
    for metric in (fmi_pixel, fmi_dct, fmi_w):
        assert not metric(fused.requires_grad_(), ir, vi).requires_grad
