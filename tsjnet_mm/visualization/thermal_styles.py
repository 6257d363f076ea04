"""Draw a pair in thermal colours: all over, with edges of the visible, or where it is hot."""

import cv2
import numpy as np

from tsjnet_mm.io.errors import PairError
from tsjnet_mm.io.pairs import Pair
from tsjnet_mm.io.thermal import ThermalMap
from tsjnet_mm.utils.styles import Style

from .drawing import FONT, to_rgb8

#: Colours of palettes at equal distances, from cold to hot; others are OpenCV's.
_ANCHORS = {
    'ironbow': (
        *((0, 0, 10), (32, 0, 130), (120, 0, 160), (200, 30, 120)),
        *((235, 90, 30), (250, 160, 0), (255, 220, 60), (255, 255, 245)),
    ),
    'arctic': ((10, 10, 60), (20, 60, 190), (60, 160, 230), (160, 160, 150), (255, 190, 40)),
    'white-hot': ((0, 0, 0), (255, 255, 255)),
    'black-hot': ((255, 255, 255), (0, 0, 0)),
}
_OPENCV = {
    'inferno': cv2.COLORMAP_INFERNO,
    'rainbow': cv2.COLORMAP_JET,
    'turbo': cv2.COLORMAP_TURBO,
    'hot': cv2.COLORMAP_HOT,
    'viridis': cv2.COLORMAP_VIRIDIS,
}
_LUMA = np.float32((0.299, 0.587, 0.114))
#: Position in the palette from which an isotherm's colours start: the colours below are dark.
_ISOTHERM_START = 0.35
#: Radius of what counts as an edge of the visible image, as a share of its diagonal.
_EDGE_RADIUS = 0.0025
_EDGE_GAIN, _MOST_EDGE = 2.5, 0.4
#: Details below so many times the median detail are noise.
_NOISE = 1.5


def palette_table(name: str) -> np.ndarray:
    """Colours of a palette.

    Args:
        name (str): One of :data:`~tsjnet_mm.utils.styles.PALETTES`.

    Returns:
        np.ndarray: (256, 3) uint8 RGB, from cold to hot.
    """
    if name in _OPENCV:
        levels = np.arange(256, dtype=np.uint8)[:, None]
        return cv2.applyColorMap(levels, _OPENCV[name])[:, 0, ::-1].copy()
    anchors = np.array(_ANCHORS[name], np.float64)
    at = np.linspace(0, len(anchors) - 1, 256)
    columns = [np.interp(at, np.arange(len(anchors)), channel) for channel in anchors.T]
    return np.stack(columns, axis=1).round().astype(np.uint8)


def thermal_colours(unit: np.ndarray, palette: str) -> np.ndarray:
    """Colours of values.

    Args:
        unit (np.ndarray): Values in [0, 1], of any shape (*); others are clipped.
        palette (str): See :func:`palette_table`.

    Returns:
        np.ndarray: (*, 3) float32 RGB in [0, 1].
    """
    levels = np.rint(np.clip(unit, 0, 1) * 255).astype(np.uint8)
    return palette_table(palette)[levels].astype(np.float32) / 255


def visible_edges(visible: np.ndarray) -> np.ndarray:
    """Edges of a visible image, without what its noise alone makes.

    Args:
        visible (np.ndarray): (H, W, 3) float32 RGB in [0, 1].

    Returns:
        np.ndarray: (H, W) float32, to be added to an image in [0, 1].
    """
    luma = visible @ _LUMA
    radius = max(1.0, _EDGE_RADIUS * float(np.hypot(*luma.shape)))
    detail = luma - cv2.GaussianBlur(luma, (0, 0), radius)
    noise = _NOISE * float(np.median(np.abs(detail)))
    detail = np.sign(detail) * np.maximum(np.abs(detail) - noise, 0)
    return np.clip(detail * _EDGE_GAIN, -_MOST_EDGE, _MOST_EDGE)


def _isotherm(values, limits, base, style):
    """Colours above the threshold, over a grey base."""
    values = np.where(np.isnan(values), -np.inf, values)  # nothing is known: not hot
    span = max(limits[1], float(values.max())) if limits[1] <= style.isotherm else limits[1]
    share = (values - style.isotherm) / max(span - style.isotherm, 1e-6)
    unit = _ISOTHERM_START + (1 - _ISOTHERM_START) * np.clip(share, 0, 1)
    colours = thermal_colours(unit, style.palette)
    hot = (values > style.isotherm)[..., None]
    return np.where(hot, base + style.strength * (colours - base), base)


