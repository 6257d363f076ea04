"""Box plots of several methods: a panel per metric, a box per method over the images."""

import math
import textwrap
from collections.abc import Mapping, Sequence

from matplotlib.cbook import boxplot_stats
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from tsjnet_mm.metrics import FUSION_METRICS, check_metrics

from .figure import (
    COLUMN_WIDTH,
    TEXT_WIDTH,
    figure_style,
    figure_title,
    measure_artists,
    method_looks,
)

_NOTE = (
    'Box: quartiles and median over the images; whiskers: farthest values within 1.5 lengths '
    'of the box; dots: values beyond; diamond: mean; ↑ higher is better, ↓ lower is better.'
)
# Inches: a method's row, what a panel needs above and below its rows, and what stays empty.
_ROW, _HEAD, _TICKS, _GAP = 0.17, 0.2, 0.17, 0.06


def box_figure(
    values: Mapping[str, Mapping[str, Sequence[float]]],
    convention: str,
    highlight: str | None = None,
    title: str | None = None,
) -> Figure:
    """Draw how each metric's values spread over the images, method by method.

    A box spans the quartiles with a line at the median, its whiskers reach the farthest
    values within 1.5 times its length, dots are the values beyond, and a diamond is the
    mean. Values that are not finite (the PSNR of a fused image that equals a source) are left
    out, and a note below says how many of which.

    Args:
        values (Mapping[str, Mapping[str, Sequence[float]]]): Method to metric to the values of
            the images, the same metrics for each, as
            :class:`~tsjnet_mm.evaluation.EvaluationResults` holds them. Methods go from the
            top down.
        convention (str): The convention of the values; it stands in the title.
        highlight (str, optional): Method whose name is bold and whose boxes have a colour of
            their own.
        title (str, optional): What the values are of, such as ``'MSRS, 361 pairs'``.

    Returns:
        matplotlib.figure.Figure: See :func:`~tsjnet_mm.visualization.save_figure`. One metric
        fits a column of a paper (3.45 inches), several its text's width (7.1), three a row.

    Raises:
        ValueError: There is no method or no metric, methods differ in metrics, no method has
            a finite value of a metric, a metric is unknown or not defined under the
            convention, or ``highlight`` is no method.
    """
    metrics = _metrics(values, convention)
    looks = method_looks(values, highlight)
    finite = {
        method: {name: [v for v in row[name] if math.isfinite(v)] for name in metrics}
        for method, row in values.items()
    }
    notes = [_NOTE, *_left_out(values, finite)]
    columns = min(3, len(metrics))
    with figure_style():
        figure = Figure(figsize=(COLUMN_WIDTH if columns == 1 else TEXT_WIDTH, 1))
        panels = [figure.add_axes((0, 0, 1, 1), label=name) for name in metrics]
        for index, (panel, name) in enumerate(zip(panels, metrics, strict=True)):
            for row, method in enumerate(finite):
                if finite[method][name]:
                    _draw_box(panel, row, finite[method][name], looks[method].colour)
            _dress(panel, name, finite, highlight, named=index % columns == 0)
        _lay_out(figure, panels, columns, len(finite), notes, figure_title(convention, title))
    return figure


def _metrics(values, convention):
    metrics = list(next(iter(values.values()), ()))
    if not metrics:
        raise ValueError('box plots need at least one method and one metric')
    check_metrics(metrics, convention)
    for method, row in values.items():
        if set(row) != set(metrics):
            raise ValueError(
                f'{method}: expected values of {", ".join(metrics)}, got {", ".join(row)}'
            )
    for name in metrics:
        if not any(math.isfinite(value) for row in values.values() for value in row[name]):
            raise ValueError(f'no method has a finite {name}: leave it out')
    return metrics


def _left_out(values, finite):
    counts = [
        f'{name} of {method}: {len(row[name]) - len(finite[method][name])} of {len(row[name])}'
        for method, row in values.items()
        for name in row
        if len(finite[method][name]) < len(row[name])
    ]
    return [f'Not finite and left out: {"; ".join(counts)}.'] if counts else []


def _draw_box(panel, row, values, colour):
    (stats,) = boxplot_stats(values)
    for ends in ((stats['whislo'], stats['q1']), (stats['q3'], stats['whishi'])):
        panel.plot(ends, (row, row), color=colour, linewidth=0.8)
    corner, length = (stats['q1'], row - 0.32), stats['q3'] - stats['q1']
    pale = [1 - 0.3 * (1 - part) for part in to_rgb(colour)]
    panel.add_patch(Rectangle(corner, length, 0.64, facecolor=pale, edgecolor=colour, zorder=3))
    median = (stats['med'], stats['med'])
    panel.plot(median, (row - 0.32, row + 0.32), color=colour, linewidth=1.8, zorder=4)
    dots = stats['fliers']
    panel.plot(dots, [row] * len(dots), '.', color=colour, markersize=2.5)
    panel.plot(
        stats['mean'], row, 'D', color='white', markeredgecolor='black', markersize=3, zorder=5
    )


def _dress(panel, metric, methods, highlight, named):
    arrow = '↑' if FUSION_METRICS[metric].higher_is_better else '↓'
    panel.set_title(f'{metric} {arrow}', fontsize=7, fontweight='bold', pad=3)
    panel.set_ylim(len(methods) - 0.4, -0.6)
    panel.set_yticks(range(len(methods)), methods if named else [''] * len(methods))
    for label in panel.get_yticklabels():
        label.set_fontweight('bold' if label.get_text() == highlight else 'normal')
    panel.xaxis.set_major_locator(MaxNLocator(4))
    panel.tick_params(axis='x', labelsize=6, length=2, pad=2)
    panel.tick_params(axis='y', length=0)
    panel.grid(axis='x', color='0.9', linewidth=0.6)
    panel.set_axisbelow(True)
    panel.spines[['top', 'right']].set_visible(False)


def _lay_out(figure, panels, columns, methods, notes, title):
    """Size the figure by what stands in it, and put the panels in rows."""
    width = figure.get_figwidth()
    # A character of the note's font is about 0.53 of its size wide.
    wrapped = [textwrap.fill(note, int(width * 72 / (0.53 * 5.5))) for note in notes]
    note = figure.text(0, 0, '\n'.join(wrapped), va='bottom', fontsize=5.5, color='0.4')
    head = figure.text(0.5, 1, title, ha='center', va='top', fontsize=8)
    foot, top = (measure_artists(figure, [text]).height + 2 * _GAP for text in (note, head))
    names = measure_artists(figure, panels[0].get_yticklabels()).width + _GAP
    gap = 0.2
    panel_width = (width - _GAP - names - gap * columns) / columns
    rows = math.ceil(len(panels) / columns)
    pitch = _HEAD + methods * _ROW + _TICKS
    height = foot + rows * pitch + top
    figure.set_figheight(height)
    for index, panel in enumerate(panels):
        row, column = divmod(index, columns)
        left = _GAP + names + column * (panel_width + gap)
        bottom = foot + (rows - 1 - row) * pitch + _TICKS
        panel.set_position(
            (left / width, bottom / height, panel_width / width, methods * _ROW / height)
        )
    note.set_position((_GAP / width, _GAP / height))
    head.set_y(1 - _GAP / height)
