"""Tables of a protocol's results: values, and a rank for each group of columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tsjnet_mm.evaluation.table import format_lines, format_ranked
from tsjnet_mm.metrics import FUSION_METRICS
from tsjnet_mm.utils.words import counted

from .benchmark_protocol import GROUPS

#: Marks of rows: those with metrics in their loss, and those that count as one.
_TRAINED, _ALIKE = '†', '‡'
_COSTS = {'parameters': 'parameters', 'gmacs': 'GMACs'}


def protocol_tables(content: Mapping[str, Any], style: str = 'text') -> str:
    """All tables of a run's results, with what limits them.

    Args:
        content (Mapping[str, Any]): See :func:`.result_content`.
        style (str): ``'text'`` or ``'markdown'``. Defaults to ``'text'``.

    Returns:
        str: Without a final newline.
    """
    protocol = content['protocol']
    parts = [f'Protocol {protocol["name"]}, SHA-256 {protocol["sha256"]}']
    parts += [f'Mark: {mark}.' for mark in content['marks']]
    for part in content['datasets'].values():
        pairs = counted(len(part['images']), 'pair')
        title = f'{part["title"]}, {pairs}'
        parts += [_values(content, part, title, style), _ranks(content, part, title, style)]
        notes = row_notes(content, part)
        parts += ['.\n'.join(notes) + '.'] if notes else []
    return '\n\n'.join(parts)


def row_labels(content: Mapping[str, Any], part: Mapping[str, Any]) -> dict[str, str]:
    """Names of rows with their marks.

    Args:
        content (Mapping[str, Any]): See :func:`.result_content`.
        part (Mapping[str, Any]): Of it, one of the data sets.

    Returns:
        dict[str, str]: By row; † for one that was trained on metrics, ‡ for a near-copy.
    """
    alike = {row for several in part['count_as_one'] for row in several}
    return {
        row: row
        + (_TRAINED if known.get('trained_on') else '')
        + (_ALIKE if row in alike else '')
        for row, known in content['rows'].items()
    }


def _values(content, part, title, style):
    names = row_labels(content, part)
    rows = {mark: {} for mark in names.values()}
    directions, said = {}, []
    for convention, means in part['means'].items():
        labels = {}
        for row, values in means.items():
            for metric, value in values.items():
                is_pixel_vif = metric == 'VIF' and convention != 'tsjnet'
                label = labels[metric] = 'VIFp' if is_pixel_vif else metric
                directions[label] = FUSION_METRICS[metric].higher_is_better
                rows[names[row]][label] = float(value)
        said.append(f'{", ".join(labels.values())} as {convention!r}')
    for column, found in part['machines'].items():
        directions[column] = True
        for row, mark in names.items():
            rows[mark][column] = 100 * float(found[row][0]) if row in found else None
    for column in content['protocol']['content']['cost']['ranked']:
        directions[_COSTS[column]] = False
        for row, mark in names.items():
            rows[mark][_COSTS[column]] = content['costs'].get(row, {}).get(column)
    return format_ranked(rows, f'{title}; {"; ".join(said)}', directions.get, style)


def _ranks(content, part, title, style):
    names = row_labels(content, part)
    groups = [group for group in GROUPS if any(part['ranks'][group].values())]
    ranked = {
        **content['protocol']['content']['groups'],
        'machines': list(part['machines']),
        'cost': content['protocol']['content']['cost']['ranked'],
    }
    lines = [('method', *(f'{group}↓' for group in groups))]
    order = sorted(names, key=lambda row: _key(part['ranks'], groups, row))
    for row in order:
        cells = [_cell(part['ranks'][group][row], len(ranked[group])) for group in groups]
        lines.append((names[row], *cells))
    what = '; '.join(
        f'{group}: {", ".join(column.rpartition(".")[2] for column in ranked[group])}'
        for group in groups
    )
    head = (
        f'{title}: rank in each group of columns, 1 for better than every competitor in every '
        f'column, with its 95 % interval (bootstrap over images, paired). {what}'
    )
    table = format_lines(lines, style)
    return f'{head}\n{table}' if style == 'text' else f'{head}.\n\n{table}'


def _key(ranks, groups, row):
    """Sorts by the first group, those without a rank in it last."""
    rank = ranks[groups[0]][row] if groups else None
    return (rank is None, rank['value'] if rank else 0)


def _cell(rank, columns):
    if rank is None:
        return '-'
    text = f'{rank["value"]:.2f}'
    if rank['low'] < rank['high']:
        text += f' [{rank["low"]:.2f}, {rank["high"]:.2f}]'
    fair = len(rank['columns'])
    return text if fair == columns else f'{text} in {fair} of {columns}'


def row_notes(content: Mapping[str, Any], part: Mapping[str, Any]) -> list[str]:
    """Sentences about the marks of rows, without a final full stop.

    Args:
        content (Mapping[str, Any]): See :func:`.result_content`.
        part (Mapping[str, Any]): Of it, one of the data sets.

    Returns:
        list[str]: One for rows that were trained on the same columns, and for near-copies.
    """
    protocol = content['protocol']['content']
    measured = {metric for names in protocol['metrics'].values() for metric in names}
    measured |= {*protocol.get('machines', ())}
    trained = {}
    for row, known in content['rows'].items():
        if names := [name for name in known.get('trained_on', ()) if name in measured]:
            trained.setdefault(', '.join(names), []).append(f'{row}{_TRAINED}')
    notes = [
        f'{", ".join(rows)} {"was" if len(rows) == 1 else "were"} trained on {names}: these '
        'columns are left out of the ranks, and of those of others against '
        f'{"it" if len(rows) == 1 else "them"}'
        for names, rows in trained.items()
    ]
    notes += [
        f'{", ".join(several)} ({_ALIKE}) are one network or nearly one image: they count as '
        'one competitor'
        for several in part['count_as_one']
    ]
    return notes
