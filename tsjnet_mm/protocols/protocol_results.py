"""What the results of a protocol's run hold: values, ranks by group, and machines."""

from __future__ import annotations

import json
import math
import platform
from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tsjnet_mm.evaluation.bootstrap_scores import resample_images
from tsjnet_mm.version import __version__

from .benchmark_protocol import GROUPS
from .group_ranks import Column, find_competitors, metric_column, rank_group
from .judging import MEAN, Judge, Score

if TYPE_CHECKING:
    from tsjnet_mm.apis.task_networks import TaskNetwork
    from tsjnet_mm.evaluation.results import EvaluationResults

    from .protocol_run import ProtocolRun

#: The first key of a file of results.
GENERATOR = 'tsjnet_mm benchmark'
#: Packages whose version may change a value's last digits.
_PACKAGES = ('torch', 'numpy', 'scipy', 'opencv-python', 'opencv-python-headless', 'pillow')
#: Rows that a judge has of its own, by the trivial rows that they are.
_JUDGED = {'visible only': 'visible', 'infrared only': 'infrared'}


def judge_rows(
    run: ProtocolRun,
    name: str,
    folders: Mapping[str, Path],
    networks: Mapping[str, TaskNetwork],
    report: Callable,
) -> dict[str, dict[str, np.ndarray]]:
    """Let networks look at the images of the rows of a data set.

    Args:
        run (ProtocolRun): The run.
        name (str): The data set.
        folders (Mapping[str, Path]): Folder of each row's images.
        networks (Mapping[str, TaskNetwork]): By machine column; those of other data sets are
            left out.
        report (Callable): Called with a line for each row.

    Returns:
        dict[str, dict[str, np.ndarray]]: Column to row to (1 + R,) samples in 0..1, over all
        images and over each resample, in six decimals. Rows that no network looked at in this
        run have those of the earlier one.

    Raises:
        ValueError, FileNotFoundError: See :class:`.Judge`.
    """
    from tsjnet_mm.datasets import FolderDataset

    earlier = run.earlier['datasets'].get(name, {}).get('machine_samples', {})
    found = {
        column: {
            row: np.array(samples, float)
            for row, samples in rows.items()
            if row in run.unchanged
        }
        for column, rows in earlier.items()
    }
    for column, network in networks.items():
        machine = run.protocol.machines[column]
        if machine.dataset != name:
            continue
        dataset = run.protocol.datasets[name]
        is_detection = machine.task == 'detection'
        key, classes = ('boxes', 'classes') if is_detection else ('masks', 'seg_classes')
        paths = {kind: str(path.absolute()) for kind, path in zip(
            ('ir', 'vi', key), (*run.sources[name][0], run.data / dataset.labels), strict=True
        )}  # fmt: skip
        listed = run.out / name / 'pairs.txt'
        listed.write_text(''.join(f'{stem}\n' for stem in dataset.stems), encoding='utf-8')
        pairs = FolderDataset(
            data_prefix=paths,
            ann_file=str(listed.absolute()),
            annotations=[key],
            metainfo={classes: machine.classes},
            test_mode=True,
        )
        judge = Judge(
            pairs, folders, network, run.out / name / 'judged' / column,
            class_map=machine.class_map, preparation=run.protocol.preparation,
        )  # fmt: skip
        judgement = judge.judge(run.protocol.resamples, run.protocol.seed, report=report)
        for row in run.rows:
            if _JUDGED.get(row, row) in judgement.samples:
                samples = judgement.samples[_JUDGED.get(row, row)]['all', MEAN]
                found.setdefault(column, {})[row] = np.round(samples, 6)
    return found


