import math

import numpy as np
import pytest

from tsjnet_mm.metrics import FUSION_METRICS
from tsjnet_mm.visualization import COLUMN_WIDTH, radar_figure

MEANS = {
    'average': {'SSIM': 0.70, 'PSNR': 19.0, 'CV': 700.0, 'CC': 0.66},
    'max': {'SSIM': 0.60, 'PSNR': 16.0, 'CV': 200.0, 'CC': 0.66},
    'mine': {'SSIM': 0.65, 'PSNR': 18.0, 'CV': 300.0, 'CC': 0.66},
}


def polygons(figure):
    """Method to its corners (N + 1, 2), in units of the rim's radius."""
    lines = {line.get_label(): line.get_xydata() for line in figure.axes[0].get_lines()}
    radius = max(np.hypot(*data.T).max() for data in lines.values())
    return {name: data / radius for name, data in lines.items() if name in MEANS}


def texts(figure):
    return [text.get_text() for text in [*figure.texts, *figure.axes[0].texts]]


def test_outward_is_better_whatever_the_direction():
    shares = {
        name: np.hypot(*data.T) for name, data in polygons(radar_figure(MEANS, 'plain')).items()
    }
    # 20% for the worst of an axis, the rim for the best, linear between; lower CV is better.
    np.testing.assert_allclose(shares['average'], [1, 1, 0.2, 1, 1], atol=1e-9)
    np.testing.assert_allclose(shares['max'], [0.2, 0.2, 1, 1, 0.2], atol=1e-9)
    expected = [0.6, 0.2 + 0.8 * 2 / 3, 0.2 + 0.8 * 4 / 5, 1, 0.6]
    np.testing.assert_allclose(shares['mine'], expected, atol=1e-9)


def test_axes_go_clockwise_from_the_top():
    corners = polygons(radar_figure(MEANS, 'plain'))['average']
    np.testing.assert_allclose(corners, [(0, 1), (1, 0), (0, -0.2), (-1, 0), (0, 1)], atol=1e-9)


def test_it_says_what_it_shows():
    found = texts(radar_figure(MEANS, 'plain', title='MSRS, 361 pairs'))
    assert 'MSRS, 361 pairs (convention: plain)' in found
    assert any('20% of the radius' in text for text in found)
    # The worst first, which is the larger one where lower is better.
    ends = ['0.600 → 0.700', '16.00 → 19.00', '700.0 → 200.0', '0.660 → 0.660']
    assert [text for text in found if text in ends] == ends
    assert [text for text in found if text[-1] in '↑↓'] == ['SSIM ↑', 'PSNR ↑', 'CV ↓', 'CC ↑']
    assert 'convention: plain' in texts(radar_figure(MEANS, 'plain'))


@pytest.mark.parametrize(
    ('values', 'expected'),
    [
        ((0.70312, 0.70315), '0.70312 → 0.70315'),
        ((2535.4, 1268.3), '1268 → 2535'),
        ((0.0, 0.04), '0.000 → 0.040'),
        ((99.96, 100.2), '100.0 → 100.2'),
    ],
)
def test_ends_have_the_digits_that_tell_them_apart(values, expected):
    means = {
        name: {'SSIM': value, 'CC': 0.5, 'VIF': 0.5}
        for name, value in zip('ab', values, strict=True)
    }
    assert expected in texts(radar_figure(means, 'plain'))


def test_highlighted_method_is_on_top_thick_filled_and_bold():
    figure = radar_figure(MEANS, 'plain', highlight='average')
    lines = {line.get_label(): line for line in figure.axes[0].get_lines()}
    for name in ('max', 'mine'):
        assert lines['average'].get_zorder() > lines[name].get_zorder()
        assert lines['average'].get_linewidth() > lines[name].get_linewidth()
    (fill,) = figure.axes[0].patches
    np.testing.assert_array_equal(fill.get_xy(), lines['average'].get_xydata())
    (legend,) = figure.legends
    weights = {text.get_text(): text.get_fontweight() for text in legend.get_texts()}
    assert weights == {'average': 'bold', 'max': 'normal', 'mine': 'normal'}


@pytest.mark.parametrize(('count', 'methods'), [(3, 2), (4, 14), (10, 14), (25, 14)])
def test_labels_neither_overlap_nor_leave_the_figure(count, methods, assert_legible):
    known = [name for name, info in FUSION_METRICS.items() if 'plain' in info.conventions]
    metrics = known[:count]
    rng = np.random.default_rng(0)
    means = {
        f'Method No. {index}': {
            name: rng.random() * 10 ** (3.5 if name in ('MSE', 'CV') else 1) for name in metrics
        }
        for index in range(methods)
    }
    title = 'A dataset with a long name, 4321 pairs'
    figure = radar_figure(means, 'plain', 'Method No. 1', title)
    assert_legible(figure)
    if count <= 10:
        assert figure.get_figwidth() == pytest.approx(COLUMN_WIDTH)


def test_values_that_cannot_stand_on_an_axis_are_refused():
    for value in (math.inf, math.nan):
        means = {**MEANS, 'max': {**MEANS['max'], 'PSNR': value}}
        with pytest.raises(ValueError, match=rf'max has no finite PSNR \({value}\)'):
            radar_figure(means, 'plain')
    means = {**MEANS, 'max': {'SSIM': 1.0}}
    with pytest.raises(ValueError, match=r'max has no finite PSNR \(None\)'):
        radar_figure(means, 'plain')


def test_errors():
    with pytest.raises(ValueError, match='two methods or more, got 1'):
        radar_figure({'max': MEANS['max']}, 'plain')
    two = {name: {'SSIM': 0.5, 'CV': 1.0} for name in 'ab'}
    with pytest.raises(ValueError, match='three metrics or more, got SSIM, CV'):
        radar_figure(two, 'plain')
    with pytest.raises(ValueError, match="unknown convention 'other'"):
        radar_figure(MEANS, 'other')
    with pytest.raises(ValueError, match="unknown metric 'FID'"):
        radar_figure({name: {'FID': 1.0} for name in 'ab'}, 'plain')
    with pytest.raises(ValueError, match="cannot highlight 'me': the methods are average, max"):
        radar_figure(MEANS, 'plain', highlight='me')
