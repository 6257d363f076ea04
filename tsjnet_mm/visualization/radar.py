"""Radar chart of several methods: an axis per metric, outward is better."""

import math
from collections.abc import Mapping

from matplotlib.figure import Figure

from tsjnet_mm.metrics import FUSION_METRICS, check_metrics

from .figure import COLUMN_WIDTH, figure_style, figure_title, measure_artists, method_looks

#: Share of the radius at which the worst method of an axis stands; the best is at the rim.
INNER = 0.2

# Inches.
_POINT = 1 / 72
_GAP = 0.06


def radar_figure(
    means: Mapping[str, Mapping[str, float]],
    convention: str,
    highlight: str | None = None,
    title: str | None = None,
) -> Figure:
    r"""Draw one polygon per method over one axis per metric.

    On each axis a value :math:`v` stands at the share :math:`0.2 + 0.8\,(v - w) / (b - w)` of
    the radius, with :math:`b` the best and :math:`w` the worst value of the methods shown: so
    outward is better for metrics of either direction, and leaving a method out may move the
    others. Where all are equal they stand at the rim. The chart says so, and prints
    :math:`w` and :math:`b` at each axis. Up to ten metrics fit a column of a paper (3.45
    inches); with more the chart grows.

    Args:
        means (Mapping[str, Mapping[str, float]]): Method to metric to value, the same metrics
            for each. Axes go clockwise from the top in the order of the first method.
        convention (str): The convention of the values; it stands in the title.
        highlight (str, optional): Method to draw last, thicker and filled.
        title (str, optional): What the values are of, such as ``'MSRS, 361 pairs'``.

    Returns:
        matplotlib.figure.Figure: See :func:`~tsjnet_mm.visualization.save_figure`.

    Raises:
        ValueError: There are fewer than two methods or three metrics, a method lacks a
            finite value of a metric, a metric is unknown or not defined under the
            convention, or ``highlight`` is no method.
    """
    metrics = _check(means, convention)
    looks = method_looks(means, highlight)
    ends = {name: _ends(name, [row[name] for row in means.values()]) for name in metrics}
    angles = [2 * math.pi * index / len(metrics) for index in range(len(metrics))]
    rim = [(math.sin(angle), math.cos(angle)) for angle in angles]
    with figure_style():
        figure = Figure()
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set_axis_off()
        _draw_web(axes, rim)
        for method in sorted(means, key=lambda method: method == highlight):
            shares = [_share(means[method][name], *ends[name]) for name in metrics]
            _draw_polygon(axes, rim, shares, looks[method], method, method == highlight)
        for corner, name in zip(rim, metrics, strict=True):
            _label(axes, corner, name, *ends[name])
        _lay_out(figure, axes, rim, means, highlight, figure_title(convention, title))
    return figure


def _check(means, convention):
    if len(means) < 2:
        raise ValueError(f'a radar chart compares two methods or more, got {len(means)}')
    metrics = list(next(iter(means.values())))
    check_metrics(metrics, convention)
    if len(metrics) < 3:
        raise ValueError(
            f'a radar chart needs three metrics or more, got {", ".join(metrics) or "none"}'
        )
    for method, row in means.items():
        for name in metrics:
            if not math.isfinite(row.get(name, math.nan)):
                raise ValueError(
                    f'{method} has no finite {name} ({row.get(name)}): leave out one of them'
                )
    return metrics


def _ends(name, column):
    """The worst and the best value."""
    ends = min(column), max(column)
    return ends if FUSION_METRICS[name].higher_is_better else ends[::-1]


def _share(value, worst, best):
    return 1.0 if best == worst else INNER + (1 - INNER) * (value - worst) / (best - worst)


def _outline(rim, shares):
    """Coordinates of the closed polygon with its corners at these shares of the axes."""
    corners = [(share * x, share * y) for (x, y), share in zip(rim, shares, strict=True)]
    return zip(*corners, corners[0], strict=True)


def _draw_web(axes, rim):
    for share in (INNER, 0.4, 0.6, 0.8, 1.0):
        colour = '0.6' if share in (INNER, 1.0) else '0.85'
        axes.plot(*_outline(rim, [share] * len(rim)), color=colour, linewidth=0.6, zorder=1)
    for x, y in rim:
        axes.plot((0, x), (0, y), color='0.85', linewidth=0.6, zorder=1)


