"""A page of a protocol's results, of files alone: table, plot, scenes and how to submit."""

from __future__ import annotations

import html
import json
import math
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tsjnet_mm.io.images import write_image
from tsjnet_mm.io.matching import PairSource
from tsjnet_mm.io.pairs import read_pairs
from tsjnet_mm.metrics import FUSION_METRICS
from tsjnet_mm.utils import write_whole

from .benchmark_protocol import GROUPS
from .protocol_tables import row_labels, row_notes

#: What the page is made of, with @NAME@ and so on for what is filled in.
_ASSETS = Path(__file__).with_name('site')
PAGES = ('index.html', 'numbers.html')
#: Cost to label, and what it is divided by in the logarithm of the plot.
_COSTS = {
    'parameters': ('parameters', 1e3),
    'gmacs': ('GMACs', 0.1),
    'seconds': ('time (s)', 0.01),
}


def page_data(content: Mapping[str, Any], costs: Mapping[str, Any] | None = None) -> dict:
    """What the page's script shows, of results of a protocol.

    Args:
        content (Mapping[str, Any]): What ``results.json`` holds, see :func:`.result_content`.
        costs (Mapping[str, Any], optional): What ``costs.json`` holds. Without it there is no
            column of time.

    Returns:
        dict: ``datasets``, each with ``columns`` and ``rows``.
    """
    times = {row: each['seconds'] for row, each in (costs or {}).get('costs', {}).items()}
    datasets = []
    for part in content['datasets'].values():
        columns, cells = _columns(content, part, times)
        labels, ranks = row_labels(content, part), part['ranks']
        rows = []
        for row, known in content['rows'].items():
            intervals = {
                f'rank.{group}': [found[row]['low'], found[row]['high']]
                for group, found in ranks.items()
                if found[row] and found[row]['low'] < found[row]['high']
            }
            trained = {*known.get('trained_on', ())}
            rows.append(
                {
                    'name': row,
                    'label': labels[row],
                    'cells': {key: values.get(row) for key, values in cells.items()},
                    'intervals': intervals,
                    'trained': [key for key in cells if key.partition('.')[2] in trained],
                }
            )
        datasets.append(
            {
                'title': part['title'],
                'pairs': len(part['images']),
                'columns': columns,
                'rows': rows,
                'notes': row_notes(content, part),
            }
        )
    return {'datasets': datasets}


def _columns(content, part, times):
    """Columns in their order, and their values by row."""
    columns, cells = [], {}

    def add(key, label, higher, values, about, **more):
        values = {row: value for row, value in values.items() if _is_number(value)}
        if not values:
            return
        best = (max if higher else min)(values.values())
        digits = more.pop('digits', _digits(values.values()))
        cells[key] = values
        columns.append(
            {'key': key, 'label': label + (' ↑' if higher else ' ↓'), 'higher': higher}
            | {'best': best, 'digits': digits, 'about': about, **more}
        )

    for group in GROUPS:
        ranks = {row: each['value'] for row, each in part['ranks'][group].items() if each}
        about = f'rank in {group}, 1 is the best; with its 95 % interval'
        add(f'rank.{group}', group, False, ranks, about, digits=2, group='rank')
    for convention, means in part['means'].items():
        metrics = [*next(iter(means.values()))]
        for metric in metrics:
            values = {row: float(each[metric]) for row, each in means.items()}
            higher = FUSION_METRICS[metric].higher_is_better
            add(f'{convention}.{metric}', metric, higher, values, f'{metric} as {convention!r}')
    for column, found in part['machines'].items():
        values = {row: 100 * float(each[0]) for row, each in found.items()}
        add(f'machines.{column}', column, True, values, f'score of {column} in percent')
    for cost, (label, unit) in _COSTS.items():
        source = {row: each.get(cost) for row, each in content['costs'].items()}
        source = times if cost == 'seconds' else source
        about = 'of one pair of the size that the protocol says'
        add(f'cost.{cost}', label, False, source, about, group='cost', unit=unit)
    return columns, cells


def _is_number(value):
    return value is not None and math.isfinite(value)


def _digits(values):
    largest = max(map(abs, values))
    return next((n for limit, n in ((10, 3), (100, 2), (1000, 1)) if largest < limit), 0)


def write_scenes(
    out: str | Path, pairs: Sequence[PairSource], folders: Mapping[str, Mapping[str, str]]
) -> list[dict[str, Any]]:
    """Copy the images of scenes into a page's folder.

    Args:
        out (str | Path): Folder of the page; gets ``scenes/``.
        pairs (Sequence[PairSource]): Sources of the scenes.
        folders (Mapping[str, Mapping[str, str]]): Method to the path of its image of each
            scene, by name.

    Returns:
        list[dict[str, Any]]: Name and images of each scene, for :func:`write_site`. Infrared
        images are shown as they are read: levels of the full range.

    Raises:
        PairError: A source cannot be read.
    """
    scenes = []
    for number, (pair, read) in enumerate(zip(pairs, read_pairs(pairs), strict=True)):
        folder = Path(out) / 'scenes' / str(number)
        folder.mkdir(parents=True, exist_ok=True)
        images = {}
        for name, pixels in (('infrared', read.ir), ('visible', read.vi)):
            write_image(np.round(pixels * 255).astype(np.uint8), folder / f'{name}.png')
            images[name] = f'scenes/{number}/{name}.png'
        for place, (method, paths) in enumerate(folders.items()):
            source = Path(paths[pair.name])
            target = folder / f'{place}{source.suffix}'
            shutil.copyfile(source, target)
            images[method] = f'scenes/{number}/{target.name}'
        scenes.append({'name': pair.name, 'images': images})
    return scenes


def write_site(
    out: str | Path,
    content: Mapping[str, Any],
    costs: Mapping[str, Any] | None = None,
    scenes: Sequence[Mapping[str, Any]] = (),
) -> None:
    """Write the page: ``index.html`` and ``numbers.html``.

    Args:
        out (str | Path): Its folder.
        content (Mapping[str, Any]): See :func:`page_data`.
        costs (Mapping[str, Any], optional): See there.
        scenes (Sequence[Mapping[str, Any]]): See :func:`write_scenes`. Defaults to none.
    """
    data = {**page_data(content, costs), 'scenes': [*scenes]}
    protocol = content['protocol']
    marks = [f'<p><b>Mark:</b> {html.escape(mark)}.</p>' for mark in content['marks']]
    versions = ', '.join(f'{key} {value}' for key, value in content['versions'].items())
    values = {
        'NAME': html.escape(protocol['name']),
        'DIGEST': html.escape(protocol['sha256']),
        'VERSIONS': html.escape(versions),
        'MARKS': ''.join(marks),
        'STYLE': (_ASSETS / 'style.css').read_text(encoding='utf-8'),
        'SCRIPT': (_ASSETS / 'script.js').read_text(encoding='utf-8'),
        # A name with </script> in it must not end the script.
        'DATA': json.dumps(data, ensure_ascii=False, allow_nan=False).replace('<', '\\u003c'),
    }
    Path(out).mkdir(parents=True, exist_ok=True)
    for page in PAGES:
        text = (_ASSETS / page).read_text(encoding='utf-8')
        text = re.sub('@([A-Z]+)@', lambda found: values[found[1]], text)
        write_whole(Path(out) / page, text)
