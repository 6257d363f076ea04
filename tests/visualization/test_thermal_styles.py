import cv2
import numpy as np
import pytest

from tsjnet_mm.io.errors import PairError
from tsjnet_mm.io.pairs import Pair, iterate_pairs
from tsjnet_mm.utils.styles import PALETTES, Style
from tsjnet_mm.visualization.thermal_styles import (
    draw_style,
    palette_table,
    thermal_colours,
    visible_edges,
)


@pytest.fixture
def pair():
    """Infrared from black at the left to white at the right, on the same grey everywhere."""
    ir = np.arange(256, dtype=np.uint8)[None].repeat(120, axis=0)
    return next(iterate_pairs(ir, np.full((120, 256, 3), 100, np.uint8)))


@pytest.mark.parametrize('name', PALETTES)
def test_each_palette_has_256_colours_of_its_own(name):
    table = palette_table(name)
    assert table.shape == (256, 3) and table.dtype == np.uint8
    assert len(np.unique(table, axis=0)) > 140
    assert all((table != palette_table(other)).any() for other in PALETTES if other != name)


def test_known_colours():
    np.testing.assert_array_equal(palette_table('white-hot')[[0, 100, 255], 1], [0, 100, 255])
    np.testing.assert_array_equal(palette_table('black-hot')[[0, 255], 1], [255, 0])
    blue, red = palette_table('rainbow')[[20, 235]].astype(int)
    assert blue[2] > 150 > 50 > blue[0] and red[0] > 150 > 50 > red[2]
    luma = palette_table('ironbow').astype(float) @ (0.299, 0.587, 0.114)
    assert luma[0] < 3 and luma[-1] > 250 and (np.diff(luma) > -0.5).all()
    np.testing.assert_allclose(
        thermal_colours(np.float32([-1, 2]), 'white-hot'), [[0] * 3, [1] * 3]
    )


def test_overlay_mixes_the_colours_with_the_visible_image(pair):
    image = draw_style(pair, Style('overlay', 'rainbow', opacity=0.25))
    expected = 75 + 0.25 * palette_table('rainbow')
    np.testing.assert_allclose(image[60], expected, atol=0.51)


def test_msx_adds_the_edges_of_the_visible_image(pair):
    flat = draw_style(pair, Style('msx', 'inferno'))
    np.testing.assert_array_equal(flat[60], palette_table('inferno'))
    pair.vi[:, 100:] += 0.3
    edged = draw_style(pair, Style('msx', 'white-hot')).astype(int)
    ramp = np.arange(256)[:, None]
    difference = edged[60] - ramp
    assert (difference[100] > 20).all() and (difference[99] < -20).all()
    assert np.abs(difference[np.r_[:90, 110:256]]).max() <= 1


def test_noise_makes_no_edges():
    rng = np.random.default_rng(0)
    noise = rng.normal(0.05, 0.01, (200, 200, 1)).astype(np.float32).repeat(3, axis=2)
    stepped = noise + (np.arange(200) >= 100)[None, :, None] * np.float32(0.3)
    edges = np.abs(visible_edges(stepped))
    detail = noise[..., 0] - cv2.GaussianBlur(noise[..., 0], (0, 0), 1)
    assert np.median(edges[:, :90]) == 0
    assert edges[:, :90].mean() < 0.4 * 2.5 * np.abs(detail).mean()
    assert edges[:, 99:101].min() > 0.1


def test_isotherm_colours_what_is_hotter_and_nothing_else(pair):
    luma = np.full((120, 256), 0.5, np.float32)
    image = draw_style(pair, Style('isotherm', isotherm=180, opacity=1.0), luma)
    assert (image[:, :181] == 128).all()
    colours = image[60, 181:].astype(int)
    assert (np.ptp(colours, axis=1) > 5).mean() > 0.95
    np.testing.assert_array_equal(colours[-1], palette_table('ironbow')[255])
    mixed = draw_style(pair, Style('isotherm', isotherm=180, opacity=0.5), luma)[60, 255]
    white = palette_table('ironbow')[255].astype(int)
    np.testing.assert_allclose(mixed, (128 + white) / 2, atol=1)


def test_isotherm_is_in_degrees_where_the_unit_is_known():
    kelvin = np.full((2, 70, 80), 29315, np.uint16)  # 20 degrees
    kelvin[:, :10] += 1100
    kelvin[1, :5] += 10000  # far above the range
    for ir, options in (
        (kelvin, {'ir_celsius': (0, 25)}),
        (kelvin, {'ir_range': (27315, 29815)}),
        (kelvin, {'ir_percentiles': (0, 50)}),
    ):
        for image in ir:
            vi = np.zeros((70, 80, 3), np.uint8)
            pair = next(iterate_pairs(image, vi, ir_unit='centikelvin', **options))
            shown = draw_style(pair, Style('isotherm', isotherm=30.5), np.ones((70, 80)))
            assert (np.ptp(shown[:10].astype(int), axis=2) > 0).all() or image is kelvin[1]
            assert (shown[10:] == 255).all()


def test_legend_has_the_colours_of_the_values_at_the_right_edge(pair):
    plain = draw_style(pair, Style('overlay', 'viridis'))
    image = draw_style(pair, Style('overlay', 'viridis', legend=True))
    assert image.shape == plain.shape
    np.testing.assert_array_equal(image[:, :200], plain[:, :200])
    for colour in palette_table('viridis')[[8, 128, 247]].astype(int):
        assert np.abs(image[:, 200:].astype(int) - colour).sum(axis=2).min() <= 6


def test_a_small_image_has_no_legend():
    pair = next(iterate_pairs(np.eye(20, dtype=np.uint8), np.zeros((20, 20, 3), np.uint8)))
    image = draw_style(pair, Style('msx', legend=True))
    np.testing.assert_array_equal(image, draw_style(pair, Style('msx')))


def test_a_pair_without_values_is_refused():
    pair = Pair('a', np.zeros((70, 70), np.float32), np.zeros((70, 70, 3), np.float32))
    with pytest.raises(PairError, match='measured infrared values'):
        draw_style(pair, Style('msx', legend=True))


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'name': 'fusion'}, 'luma, overlay, msx, isotherm'),
        ({'name': 'msx', 'palette': 'iron'}, 'ironbow'),
        ({'name': 'isotherm'}, 'come together'),
        ({'name': 'msx', 'isotherm': 30}, 'come together'),
        ({'name': 'isotherm', 'isotherm': float('nan')}, 'finite'),
        ({'name': 'isotherm', 'isotherm': 3, 'palette': 'white-hot'}, 'has colours'),
        ({'name': 'msx', 'opacity': 0.5}, 'overlay and isotherm'),
        ({'name': 'overlay', 'opacity': 0}, 'above 0'),
        ({'legend': True}, 'legend'),
    ],
)
def test_options_that_do_not_go_together(options, message):
    with pytest.raises(ValueError, match=message):
        Style(**options)
