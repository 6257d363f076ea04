import math
from collections import Counter

import numpy as np
import pytest
import torch

from tsjnet_mm.metrics.information import (
    CE_CONVENTIONS,
    MI_CONVENTIONS,
    ce,
    mi,
    nmi,
)
from tsjnet_mm.metrics.statistics import en

METRICS = [(mi, name) for name in MI_CONVENTIONS] + [(nmi, 'plain'), (ce, 'plain')]
EVERY_METRIC = pytest.mark.parametrize(('metric', 'convention'), METRICS)


def _probabilities(values):
    values = list(values)
    return {value: count / len(values) for value, count in Counter(values).items()}


def _entropy(values):
    return -sum(p * math.log2(p) for p in _probabilities(values).values())


def _mutual_information(source, fused):
    """In bits, from the definition: the divergence of the joint from the product."""
    p_source, p_fused = _probabilities(source), _probabilities(fused)
    joint = _probabilities(zip(source, fused, strict=True))
    return sum(p * math.log2(p / (p_source[s] * p_fused[f])) for (s, f), p in joint.items())


def _mi(source, fused):
    return _mutual_information(source, fused)


def _mi_in_nats(source, fused):
    return _mutual_information(source, fused) * math.log(2)


def _mi_tang(source, fused):
    """With one-based indices of 8 bits, which end at 255."""
    joint = zip(np.minimum(source + 1, 255), np.minimum(fused + 1, 255), strict=True)
    return _entropy(source) + _entropy(fused) - _entropy(joint)


def _mi_vifb(source, fused):
    stretched = []
    for image in (source, fused):
        unit = (image - image.min()) / (image.max() - image.min())
        stretched.append(np.floor(unit * 255 + 0.5))
    return _mi_in_nats(*stretched)


def _nmi(source, fused):
    return 2 * _mutual_information(source, fused) / (_entropy(source) + _entropy(fused))


def _half_ce(source, fused):
    p_source, p_fused = _probabilities(source), _probabilities(fused)
    common = p_source.keys() & p_fused.keys()
    return sum(p_source[k] * math.log2(p_source[k] / p_fused[k]) for k in common) / 2


REFERENCES = [
    (mi, 'plain', _mi),
    (mi, 'cddfuse', _mi_in_nats),
    (mi, 'tang', _mi_tang),
    (mi, 'vifb', _mi_vifb),
    (nmi, 'plain', _nmi),
    *((ce, name, _half_ce) for name in CE_CONVENTIONS),
]


@pytest.mark.parametrize(('metric', 'convention', 'reference'), REFERENCES)
def test_equals_the_literal_formula(metric, convention, reference, triple):
    # Levels 254 and 255 in two of them, and in the third a range that a stretch changes.
    images = [triple[0] * 1.6, triple[1] * 0.7 + 10, triple[2] * 1.6]
    images = [image.clamp(0, 255).round() for image in images]
    assert all((images[i] == 254).any() and (images[i] == 255).any() for i in (0, 2))
    expected = []
    for fused, ir, vi in zip(*(image.flatten(1).numpy() for image in images), strict=True):
        expected.append(reference(ir, fused) + reference(vi, fused))
    expected = torch.tensor(expected, dtype=torch.float64)
    torch.testing.assert_close(metric(*images, convention), expected, rtol=1e-11, atol=0)


def test_fused_equals_both_sources(triple):
    image = triple[0]
    entropy = en(image, image, image)
    torch.testing.assert_close(mi(image, image, image), 2 * entropy)
    torch.testing.assert_close(nmi(image, image, image), torch.full((3,), 2.0).double())
    assert torch.equal(ce(image, image, image), torch.zeros(3).double())


def test_nats_are_bits_times_the_logarithm_of_two(triple):
    expected = mi(*triple) * math.log(2)
    for convention in ('cddfuse', 'vifb'):
        torch.testing.assert_close(mi(*triple, convention), expected, rtol=1e-14, atol=0)


def test_stretch_of_whole_levels_keeps_them_apart():
    """Why VIFB's stretch has no say in its mutual information."""
    for span in range(1, 256):
        levels = np.arange(span + 1)
        assert len(np.unique(np.floor(levels / span * 255 + 0.5))) == span + 1


def test_saturated_indices_of_tang():
    rows, columns = torch.meshgrid(torch.arange(8), torch.arange(8), indexing='ij')
    ir, fused = (254.0 + half[None, None] // 4 for half in (rows, columns))
    # Independent, one bit each; their joint histogram has a single cell.
    assert mi(fused, ir, ir).item() == 0
    assert mi(fused, ir, ir, 'tang').item() == 4
    darker = [image - 1 for image in (fused, ir, ir)]
    assert mi(*darker, 'tang').item() == 0


def test_independent_images_share_nothing():
    rows, columns = torch.meshgrid(torch.arange(16.0), torch.arange(12.0), indexing='ij')
    ir, vi = rows[None, None], columns[None, None]
    assert mi(ir, ir, vi).item() == pytest.approx(4)
    assert nmi(ir, ir, vi).item() == pytest.approx(1)


@pytest.mark.parametrize('metric', [mi, nmi])
def test_renaming_the_levels_changes_nothing(metric, triple):
    fused, ir, vi = triple
    torch.testing.assert_close(metric(255 - fused, ir, vi), metric(*triple))


@EVERY_METRIC
def test_rounds_to_the_nearest_level_and_clips(metric, convention, triple):
    exact = [torch.where(image > 128, image, 2 * image) for image in triple]
    exact = [image.clamp(0, 255) for image in exact]
    blurred = [image + 0.49 * torch.sin(image) for image in exact]
    blurred = [torch.where(image > 254.5, 400, image) for image in blurred]
    expected = metric(*exact, convention)
    assert torch.equal(metric(*blurred, convention), expected)


@EVERY_METRIC
@pytest.mark.parametrize('size', [(9, 12), (1, 1), (1, 12), (9, 1)])
def test_constant_images(metric, convention, size):
    torch.manual_seed(0)
    texture = (255 * torch.rand(2, 1, *size)).round()
    black, grey = torch.zeros(2, 1, *size), torch.full((2, 1, *size), 100.1)
    for fused, source in ((black, black), (grey, grey), (black, grey)):
        assert torch.equal(metric(fused, source, source, convention), torch.zeros(2))
    if metric is not ce:
        for fused, source in ((grey, texture), (texture, grey)):
            value = metric(fused, source, source, convention)
            torch.testing.assert_close(value, torch.zeros(2), rtol=0, atol=1e-12)


def test_cross_entropy_is_no_distance():
    fused = torch.full((1, 1, 1, 1000), 9.0)
    source = fused.clone()
    source[..., 368:] = 200  # One part in e lies on the fused image's only level.
    lowest = -math.log2(math.e) / math.e
    assert ce(fused, source, source).item() == pytest.approx(lowest, abs=1e-6)
    # The other way round it is the divergence, since no level of the source is missing.
    assert ce(source, fused, fused).item() == pytest.approx(-math.log2(0.368))


def test_highest_cross_entropy():
    fused = torch.zeros(1, 1, 16, 16)
    fused[..., 0, 0] = 50
    source = torch.full_like(fused, 50)
    assert ce(fused, source, source).item() == 8


@EVERY_METRIC
def test_refuses_nan(metric, convention, triple):
    for position in range(3):
        images = [image.clone() for image in triple]
        images[position][1, 0, 3, 4] = torch.nan
        with pytest.raises(ValueError, match=r'pixels in 0\.\.255, got NaN'):
            metric(*images, convention)