def result_content(
    run: ProtocolRun,
    tables: Mapping[
        str, tuple[Mapping[str, EvaluationResults], Mapping[str, Mapping[str, np.ndarray]]]
    ],
    costs: Mapping[str, Mapping[str, float]],
) -> dict[str, Any]:
    """What ``results.json`` holds.

    Args:
        run (ProtocolRun): The run.
        tables (Mapping[str, tuple[Mapping[str, EvaluationResults], Mapping[str, Mapping[str, \
np.ndarray]]]]): By data set: results by convention, and :func:`judge_rows`.
        costs (Mapping[str, Mapping[str, float]]): Row to those costs that may be ranked.

    Returns:
        dict[str, Any]: Plain values. Neither paths nor times are among them.
    """
    protocol, marks = run.protocol, []
    if protocol.version != __version__:
        marks.append(
            f'measured by version {__version__}; the protocol is of {protocol.version}'
        )
    if run.datasets != [*protocol.datasets]:
        left = [name for name in protocol.datasets if name not in run.datasets]
        marks.append(f'without {", ".join(left)}, which the protocol has, too')
    judged = {column for _, found in tables.values() for column in found}
    if missing := [column for column in protocol.machines if column not in judged]:
        marks.append(f'without {", ".join(missing)}, which the protocol has, too')
    return {
        'generator': GENERATOR,
        'protocol': {
            'name': protocol.name,
            'sha256': protocol.sha256,
            'content': protocol.content,
        },
        'versions': _versions(),
        'marks': marks,
        'rows': run.rows,
        'costs': costs,
        'datasets': {
            name: _dataset_content(run, name, *table, costs) for name, table in tables.items()
        },
    }


def _dataset_content(run, name, results, judged, costs):
    protocol, rows = run.protocol, run.rows
    dataset, first = protocol.datasets[name], next(iter(results.values()))
    models = {
        row: known.get('model', row) for row, known in rows.items() if known['kind'] != 'images'
    }
    competitors = find_competitors(
        [*results.values()], models, protocol.competitors, protocol.tolerance
    )
    weights = resample_images(len(first.images), protocol.resamples, protocol.seed)
    trained = {
        row: {
            name if name in protocol.machines else f'{key}.{name}'
            for key in results
            for name in known.get('trained_on', ())
        }
        for row, known in rows.items()
    }
    columns = {group: {} for group in GROUPS}
    for group, names in protocol.groups.items():
        for column in names:
            convention, _, metric = column.partition('.')
            columns[group][column] = metric_column(results[convention], metric, weights, rows)
    nothing = np.array([np.nan])
    for column, samples in judged.items():
        columns['machines'][column] = Column(
            True, {row: samples.get(row, nothing) for row in rows}
        )
    for column in protocol.cost['ranked']:
        columns['cost'][column] = Column(
            False,
            {row: np.array([costs.get(row, {}).get(column, np.nan)], float) for row in rows},
        )
    groups = {}
    for group, found in columns.items():
        ranks = rank_group(found, competitors, trained) if found else dict.fromkeys(rows)
        groups[group] = {row: rank and rank._asdict() for row, rank in ranks.items()}
    alike = {}
    for row, number in competitors.items():
        alike.setdefault(number, []).append(row)
    return {
        'title': dataset.title,
        'list_sha256': protocol.content['datasets'][name]['list_sha256'],
        'sources_sha256': run.sources[name][2],
        'images': first.images,
        'means': {key: result.means() for key, result in results.items()},
        'count_as_one': [several for several in alike.values() if len(several) > 1],
        'ranks': groups,
        'machines': {
            column: {row: [*Score.of(each)] for row, each in samples.items()}
            for column, samples in judged.items()
        },
        'machine_samples': {
            column: {row: each.tolist() for row, each in samples.items()}
            for column, samples in judged.items()
        },
        'values': {key: result.values for key, result in results.items()},
    }


def _versions():
    versions = {'tsjnet_mm': __version__, 'python': platform.python_version()}
    for name in _PACKAGES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return versions


def results_text(content: Mapping[str, Any]) -> str:
    """Results as JSON; what is no number in it becomes a string, such as ``"nan"``.

    Args:
        content (Mapping[str, Any]): See :func:`result_content`.

    Returns:
        str: With a line for each list of values, and a final newline.
    """
    return _lines(_plain(content), '\n') + '\n'


def _lines(value, newline):
    """JSON of a value: a line for each key, and for each list without a mapping in it."""
    if not isinstance(value, dict) or not value:
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    inner = newline + ' '
    parts = (f'{json.dumps(key)}: {_lines(item, inner)}' for key, item in value.items())
    return '{' + inner + f',{inner}'.join(parts) + newline + '}'


def _plain(value):
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