def _draw_polygon(axes, rim, shares, look, method, highlighted):
    x, y = _outline(rim, shares)
    if highlighted:
        axes.fill(x, y, color=look.colour, alpha=0.13, linewidth=0, zorder=2)
    axes.plot(
        x,
        y,
        color=look.colour,
        linestyle=look.dash,
        linewidth=2.0 if highlighted else 1.0,
        marker=look.marker,
        markersize=4.5 if highlighted else 3.2,
        markeredgewidth=0,
        label=method,
        zorder=4 if highlighted else 3,
    )


def _label(axes, corner, name, worst, best):
    """Name and ends of an axis, beyond the rim so that no polygon crosses them."""
    x, y = corner
    arrow = '↑' if FUSION_METRICS[name].higher_is_better else '↓'
    digits = _digits(worst, best)
    place = {
        'xy': corner,
        # Points, to the middle of two lines of some 8 each: they stay clear of the rim by 5.
        'xytext': (5 * x, 13 * y),
        'textcoords': 'offset points',
        # Else it has no size until the limits of the axes are known, which depend on it.
        'annotation_clip': False,
        'ha': 'center' if abs(x) < 0.05 else 'left' if x > 0 else 'right',
    }
    axes.annotate(f'{name} {arrow}', va='bottom', fontweight='bold', **place)
    ends = f'{worst:.{digits}f} → {best:.{digits}f}'
    axes.annotate(ends, va='top', fontsize=6, color='0.25', **place)


def _digits(worst, best):
    """Decimals about as in the tables, and as many more as it takes to tell the two apart."""
    largest, span = max(abs(worst), abs(best)), abs(best - worst)
    digits = next((3 - i for i, limit in enumerate((10, 100, 1000)) if largest < limit), 0)
    return max(digits, -math.floor(math.log10(span))) if span else digits


def _legend(figure, axes, methods, highlight, width):
    """As many columns as fit into the width."""
    lines = {line.get_label(): line for line in axes.get_lines()}
    for columns in range(len(methods), 0, -1):
        legend = figure.legend(
            [lines[method] for method in methods],
            methods,
            loc='lower center',
            ncols=columns,
            frameon=False,
            handlelength=2.8,
            columnspacing=1.2,
            borderaxespad=0,
            borderpad=0,
        )
        for text in legend.get_texts():
            text.set_fontweight('bold' if text.get_text() == highlight else 'normal')
        if columns == 1 or measure_artists(figure, [legend]).width <= width:
            return legend
        legend.remove()


def _radius(figure, labels, rim):
    """Inches, as many as the labels leave of a column, or as many axes need."""
    half = COLUMN_WIDTH / 2 - _GAP - 5 * _POINT
    rooms = [
        (half - measure_artists(figure, lines).width) / abs(x)
        for (x, _), *lines in zip(rim, labels[::2], labels[1::2], strict=True)
        if abs(x) > 0.05
    ]
    # Along the rim the labels of neighbours need about 0.62 inches.
    return max(min(rooms), 0.62 * len(rim) / (2 * math.pi))


def _lay_out(figure, axes, rim, methods, highlight, title):
    """Size the figure by what stands in it: title, chart, legend and note."""
    radius = _radius(figure, axes.texts, rim)
    # With limits that are the figure's size over the radius, a unit of the axes is a radius.
    x, y = (side / 2 / radius for side in figure.get_size_inches())
    axes.set(xlim=(-x, x), ylim=(-y, y))
    chart = measure_artists(figure, axes.texts).translated(-x * radius, -y * radius)
    note = (
        f'Each axis: worst of these methods at {INNER:.0%} of the radius, best at the rim,\n'
        'linear between (worst → best; ↑ higher is better, ↓ lower is better)'
    )
    head = figure.text(0.5, 1, title, ha='center', va='top', fontsize=8)
    note = figure.text(0.5, 0, note, ha='center', va='bottom', fontsize=5.5, color='0.4')
    half = max(-chart.x0, chart.x1, measure_artists(figure, [head]).width / 2)
    width = max(COLUMN_WIDTH, 2 * (half + _GAP))
    legend = _legend(figure, axes, list(methods), highlight, width - 2 * _GAP)
    rows = [measure_artists(figure, [item]).height for item in (note, legend, head)]

    foot = rows[0] + rows[1] + 3 * _GAP
    height = foot + chart.height + rows[2] + 2 * _GAP
    figure.set_size_inches(width, height)
    x, low, high = (
        part / radius for part in (width / 2, chart.y0 - foot, chart.y0 - foot + height)
    )
    axes.set(xlim=(-x, x), ylim=(low, high))
    note.set_y(_GAP / height)
    legend.set_bbox_to_anchor((0.5, (rows[0] + 2 * _GAP) / height))
    head.set_y(1 - _GAP / height)
