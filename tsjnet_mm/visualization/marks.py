"""Marks on the images of a figure: boxes with scores, ovals around errors, and a legend."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Ellipse, Rectangle
from matplotlib.patheffects import withStroke

#: Colours of what is missing and of what is wrong: green and red that differ in lightness too,
#: for readers who cannot tell the hues apart.
MISSING_COLOUR, WRONG_COLOUR = '#3CF03C', '#FF1414'

# Points.
_LINE, _OVAL_LINE, _EDGE = 0.6, 0.8, 0.4
_SMALLEST_OVAL = 4.0
_FONT_SIZE, _LEGEND_SIZE = 4.0, 6.0


class BoxMark(NamedTuple):
    """A box with a short text at one of its corners.

    Attributes:
        box (tuple[float, float, float, float]): ``(x, y, w, h)`` in pixels of the image.
        colour (tuple | str): As matplotlib takes it.
        text (str): Left out where the image has no room for it. Defaults to none.
    """

    box: tuple[float, float, float, float]
    colour: tuple | str
    text: str = ''


class OvalMark(NamedTuple):
    """An oval around a region.

    Attributes:
        centre (tuple[float, float]): Of the region: x and y in pixels of the image.
        size (tuple[float, float]): Width and height of the region's rectangle.
        colour (tuple | str): As matplotlib takes it.
        angle (float): By which the rectangle is turned, degrees clockwise. Defaults to 0.
        room (float): Between rectangle and oval, points. Defaults to 1.5.
    """

    centre: tuple[float, float]
    size: tuple[float, float]
    colour: tuple | str
    angle: float = 0.0
    room: float = 1.5

    @classmethod
    def around(
        cls, box: tuple[float, float, float, float], colour: tuple | str, room: float = 1.5
    ) -> OvalMark:
        """The oval around a box ``(x, y, w, h)``."""
        x, y, w, h = box
        return cls((x + w / 2, y + h / 2), (w, h), colour, room=room)


class LegendEntry(NamedTuple):
    """Meaning of a colour in a legend.

    Attributes:
        text (str): Its meaning.
        colour (tuple | str): As matplotlib takes it.
        shape (str): ``'area'``, ``'box'`` or ``'oval'``. Defaults to ``'area'``.
    """

    text: str
    colour: tuple | str
    shape: str = 'area'


def draw_marks(axes: Axes, marks: Sequence[BoxMark | OvalMark], scale: float) -> None:
    """Draw the marks of an image: boxes, ovals above them, and texts where they fit.

    Args:
        axes (matplotlib.axes.Axes): Of the image, its y axis pointing down.
        marks (Sequence[BoxMark | OvalMark]): What to draw; texts of the first take their
            places first.
        scale (float): Units of the axes for each pixel of the image.
    """
    point = axes.figure.dpi / 72
    boxes = [mark for mark in marks if isinstance(mark, BoxMark)]
    for mark in boxes:
        x, y, w, h = (part * scale for part in mark.box)
        axes.add_patch(
            Rectangle(
                (x, y), w, h, fill=False, edgecolor=mark.colour, linewidth=_LINE,
                joinstyle='miter', path_effects=_outlined(_LINE),
            )
        )  # fmt: skip
    for mark in marks:
        if isinstance(mark, OvalMark):
            _draw_oval(axes, mark, scale, point)
    _write_texts(axes, boxes, scale, point)


def _outlined(line):
    """Effect that sets a line, or letters, off from any image: a thin black edge."""
    return [withStroke(linewidth=line + _EDGE, foreground='black')]


def _draw_oval(axes, mark, scale, point):
    # A little less than the oval through the rectangle's corners, and some room around.
    width, height = (
        max(side * scale * 1.2, _SMALLEST_OVAL * point) + 2 * mark.room * point
        for side in mark.size
    )
    axes.add_patch(
        Ellipse(
            [part * scale for part in mark.centre],
            width,
            height,
            angle=mark.angle,
            fill=False,
            edgecolor=mark.colour,
            linewidth=_OVAL_LINE,
            path_effects=_outlined(_OVAL_LINE),
        )
    )


def _write_texts(axes, boxes, scale, point):
    """Write each text above its box, below, or inside, wherever it hides no other one."""
    right, bottom = axes.get_xlim()[1], axes.get_ylim()[0]
    taken = []
    edges = [
        [part * scale for part in (x, y, x + w, y + h)] for x, y, w, h in (m.box for m in boxes)
    ]
    for mark in boxes:
        if not mark.text:
            continue
        text = axes.text(
            0, 0, mark.text, fontsize=_FONT_SIZE, color=mark.colour, va='top',
            path_effects=_outlined(0.4),
        )  # fmt: skip
        extent = text.get_window_extent()
        width, height = extent.width, extent.height
        x, y, w, h = (part * scale for part in mark.box)
        line = (_LINE / 2 + _EDGE) * point
        x, y, w, h = x - line, y - line, w + 2 * line, h + 2 * line
        left = min(max(0, x), right - width)
        places = [
            (px, py, px + width, py + height)
            for px, py in (
                (left, y - height),
                (left, y + h),
                (x + w - width, y - height),
                (x + w - width, y + h),
                (left, y),
            )
            if 0 <= px <= right - width and 0 <= py <= bottom - height
        ]
        free = [place for place in places if not any(_overlap(place, other) for other in taken)]
        # Rather over no other box.
        free.sort(key=lambda place: sum(_overlap(place, other) for other in edges))
        if free:
            text.set_position(free[0][:2])
            taken.append(free[0])
        else:
            text.remove()


def _overlap(first, second):
    return all(
        max(first[axis], second[axis]) < min(first[axis + 2], second[axis + 2])
        for axis in (0, 1)
    )


def _handle(entry):
    filled = entry.shape == 'area'
    return Line2D(
        [],
        [],
        linestyle='none',
        label=entry.text,
        marker='o' if entry.shape == 'oval' else 's',
        markersize=5,
        markeredgewidth=0.3 if filled else 0.9,
        markeredgecolor='black' if filled else entry.colour,
        markerfacecolor=entry.colour if filled else 'none',
        path_effects=None if filled else _outlined(0.9),
    )


def add_legend(figure: Figure, entries: Sequence[LegendEntry]) -> float:
    """Put a legend at the foot of a figure, in as few lines as its width allows.

    Args:
        figure (matplotlib.figure.Figure): Of its final width.
        entries (Sequence[LegendEntry]): At least one.

    Returns:
        float: Height of the legend in inches.
    """
    handles = [_handle(entry) for entry in entries]
    for lines in range(1, len(handles) + 1):
        legend = figure.legend(
            handles=handles,
            loc='lower center',
            bbox_to_anchor=(0.5, 0),
            ncol=math.ceil(len(handles) / lines),
            frameon=False,
            fontsize=_LEGEND_SIZE,
            borderaxespad=0,
            borderpad=0.2,
            handlelength=1,
            handletextpad=0.3,
            columnspacing=1.2,
            labelspacing=0.3,
        )
        extent = legend.get_window_extent()
        if extent.width <= figure.bbox.width or lines == len(handles):
            return extent.height / figure.dpi
        legend.remove()
    raise ValueError('a legend needs at least one entry')
