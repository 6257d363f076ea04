"""Qualitative comparison: a row per scene, a column per source and method, zoomed insets."""

import math
from collections.abc import Sequence

import cv2
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from .drawing import to_rgb8
from .figure import TEXT_WIDTH, figure_style, measure_artists
from .insets import check_regions, place_insets
from .marks import LegendEntry, add_legend, draw_marks

#: Colours of a scene's first and second region and of their insets: red and green that differ
#: in lightness too, for readers who cannot tell the hues apart.
REGION_COLOURS = ('#E3191C', '#5CE65C')

# Points.
_OUTLINE, _FRAME = 0.6, 1.0
_LARGEST, _SMALLEST = 7.0, 4.5
# Inches.
_BAR, _LETTER_GAP, _GAP, _NARROWEST = 0.14, 0.035, 0.025, 0.3
_LOWEST_DPI = 200


def grid_figure(
    rows: Sequence[Sequence[np.ndarray]],
    titles: Sequence[str],
    regions: Sequence[Sequence[tuple]] | None = None,
    names: Sequence[str] | None = None,
    highlight: str | None = None,
    width: float = TEXT_WIDTH,
    marks: Sequence[Sequence[Sequence]] | None = None,
    legend: Sequence[LegendEntry] = (),
) -> Figure:
    """Arrange the images of several scenes, with magnified regions in their corners, or marks.

    Each region is outlined where it is, the first in red and the second in green, and
    magnified in a corner of the same image, framed in the same colour; a scene's insets are
    in the same corners in every column, see
    :func:`~tsjnet_mm.visualization.insets.place_insets`. The widest scene is shown pixel by
    pixel, or enlarged a whole number of times where it would be printed below 200 dpi; the
    others are enlarged to its width, and a row is as high as its scene's shape asks.

    Args:
        rows (Sequence[Sequence[np.ndarray]]): The images of each scene, column by column, as
            :func:`~tsjnet_mm.visualization.to_rgb8` takes them; a scene's are of one size.
        titles (Sequence[str]): What stands above each column, in smaller type or cut off
            where it is too long.
        regions (Sequence[Sequence[tuple]], optional): For each scene up to two
            ``(x, y, w, h)`` in its pixels. Defaults to none.
        names (Sequence[str], optional): Names of the scenes, left of the rows.
        highlight (str, optional): One of ``titles``, to be set in bold.
        width (float): Printed width in inches. Defaults to the width of the text in a
            two-column paper.
        marks (Sequence[Sequence[Sequence]], optional): For each scene and column what to draw
            on the image, see :func:`~tsjnet_mm.visualization.marks.draw_marks`. Defaults to
            none.
        legend (Sequence[LegendEntry]): What the colours of the marks mean, for the foot of
            the figure. Defaults to none.

    Returns:
        matplotlib.figure.Figure: Of the images' resolution; see
        :func:`~tsjnet_mm.visualization.save_figure`.

    Raises:
        ValueError: There is no image, a scene's images differ in size or number, titles,
            regions, names or marks do not match the grid, a region cannot be magnified,
            ``highlight`` is no title, or ``width`` leaves a column less than 0.3 inches.
    """
    rows = [[to_rgb8(image) for image in row] for row in rows]
    regions = [()] * len(rows) if regions is None else regions
    marks = [[()] * len(row) for row in rows] if marks is None else marks
    _check(rows, titles, regions, names, highlight, marks)
    bar = 0 if names is None else _BAR
    column = (width - bar + _GAP) / len(titles) - _GAP
    if column < _NARROWEST:
        raise ValueError(
            f'{len(titles)} columns in {width} inches leave {column:.2f} inches each, expected '
            f'at least {_NARROWEST}: take a larger width or fewer columns'
        )
    widest = max(row[0].shape[1] for row in rows)
    pixels = widest * math.ceil(_LOWEST_DPI * column / widest)
    dpi = round(pixels / column)
    with figure_style():
        figure = Figure((width, width), dpi)
        foot = add_legend(figure, legend) + _GAP if legend else 0
        edges = [round(inches * dpi) for inches in (bar, _BAR, foot, _GAP)]
        _lay_out(figure, rows, regions, marks, pixels, *edges)
        _write(figure, titles, names, highlight)
    return figure


def _check(rows, titles, regions, names, highlight, marks):
    if not rows or not rows[0]:
        raise ValueError('a grid needs at least one scene and one image')
    for what, count, expected in (
        ('titles', len(titles), len(rows[0])),
        ('lists of regions', len(regions), len(rows)),
        ('names', len(rows) if names is None else len(names), len(rows)),
        ('lists of marks', sum(map(len, marks)), sum(map(len, rows))),
    ):
        if count != expected:
            raise ValueError(
                f'{count} {what} for a grid of {len(rows)} scenes and {len(rows[0])} columns'
            )
    if highlight is not None and highlight not in titles:
        raise ValueError(f'cannot highlight {highlight!r}: the titles are {", ".join(titles)}')
    for index, (row, boxes) in enumerate(zip(rows, regions, strict=True)):
        scene = f'scene {index + 1}' if names is None else names[index]
        sizes = [f'{image.shape[1]}x{image.shape[0]}' for image in row]
        if len(row) != len(titles) or len(set(sizes)) > 1:
            raise ValueError(
                f'{scene}: expected {len(titles)} images of one size, got {", ".join(sizes)}'
            )
        try:
            check_regions(boxes, row[0].shape[1::-1])
        except ValueError as error:
            raise ValueError(f'{scene}: {error}') from error


