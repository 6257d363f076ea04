"""Tables of what a network finds in the images of each method."""

from __future__ import annotations

import math
from collections.abc import Sequence

from tsjnet_mm.evaluation.table import format_lines, format_ranked
from tsjnet_mm.utils.words import counted

from .judging import GROUPS, MEAN, Judgement


def _title(judgement, network):
    images = judgement.images
    parts = [counted(images['all'], 'image')]
    if 'night' in images:
        parts[0] += f' ({images["day"]} by day, {images["night"]} at night, '
        parts[0] += f'by {judgement.night_by})'
    return f'{judgement.measure} in percent of {network}, as it is, on {parts[0]}'


def _percent(score):
    return None if math.isnan(score.value) else 100 * score.value


def score_tables(judgement: Judgement, network: str, style: str = 'text') -> list[str]:
    """Tables of all rows: by class, by time of day and by size of objects.

    Args:
        judgement (Judgement): The scores.
        network (str): What to call the network.
        style (str): ``'text'`` or ``'markdown'``. Defaults to ``'text'``.

    Returns:
        list[str]: The tables, without final newlines.
    """
    first = next(iter(judgement.samples.values()))
    groups = [group for group in GROUPS if (group, MEAN) in first]
    classes = [name for group, name in first if group == 'all' and name != MEAN]
    times = [group for group in groups if group in ('day', 'night')]
    sizes = [group for group in groups if group not in ('all', *times)]
    layouts = [('', [('all', name, name) for name in (*classes, MEAN)])]
    for words, part in (('day and night', times), ('size of objects', sizes)):
        columns = [
            (group, name, f'{name} {group}') for name in (*classes, MEAN) for group in part
        ]
        layouts.append((f'; by {words}', columns))
    tables = []
    for words, columns in layouts:
        if columns:
            rows = {
                row: {
                    label: _percent(judgement.score(row, group, name))
                    for group, name, label in columns
                }
                for row in judgement.samples
            }
            title = _title(judgement, network) + words
            tables.append(format_ranked(rows, title, lambda name: True, style))
    return tables


def difference_table(judgement: Judgement, reference: str, style: str = 'text') -> str:
    """What each row is above a reference, with intervals paired over the images.

    Args:
        judgement (Judgement): The scores.
        reference (str): A row.
        style (str): ``'text'`` or ``'markdown'``. Defaults to ``'text'``.

    Returns:
        str: The table, without a final newline.

    Raises:
        ValueError: There is no such row.
    """
    if reference not in judgement.samples:
        raise ValueError(
            f'no row {reference!r} to compare with; there are {", ".join(judgement.samples)}'
        )
    first = judgement.samples[reference]
    columns = [(group, name) for group, name in first if group == 'all' or name == MEAN]
    columns = [column for column in columns if column[0] in ('all', 'day', 'night')]
    columns.sort(key=lambda column: (column != ('all', MEAN), column[0] != 'all'))
    heads = [name if group == 'all' else f'{name} {group}' for group, name in columns]
    lines = [('method', *heads, 'verdict on the mean')]
    for row in judgement.samples:
        if row != reference:
            scores = [judgement.difference(row, reference, *column) for column in columns]
            lines.append((row, *map(_interval, scores), _verdict(scores[0])))
    title = (
        f'Difference to {reference} in points of {judgement.measure}, with its 95 % interval '
        '(bootstrap over images, paired)'
    )
    table = format_lines(lines, style, words=(0, len(heads) + 1))
    return f'{title}\n{table}' if style == 'text' else f'{title}\n\n{table}'


def _interval(score):
    if math.isnan(score.value):
        return '-'
    value, low, high = (100 * part for part in score)
    return f'{value:+.1f} [{low:+.1f}, {high:+.1f}]'


def _verdict(score):
    if score.low > 0:
        return 'better'
    return 'worse' if score.high < 0 else 'not shown'


def all_tables(
    judgement: Judgement, network: str, references: Sequence[str], style: str = 'text'
) -> str:
    """All tables as one text.

    Args:
        judgement (Judgement): The scores.
        network (str): What to call the network.
        references (Sequence[str]): Rows that others are compared with.
        style (str): ``'text'`` or ``'markdown'``. Defaults to ``'text'``.

    Returns:
        str: Without a final newline.

    Raises:
        ValueError: There is no such row.
    """
    differences = [difference_table(judgement, name, style) for name in references]
    return '\n\n'.join([*score_tables(judgement, network, style), *differences])
