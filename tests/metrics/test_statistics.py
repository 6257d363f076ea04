import math

import numpy as np
import pytest
import torch
from scipy.ndimage import sobel
from skimage.measure import shannon_entropy
from torch.autograd import gradcheck

from tsjnet_mm.metrics.statistics import (
    AG_CONVENTIONS,
    EI_CONVENTIONS,
    EN_CONVENTIONS,
    SD_CONVENTIONS,
    SF_CONVENTIONS,
    ag,
    ei,
    en,
    sd,
    sf,
)

CONVENTIONS = {
    en: EN_CONVENTIONS,
    sd: SD_CONVENTIONS,
    sf: SF_CONVENTIONS,
    ag: AG_CONVENTIONS,
    ei: EI_CONVENTIONS,
}
EVERY_METRIC = pytest.mark.parametrize('metric', CONVENTIONS)
EVERY_CONVENTION = pytest.mark.parametrize(
    ('metric', 'convention'),
    [(metric, name) for metric in CONVENTIONS for name in CONVENTIONS[metric]],
)
DIFFERENTIABLE = pytest.mark.parametrize(
    ('metric', 'convention'),
    [(sd, 'plain'), (sf, 'plain'), (sf, 'vifb'), (ag, 'plain'), (ag, 'cddfuse'), (ei, 'plain')],
)


def _sf(image):
    return math.sqrt(
        np.mean(np.diff(image, axis=0) ** 2) + np.mean(np.diff(image, axis=1) ** 2)
    )


def _sf_vifb(image):
    height, width = image.shape
    total = 0.0
    for y in range(height):
        for x in range(width):
            if x:
                total += (image[y, x] - image[y, x - 1]) ** 2
            if y:
                total += (image[y, x] - image[y - 1, x]) ** 2
    return math.sqrt(total / (height * width))


def _gradient_magnitudes(image):
    down, across = np.gradient(image)
    return np.sqrt((across**2 + down**2) / 2)


def _ag(image):
    height, width = image.shape
    return _gradient_magnitudes(image).sum() / ((height - 1) * (width - 1))


def _ag_cddfuse(image):
    return _gradient_magnitudes(image).mean()


def _ei(image):
    across, down = (sobel(image, axis, mode='nearest') for axis in (1, 0))
    return np.hypot(across, down).mean()


REFERENCES = {en: shannon_entropy, sd: np.std, sf: _sf, ag: _ag, ei: _ei}
DIFFERING = {(sf, 'vifb'): _sf_vifb, (ag, 'cddfuse'): _ag_cddfuse}


@EVERY_CONVENTION
def test_equals_reference(metric, convention, triple):
    reference = DIFFERING.get((metric, convention), REFERENCES[metric])
    expected = [reference(image[0]) for image in triple[0].numpy()]
    expected = torch.tensor(expected, dtype=torch.float64)
    torch.testing.assert_close(metric(*triple, convention), expected, rtol=1e-12, atol=0)


@EVERY_METRIC
def test_sources_are_not_looked_at(metric, triple):
    fused, ir, _ = triple
    nothing = torch.full_like(ir, torch.nan)
    assert torch.equal(metric(fused, nothing, nothing), metric(*triple))


def test_entropy_rounds_to_the_nearest_level_and_clips():
    image = torch.tensor([0.4, -3.0, 0.5, 1.49, 254.6, 300.0]).view(1, 1, 2, 3)
    assert en(image, image, image).item() == pytest.approx(math.log2(3))


def test_entropy_of_equally_frequent_levels_is_exact():
    levels = torch.arange(256.0).repeat(3).view(1, 1, 24, 32)
    for number in (1, 2, 8, 64, 256):
        image = levels % number
        assert en(image, image, image).item() == math.log2(number)


def test_entropy_refuses_nan(triple):
    fused, ir, vi = triple
    fused[1, 0, 3, 4] = torch.nan
    with pytest.raises(ValueError, match=r'pixels in 0\.\.255, got NaN'):
        en(fused, ir, vi)


def test_extreme_images():
    rows, columns = torch.meshgrid(torch.arange(8), torch.arange(6), indexing='ij')
    chequered = (255.0 * ((rows + columns) % 2))[None, None]
    assert en(*[chequered] * 3).item() == 1
    assert sd(*[chequered] * 3).item() == 127.5
    assert sf(*[chequered] * 3).item() == pytest.approx(255 * math.sqrt(2))
    # H (W - 1) + (H - 1) W differences of 255 among H W pixels.
    assert sf(*[chequered] * 3, 'vifb').item() == pytest.approx(255 * math.sqrt(82 / 48))
    corner = torch.tensor([0.0, 255, 255, 510]).view(1, 1, 2, 2) / 2
    assert ag(*[corner] * 3).item() == pytest.approx(4 * 127.5)
    assert ag(*[corner] * 3, 'cddfuse').item() == pytest.approx(127.5)


def test_edge_intensity_of_a_step():
    step = torch.zeros(1, 1, 7, 10)
    step[..., 4:] = 50
    # Two of ten columns see the step with the kernel's weight of 4 on either side.
    assert ei(step, step, step).item() == pytest.approx(2 * 4 * 50 / 10)


@pytest.mark.parametrize('metric', [sd, sf, ag, ei])
def test_scale_with_contrast_and_ignore_brightness(metric, triple):
    fused, ir, vi = triple
    torch.testing.assert_close(metric(fused / 4 + 70, ir, vi), metric(*triple) / 4)


@EVERY_CONVENTION
@pytest.mark.parametrize('level', [0.0, 100.1, 255.0])
@pytest.mark.parametrize('size', [(9, 12), (1, 1), (1, 12), (9, 1)])
def test_constant_image(metric, convention, level, size):
    for dtype in (torch.float32, torch.float64):
        image = torch.full((2, 1, *size), level, dtype=dtype)
        assert torch.equal(metric(image, image, image, convention), torch.zeros(2, dtype=dtype))


@pytest.mark.parametrize('upright', [False, True])
def test_one_row_or_column(upright):
    row = np.array([3.0, 10.0, 4.0, 4.0, 90.0])
    image = torch.from_numpy(row)[None, None, None]
    images = [image.mT if upright else image] * 3
    frequency = math.sqrt(np.mean(np.diff(row) ** 2))
    assert sf(*images).item() == pytest.approx(frequency)
    assert sf(*images, 'vifb').item() == pytest.approx(frequency * math.sqrt(4 / 5))
    total = np.abs(np.gradient(row)).sum() / math.sqrt(2)
    assert ag(*images).item() == pytest.approx(total / 4)
    assert ag(*images, 'cddfuse').item() == pytest.approx(total / 5)
    assert ei(*images).item() == pytest.approx(_ei(row[None]))
    assert sd(*images).item() == pytest.approx(np.std(row))
    assert en(*images).item() == pytest.approx(shannon_entropy(row))


@DIFFERENTIABLE
def test_gradient(metric, convention):
    torch.manual_seed(0)
    image = (255 * torch.rand(2, 1, 5, 6, dtype=torch.float64)).requires_grad_()
    assert gradcheck(lambda fused: metric(fused, fused, fused, convention), image)


@DIFFERENTIABLE
def test_gradient_is_finite_on_flat_ground(metric, convention):
    image = torch.full((2, 1, 9, 12), 30.0)
    image[1, ..., 6:] = 80  # The first image is flat as a whole.
    image.requires_grad_()
    metric(image, image, image, convention).sum().backward()
    assert image.grad.isfinite().all()
    assert not image.grad[0].any() and image.grad[1].any()
