"""Tables of fusion metrics that say what their numbers are."""

import math

from tsjnet_mm.evaluation.functional import FUSION_METRICS, check_metrics

_STYLES = ('text', 'markdown')


def _digits(values):
    largest = max((abs(value) for value in values if math.isfinite(value)), default=0)
    return 3 if largest < 10 else 2 if largest < 100 else 1


def _column(metric, values, style):
    digits = _digits([value for value in values if value is not None])
    # Compared as printed: what reads the same is equally good.
    shown = [None if value is None else round(value, digits) for value in values]
    comparable = [value for value in shown if value is not None and not math.isnan(value)]
    best = None
    if len(values) > 1 and comparable:
        pick = max if FUSION_METRICS[metric].higher_is_better else min
        best = pick(comparable)
    cells = []
    for value in shown:
        cell = '-' if value is None else f'{value:.{digits}f}'
        if style == 'markdown':
            cells.append(f'**{cell}**' if value is not None and value == best else cell)
        else:
            cells.append(cell + ('*' if value is not None and value == best else ' '))
    return cells


def format_table(rows, convention, style='text'):
    """Format the metrics of several methods, the best of each marked.

    Args:
        rows (dict[str, dict[str, float]]): Method to metric to value. Metrics are columns in
            the order they first appear; a method may lack some, shown as ``-``.
        convention (str): The convention the values were computed under; it heads the table.
        style (str): ``'text'``, aligned, the best followed by ``*``, or ``'markdown'``, the
            best in bold. Defaults to ``'text'``.

    Returns:
        str: The table, without a final newline. ↑: higher is better, ↓: lower is better.

    Raises:
        ValueError: There are no rows, a metric or the style is unknown, or a metric does not
            know the convention.

    Example:
        >>> average = {'PSNR': 19.41, 'CV': 866.2}
        >>> brighter = {'PSNR': 19.97, 'CV': 352.6}
        >>> print(format_table({'average': average, 'max': brighter}, 'plain'))
        convention: plain (* best)
        method   PSNR↑     CV↓
        average  19.41   866.2
        max      19.97*  352.6*
    """
    if style not in _STYLES:
        raise ValueError(f'style must be one of {_STYLES}, got {style!r}')
    if not rows:
        raise ValueError('a table needs at least one row')
    metrics = list(dict.fromkeys(metric for row in rows.values() for metric in row))
    check_metrics(metrics, convention)
    columns = [['method', *rows]]
    for metric in metrics:
        arrow = '↑' if FUSION_METRICS[metric].higher_is_better else '↓'
        head = metric + arrow + (' ' if style == 'text' else '')
        cells = _column(metric, [row.get(metric) for row in rows.values()], style)
        columns.append([head, *cells])
    widths = [max(map(len, column)) for column in columns]
    lines = []
    for cells in zip(*columns, strict=True):
        first, *others = cells
        padded = [
            first.ljust(widths[0]),
            *(cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True)),
        ]
        lines.append(
            f'| {" | ".join(padded)} |' if style == 'markdown' else '  '.join(padded).rstrip()
        )
    if style == 'text':
        return '\n'.join([f'convention: {convention} (* best)', *lines])
    rules = ['-' * widths[0], *('-' * (width - 1) + ':' for width in widths[1:])]
    lines.insert(1, f'| {" | ".join(rules)} |')
    return '\n'.join([f'Convention: {convention} (best in bold)', '', *lines])
