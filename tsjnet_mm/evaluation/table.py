"""Tables of fusion metrics with their convention and the ranks of the methods."""

import math
from collections.abc import Callable, Collection, Mapping, Sequence

from tsjnet_mm.metrics import FUSION_METRICS, check_metrics

_MEAN_RANK = 'mean rank'
#: Text tables are broken where they would be wider.
_WIDTH = 120
#: What is put before and after the best three values of a column.
_MARKS = {
    'text': (('', '¹'), ('', '²'), ('', '³')),
    'markdown': (('**', '**'), ('<u>', '</u>'), ('*', '*')),
}
_LEGENDS = {
    'text': 'rank: ¹ ² ³, others in brackets',
    'markdown': 'rank: **first**, <u>second</u>, *third*, others in brackets',
}


def _is_finite(value):
    return value is not None and math.isfinite(value)


def _digits(values):
    largest = max(map(abs, values), default=0)
    return next((n for limit, n in ((0.1, 4), (10, 3), (100, 2)) if largest < limit), 1)


def _metrics(rows):
    return list(dict.fromkeys(metric for row in rows.values() for metric in row))


def _printed(rows, metric):
    """The values of a column as they are printed, None where a method has none."""
    values = [row.get(metric) for row in rows.values()]
    digits = 2 if metric == _MEAN_RANK else _digits(filter(_is_finite, values))
    return [None if value is None else f'{value:.{digits}f}' for value in values]


def _higher_is_better(metric):
    return metric != _MEAN_RANK and FUSION_METRICS[metric].higher_is_better


def _ranks(printed, higher_is_better):
    sign = 1 if higher_is_better else -1
    values = [math.nan if text is None else sign * float(text) for text in printed]
    finite = [value for value in values if math.isfinite(value)]
    return [
        1 + sum(other > value for other in finite) if math.isfinite(value) else None
        for value in values
    ]


def rank_methods(
    rows: Mapping[str, Mapping[str, float]],
) -> tuple[dict[str, dict[str, int | None]], dict[str, float | None]]:
    """Rank methods in each metric, and on average.

    Values are compared as :func:`format_table` prints them: equal printed values share the
    better rank. A value that is missing or not finite has no rank, and a method that lacks a
    rank has no mean rank, which would be one over fewer metrics.

    Args:
        rows (Mapping[str, Mapping[str, float]]): Method to metric to value.

    Returns:
        tuple[dict[str, dict[str, int | None]], dict[str, float | None]]: Method to metric
        to rank, from 1 for the best, and method to mean rank.

    Example:
        >>> rows = {'average': {'CC': 0.66, 'CV': 866.2}, 'max': {'CC': 0.603, 'CV': 352.6}}
        >>> ranks, mean_ranks = rank_methods(rows)
        >>> ranks
        {'average': {'CC': 1, 'CV': 2}, 'max': {'CC': 2, 'CV': 1}}
        >>> mean_ranks
        {'average': 1.5, 'max': 1.5}
    """
    ranks = {method: {} for method in rows}
    for metric in _metrics(rows):
        column = _ranks(_printed(rows, metric), _higher_is_better(metric))
        for method, rank in zip(rows, column, strict=True):
            ranks[method][metric] = rank
    mean_ranks = {
        method: None if None in row.values() else sum(row.values()) / len(row)
        for method, row in ranks.items()
    }
    return ranks, mean_ranks


def _marks(rank, style):
    if rank is None:
        return '', ''
    return _MARKS[style][rank - 1] if rank <= 3 else ('', f' ({rank})')


def _column(rows, metric, style, higher_is_better):
    """The head and the marked values."""
    printed = _printed(rows, metric)
    ranks = _ranks(printed, higher_is_better) if len(rows) > 1 else [None] * len(printed)
    marks = [_marks(rank, style) for rank in ranks]
    # In text the last digits are aligned, with any mark after them.
    width = max(len(after) for _, after in marks) if style == 'text' else 0
    cells = [
        before + ('-' if text is None else text) + after.ljust(width)
        for text, (before, after) in zip(printed, marks, strict=True)
    ]
    return [metric + ('↑' if higher_is_better else '↓') + ' ' * width, *cells]


def _align(columns, words=(0,)):
    """Lines of cells that are as wide as their column, those of ``words`` set to the left."""
    widths = [max(map(len, column)) for column in columns]
    padded = [
        [cell.ljust(width) if index in words else cell.rjust(width) for cell in column]
        for index, (column, width) in enumerate(zip(columns, widths, strict=True))
    ]
    return [[*cells] for cells in zip(*padded, strict=True)]


def _break(first, columns):
    """Blocks of lines that are narrow enough, each of as many columns as fit."""
    block = [first]
    for column in columns:
        if len(block) > 1 and len(_text_line(_align([*block, column])[0])) > _WIDTH:
            yield _align(block)
            block = [first]
        block.append(column)
    yield _align(block)