def _lay_out(figure, rows, regions, marks, pixels, left, top, foot, gap):
    """Place every cell on whole pixels, so that images stay what they are."""
    heights = [round(row[0].shape[0] * pixels / row[0].shape[1]) for row in rows]
    width = left + len(rows[0]) * (pixels + gap) - gap
    height = top + sum(heights) + gap * (len(rows) - 1) + foot
    # The canvas is this cut to whole pixels: a bit more, lest rounding lose one.
    figure.set_size_inches((width + 0.01) / figure.dpi, (height + 0.01) / figure.dpi)
    bottom = height - top + gap
    for row, boxes, marked, cell_height in zip(rows, regions, marks, heights, strict=True):
        insets = place_insets(row, boxes)
        bottom -= cell_height + gap
        for column, image in enumerate(row):
            x = left + column * (pixels + gap)
            place = x / width, bottom / height, pixels / width, cell_height / height
            axes = figure.add_axes(place, label=f'{column} {bottom}')
            _draw_cell(axes, image, boxes, insets, (pixels, cell_height))
            draw_marks(axes, marked[column], pixels / image.shape[1])


def _draw_cell(axes, image, regions, insets, size):
    scale = size[0] / image.shape[1]
    picture = _enlarge(image, size)
    point = axes.figure.dpi / 72
    axes.set_axis_off()
    marks = []
    for region, inset, colour in zip(regions, insets, REGION_COLOURS, strict=False):
        x, y, w, h = region
        marks.append(([part * scale for part in region], _OUTLINE * point, colour))
        left, top, right, bottom = (
            round(edge * scale)
            for edge in (inset[0], inset[1], inset[0] + inset[2], inset[1] + inset[3])
        )
        magnified = _enlarge(image[y : y + h, x : x + w], (right - left, bottom - top))
        picture[top:bottom, left:right] = magnified
        # The frame lies inside the inset, where the cell does not cut it.
        line = _FRAME * point
        box = left + line / 2, top + line / 2, right - left - line, bottom - top - line
        marks.append((box, line, colour))
    axes.imshow(picture, interpolation='none', aspect='auto', extent=(0, size[0], size[1], 0))
    for (x, y, w, h), line, colour in marks:
        box = Rectangle((x, y), w, h, fill=False, edgecolor=colour, linewidth=line / point)
        # Snapped to pixels it would reach beyond the inset.
        box.set_snap(False)
        axes.add_patch(box)


def _enlarge(image, size):
    """A copy of this width and height."""
    if image.shape[1::-1] == size:
        return image.copy()
    return cv2.resize(image, size, interpolation=cv2.INTER_CUBIC)


def _write(figure, titles, names, highlight):
    """Titles above the first row and names left of the first column."""
    width, height = figure.get_size_inches()
    cells = [axes.get_position() for axes in figure.axes]
    top, first = cells[: len(titles)], cells[:: len(titles)]
    heads = [
        figure.text((cell.x0 + cell.x1) / 2, cell.y1 + _LETTER_GAP / height, title, ha='center')
        for cell, title in zip(top, titles, strict=True)
    ]
    for head in heads:
        head.set_fontweight('bold' if head.get_text() == highlight else 'normal')
    _fit(figure, heads, [cell.width * width for cell in top], 'width')
    if names is not None:
        right = (_BAR - _LETTER_GAP) / width
        sides = [
            figure.text(
                right, (cell.y0 + cell.y1) / 2, name, rotation=90, ha='right', va='center'
            )
            for cell, name in zip(first, names, strict=True)
        ]
        _fit(figure, sides, [cell.height * height for cell in first], 'height')


def _fit(figure, texts, rooms, side):
    """Set texts in one size that fits, and shorten what the smallest does not make fit."""

    def length(text):
        return getattr(measure_artists(figure, [text]), side)

    shares = [room / length(text) for text, room in zip(texts, rooms, strict=True)]
    size = min(_LARGEST, max(_SMALLEST, texts[0].get_fontsize() * min(shares)))
    for text, room in zip(texts, rooms, strict=True):
        text.set_fontsize(size)
        kept, whole = len(text.get_text()), text.get_text()
        while length(text) > room and kept > 2:
            # The end stays: names of scenes often differ only there.
            kept -= 1
            text.set_text(f'{whole[: kept - kept // 2]}…{whole[-(kept // 2) :]}')