def draw_style(pair: Pair, style: Style, luma: np.ndarray | None = None) -> np.ndarray:
    """Draw a pair.

    Args:
        pair (Pair): The pair; with ``thermal`` if ``style`` needs the values.
        style (Style): Any but ``'luma'``.
        luma (np.ndarray, optional): (H, W) float32, the fused luma in [0, 1]; of the style
            ``'isotherm'``.

    Returns:
        np.ndarray: (H, W, 3) uint8 RGB; without thermal colours where the infrared camera sees
        nothing.

    Raises:
        PairError: The values are needed and not known.
    """
    measured = None
    if style.needs_values:
        if pair.thermal is None:
            raise PairError.of(
                'unknown temperatures', pair.name, 'measured infrared values', 'none'
            )
        measured = pair.thermal()
    if style.name == 'overlay':
        colours = thermal_colours(pair.ir, style.palette)
        image = pair.vi + style.strength * (colours - pair.vi)
    elif style.name == 'msx':
        image = thermal_colours(pair.ir, style.palette) + visible_edges(pair.vi)[..., None]
    else:
        base = np.repeat(luma[..., None], 3, axis=2)
        image = _isotherm(measured.values, measured.limits, base, style)
    if pair.seen is not None and style.name != 'isotherm':
        image = pair.vi + pair.seen[..., None] * (image - pair.vi)
    image = to_rgb8(image)
    return draw_legend(image, measured, style) if style.legend else image


def draw_legend(image: np.ndarray, measured: ThermalMap, style: Style) -> np.ndarray:
    """Draw a colour bar with its values at the right edge of an image.

    Args:
        image (np.ndarray): (H, W, 3) uint8 RGB.
        measured (ThermalMap): Its values and limits.
        style (Style): What the colours are.

    Returns:
        np.ndarray: The same size, a new image; the image itself where it is too small, below
        64 pixels a side.
    """
    height, width = image.shape[:2]
    if min(height, width) < 64:
        return image
    low, high = measured.limits
    size = float(np.clip(height / 900, 0.3, 1.6))
    thick = max(1, round(size * 1.5))
    marks = [(low, 0.0), (high, 1.0)]
    if style.isotherm is not None and low < style.isotherm < high:
        marks.append((style.isotherm, (style.isotherm - low) / (high - low)))
    texts = [_number(value, high - low) for value, _ in marks]
    text_width = max(_text_width(text, size, thick, measured.is_celsius) for text in texts)
    text_height = cv2.getTextSize('0', FONT, size, thick)[0][1]
    gap, bar = max(2, text_height // 2), max(6, round(text_height * 1.2))
    panel = bar + text_width + 4 * gap
    top, bottom = text_height + 2 * gap, height - text_height - 2 * gap
    drawn = image.copy()
    drawn[:, width - panel :] //= 3
    ramp = np.linspace(1, 0, bottom - top, dtype=np.float32)[:, None].repeat(bar, axis=1)
    left = width - panel + gap
    drawn[top:bottom, left : left + bar] = to_rgb8(_ramp_colours(ramp, low, high, style))
    corners = (left - 1, top - 1), (left + bar, bottom)
    cv2.rectangle(drawn, *corners, (255, 255, 255), 1)
    last = None
    for text, (_, share) in zip(texts, marks, strict=True):
        line = round(bottom - share * (bottom - top))
        base = int(np.clip(line + text_height // 2, top, bottom))
        if last is not None and share not in (0.0, 1.0) and _collides(base, last, text_height):
            continue
        last = (*(last or ()), base)
        at = left + bar + gap
        _write_value(drawn, text, (at, base), size, thick, measured.is_celsius)
    return drawn


def _collides(base, others, text_height):
    return any(abs(base - other) < text_height * 1.3 for other in others)


def _ramp_colours(ramp, low, high, style):
    if style.name != 'isotherm':
        return thermal_colours(ramp, style.palette)
    values = low + ramp * (high - low)
    return _isotherm(values, (low, high), np.repeat(ramp[..., None], 3, axis=2), style)


def _number(value, span):
    digits = 0 if span >= 20 else 1 if span >= 2 else 2
    return f'{value:.{digits}f}'


def _text_width(text, size, thick, is_celsius):
    width = cv2.getTextSize(text, FONT, size, thick)[0][0]
    return width + (cv2.getTextSize('oC', FONT, size, thick)[0][0] if is_celsius else 0)


def _write_value(image, text, base, size, thick, is_celsius):
    """Write a number, and degrees Celsius, whose circle OpenCV's font lacks."""
    colour = (255, 255, 255)
    cv2.putText(image, text, base, FONT, size, colour, thick, cv2.LINE_AA)
    if not is_celsius:
        return
    width, height = cv2.getTextSize(text, FONT, size, thick)[0]
    radius = max(1, height // 6)
    centre = base[0] + width + 2 * radius, base[1] - height + radius
    cv2.circle(image, centre, radius, colour, max(1, thick // 2), cv2.LINE_AA)
    after = centre[0] + 2 * radius, base[1]
    cv2.putText(image, 'C', after, FONT, size, colour, thick, cv2.LINE_AA)