def _text_line(cells):
    return '  '.join(cells).rstrip()


def format_lines(
    lines: Sequence[Sequence[str]], style: str = 'text', words: Collection[int] = (0,)
) -> str:
    """Lay out a table that needs no ranks.

    Args:
        lines (Sequence[Sequence[str]]): The head, then a line for each row.
        style (str): ``'text'`` or ``'markdown'``. Defaults to ``'text'``.
        words (Collection[int]): Columns that are set to the left, the others to the right.
            Defaults to the first.

    Returns:
        str: The table, without a final newline.

    Raises:
        ValueError: The style is unknown, or the lines differ in length.

    Example:
        >>> print(format_lines([('method', 'missed'), ('average', '29')]))
        method   missed
        average      29
    """
    if style not in _MARKS:
        raise ValueError(f'style must be one of {tuple(_MARKS)}, got {style!r}')
    aligned = _align([*zip(*lines, strict=True)], words)
    if style == 'text':
        return '\n'.join(map(_text_line, aligned))
    return _markdown(aligned, words)


def _markdown(lines, words=(0,)):
    ends = ['-' if index in words else ':' for index in range(len(lines[0]))]
    rules = ['-' * (len(cell) - 1) + end for cell, end in zip(lines[0], ends, strict=True)]
    lines.insert(1, rules)
    return '\n'.join(f'| {" | ".join(cells)} |' for cells in lines)


def format_table(
    rows: Mapping[str, Mapping[str, float]], convention: str, pairs: int, style: str = 'text'
) -> str:
    """Format the metrics of several methods, with the rank of each in each metric.

    The best three of a column are marked, as in the paper's tables, the ranks of the others
    stand in brackets; the last column is the mean rank, see :func:`rank_methods`. A single
    method is not ranked.

    Args:
        rows (Mapping[str, Mapping[str, float]]): Method to metric to value. Metrics are
            columns in the order they first appear; a method may lack some, shown as ``-``.
        convention (str): The convention the values were computed under; it heads the table.
        pairs (int): The number of image pairs that the values are means over; so does it.
        style (str): ``'text'``, aligned and broken at 120 characters, or ``'markdown'``.
            Defaults to ``'text'``.

    Returns:
        str: The table, without a final newline. ↑: higher is better, ↓: lower is better.

    Raises:
        ValueError: There are no rows or no metrics, a metric or the style is unknown, or a
            metric is not defined under the convention.

    Example:
        >>> average = {'PSNR': 19.41, 'CV': 866.2}
        >>> brighter = {'PSNR': 19.97, 'CV': 352.6}
        >>> print(format_table({'average': average, 'max': brighter}, 'plain', pairs=361))
        convention: plain, 361 pairs (rank: ¹ ² ³, others in brackets)
        method   PSNR↑     CV↓   mean rank↓
        average  19.41²  866.2²        2.00²
        max      19.97¹  352.6¹        1.00¹
    """
    if style not in _MARKS:
        raise ValueError(f'style must be one of {tuple(_MARKS)}, got {style!r}')
    metrics = _metrics(rows)
    if not metrics:
        raise ValueError('a table needs at least one row with at least one metric')
    check_metrics(metrics, convention)
    title = f'convention: {convention}, {pairs} pair{"" if pairs == 1 else "s"}'
    if len(rows) > 1:
        mean_ranks = rank_methods(rows)[1]
        rows = {name: {**row, _MEAN_RANK: mean_ranks[name]} for name, row in rows.items()}
    return format_ranked(rows, title, _higher_is_better, style)


def format_ranked(
    rows: Mapping[str, Mapping[str, float | None]],
    title: str,
    higher_is_better: Callable,
    style: str = 'text',
) -> str:
    """Format values of several methods, the best three of each column marked.

    Args:
        rows (Mapping[str, Mapping[str, float | None]]): Method to name of a column to value.
            Columns come in the order they first appear; a method may lack some, shown as
            ``-``.
        title (str): What stands above the table.
        higher_is_better (Callable): Of the name of a column.
        style (str): See :func:`format_table`.

    Returns:
        str: The table, without a final newline.
    """
    columns = [_column(rows, name, style, higher_is_better(name)) for name in _metrics(rows)]
    if len(rows) > 1:
        title += f' ({_LEGENDS[style]})'
    first = ['method', *rows]
    if style == 'text':
        blocks = ['\n'.join(map(_text_line, block)) for block in _break(first, columns)]
        return '\n'.join([title, '\n\n'.join(blocks)])
    return '\n'.join([title[:1].upper() + title[1:], '', _markdown(_align([first, *columns]))])
