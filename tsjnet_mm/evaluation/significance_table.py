"""Print and write comparisons of methods, with explanations of the numbers."""

import math
from collections.abc import Sequence
from pathlib import Path

from tsjnet_mm.metrics import FUSION_METRICS
from tsjnet_mm.utils.files import check_ending, write_whole
from tsjnet_mm.utils.words import counted

from .results import csv_text
from .significance import CONFIDENCE, SIGNIFICANCE_LEVEL, Comparison
from .table import format_lines

#: Endings of the files that comparisons are written to.
FORMATS = ('.csv', '.md')
_HEAD = (
    *('metric', 'against', 'mean', "other's", 'difference', f'{CONFIDENCE:.0%} interval'),
    *('better on', 'equal on', 'effect', 'p', 'p (Holm)', 'verdict'),
)


def format_comparisons(
    comparisons: Sequence[Comparison], convention: str, style: str = 'text'
) -> str:
    """Format results of :func:`~tsjnet_mm.evaluation.significance.compare_methods`.

    Args:
        comparisons (Sequence[Comparison]): At least one, all of one method.
        convention (str): The convention of the values; it heads the table.
        style (str): ``'text'``, aligned, or ``'markdown'``. Defaults to ``'text'``.

    Returns:
        str: The table and what its columns mean, without a final newline.

    Raises:
        ValueError: There are no comparisons or several methods, or no such style.
    """
    methods = sorted({comparison.method for comparison in comparisons})
    if len(methods) != 1:
        raise ValueError(f'expected comparisons of one method, got {methods}')
    most = max(comparison.images + comparison.left_out for comparison in comparisons)
    title = f'convention: {convention}, {methods[0]} against others, {counted(most, "image")}'
    table = format_lines([_HEAD, *map(_row, comparisons)], style, words=(0, 1, 11))
    notes = _notes(comparisons)
    if style == 'text':
        return '\n'.join([title, table, *notes])
    return '\n'.join([f'C{title[1:]}', '', table, '', *(f'- {note}' for note in notes)])


def _row(comparison):
    arrow = '↑' if FUSION_METRICS[comparison.metric].higher_is_better else '↓'
    return (
        comparison.metric + arrow,
        comparison.other,
        _number(comparison.mean),
        _number(comparison.other_mean),
        _number(comparison.difference, '+'),
        f'{_number(comparison.low, "+")} to {_number(comparison.high, "+")}',
        f'{comparison.better:.0%}',
        f'{comparison.equal:.0%}',
        f'{comparison.effect:+.2f}',
        _probability(comparison.p),
        _probability(comparison.p_corrected),
        comparison.verdict,
    )


def _number(value, sign=''):
    """Four digits, without an exponent."""
    magnitude = math.floor(math.log10(abs(value))) if value else 0
    return f'{value:{sign}.{min(max(3 - magnitude, 0), 6)}f}'


def _probability(p):
    return '<0.0001' if p < 0.0001 else f'{p:.4f}'


def _notes(comparisons):
    method, tests = comparisons[0].method, len(comparisons)
    notes = [
        f'↑ higher is better, ↓ lower is better; better on, equal on: share of images on which '
        f'{method} is better or equal.',
        f'difference: {method} minus the other, mean over the images, with its '
        f'{CONFIDENCE:.0%} interval (percentile bootstrap over the images).',
        f'effect: matched-pairs rank-biserial correlation, +1 if {method} is better on all '
        'images, -1 if worse on all.',
        'p: two-sided Wilcoxon signed-rank test; p (Holm): corrected for the number of '
        f'comparisons in this table, {tests}; verdict: if p (Holm) < {SIGNIFICANCE_LEVEL}.',
    ]
    for comparison in comparisons:
        if comparison.left_out:
            notes.append(
                f'{comparison.metric} against {comparison.other}: {comparison.left_out} of '
                f'{comparison.images + comparison.left_out} images left out, a value is not '
                'finite.'
            )
    fewest = min(comparison.images for comparison in comparisons)
    if tests * 2 ** (1 - fewest) >= SIGNIFICANCE_LEVEL:
        notes.append(
            f'{fewest} images are too few for {tests} comparisons: no values can give a p '
            f'(Holm) below {SIGNIFICANCE_LEVEL}; take more images or fewer metrics.'
        )
    return notes


def save_comparisons(
    comparisons: Sequence[Comparison], convention: str, path: str | Path
) -> None:
    """Write comparisons, completely or not at all.

    Args:
        comparisons (Sequence[Comparison]): See :func:`format_comparisons`.
        convention (str): The convention of the values.
        path (str | Path): ``.csv``: every number in full, a line for each comparison;
            ``.md``: the table.

    Raises:
        ValueError: ``path`` has another extension, or see :func:`format_comparisons`.
    """
    ending = check_ending(path, FORMATS)
    text = format_comparisons(comparisons, convention, 'markdown') + '\n'
    if ending == '.csv':
        head = ['convention', 'higher_is_better', *Comparison._fields, 'difference', 'verdict']
        rows = [
            [
                convention,
                FUSION_METRICS[item.metric].higher_is_better,
                *item,
                item.difference,
                item.verdict,
            ]
            for item in comparisons
        ]
        text = csv_text([head, *rows])
    write_whole(path, text)
