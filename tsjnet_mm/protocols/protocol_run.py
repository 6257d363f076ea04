"""Run the protocol of a benchmark: one file of results, with a value of each image."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from tsjnet_mm.evaluation import load_results
from tsjnet_mm.io.listing import list_images
from tsjnet_mm.io.resume import digest_files, digest_note
from tsjnet_mm.io.text import LARGE_LIMIT, expect, read_json
from tsjnet_mm.utils import write_whole
from tsjnet_mm.utils.model_index import model_index
from tsjnet_mm.utils.words import counted
from tsjnet_mm.version import __version__

from .benchmark import ZooBenchmark
from .benchmark_protocol import EXACT_COSTS, BenchmarkProtocol, find_sources
from .costs import digest_weights, measure_costs
from .protocol_results import GENERATOR, judge_rows, result_content, results_text
from .submission import SubmissionError, check_row_name, check_submission
from .trained_metrics import driven_by, trained_metrics, with_same

if TYPE_CHECKING:
    from tsjnet_mm.apis.task_networks import TaskNetwork

RESULTS = 'results.json'


def read_earlier(
    path: str | Path, protocol: BenchmarkProtocol, datasets: Sequence[str] | None = None
) -> dict[str, Any]:
    """Read results that rows are to be added to.

    Args:
        path (str | Path): The ``results.json``.
        protocol (BenchmarkProtocol): What they must have been made by.
        datasets (Sequence[str], optional): Of these data sets. Defaults to any of its own.

    Returns:
        dict[str, Any]: What the file holds; ``rows`` and ``datasets`` are empty where it is
        missing.

    Raises:
        ValueError: It is of another protocol, version or choice of data sets, or damaged.
    """
    if not Path(path).is_file():
        return {'rows': {}, 'datasets': {}}
    what = 'results of a benchmark protocol'
    content = read_json(path, limit=LARGE_LIMIT, expected=what)
    with expect(path, what):
        if content['generator'] != GENERATOR:
            raise ValueError(f'a file of {content["generator"]!r}')
        of, version = content['protocol'], content['versions']['tsjnet_mm']
        {**content['rows']}
        there = [*content['datasets']]
    remedy = 'choose another --out'
    if of['sha256'] != protocol.sha256:
        raise ValueError(
            f'{path}: expected results of {protocol.name} ({protocol.sha256[:16]}), found '
            f'those of {of["name"]} ({of["sha256"][:16]}), which do not compare: {remedy}'
        )
    if version != __version__:
        raise ValueError(
            f'{path}: expected results of version {__version__}, found those of {version}, '
            f'which may measure otherwise: {remedy}'
        )
    if datasets is not None and {*there} != {*datasets}:
        raise ValueError(
            f'{path}: expected results on {", ".join(datasets)}, found those on '
            f'{", ".join(there)}: {remedy}, or --datasets'
        )
    return content


class ProtocolRun:
    """Fuse, measure and rank the methods of a protocol.

    Rows come in this order: the trivial ones, those of an earlier run in ``out``, and new ones.
    A row of an earlier run that is not given anew keeps its values, whether its images are
    there or not.

    Args:
        protocol (BenchmarkProtocol): What to do.
        data (str | Path): Folder of all data.
        out (str | Path): Folder of all that is written: ``results.json``, ``costs.json``, and
            for each data set a folder as :class:`.ZooBenchmark` writes it.
        models (Mapping[str, tuple[str, str | Path | None]], optional): More rows, see
            :class:`.ZooBenchmark`.
        images (Mapping[str, str | Path], optional): More rows: name to the folder of images
            that were fused elsewhere, in it one folder for each data set.
        trained (Mapping[str, Sequence[str]], optional): Row of ``images`` to the metrics in
            its training loss, and to the machine columns whose network drove it.
        datasets (Sequence[str], optional): Some of the protocol's. Defaults to those of an
            earlier run, or to all.
        overwrite (bool): Replace rows of other images, and see :func:`.fuse_to_folder`.
            Defaults to False.

    Raises:
        SubmissionError: Images do not fit; a sentence for each reason.
        FileNotFoundError: Sources, images or a model's weights are not there.
        ValueError: A name is taken or unknown, or results in ``out`` do not compare.
    """

    def __init__(
        self,
        protocol: BenchmarkProtocol,
        data: str | Path,
        out: str | Path,
        models: Mapping[str, tuple[str, str | Path | None]] | None = None,
        images: Mapping[str, str | Path] | None = None,
        trained: Mapping[str, Sequence[str]] | None = None,
        datasets: Sequence[str] | None = None,
        overwrite: bool = False,
    ) -> None:
        self.protocol, self.data, self.out = protocol, Path(data), Path(out)
        self.overwrite = overwrite
        self.earlier = read_earlier(self.out / RESULTS, protocol, datasets)
        names = [*(datasets or self.earlier['datasets'] or protocol.datasets)]
        unknown = [name for name in names if name not in protocol.datasets]
        if unknown:
            raise ValueError(
                f'{unknown[0]!r} is no data set of {protocol.name}; it has '
                f'{", ".join(protocol.datasets)}'
            )
        self.datasets = [name for name in protocol.datasets if name in names]
        models, images = dict(models or {}), dict(images or {})
        for row in (*models, *images):
            if row not in protocol.trivial or row in images or models[row] != (row, None):
                check_row_name(row, (*protocol.trivial, *(models if row in images else ())))
        trivial = {row: (row, None) for row in protocol.trivial if row in model_index()}
        self.models = {**trivial, **models}
        self.sources = {
            name: find_sources(protocol.datasets[name], data) for name in self.datasets
        }
        self.folders = self._find_folders(images)
        self.rows = self._describe_rows(images, trained or {})

    def _find_folders(self, images):
        """Folders of the rows of images by data set; refuses what does not fit."""
        problems, folders = [], {name: {} for name in self.datasets}
        for row, folder in images.items():
            for name in self.datasets:
                own = Path(folder) / name
                if not own.is_dir() and len(self.datasets) == 1:
                    own = Path(folder)
                if not own.is_dir():
                    problems.append(
                        f'{row}: expected a folder {own} with the images of {name}, found none'
                    )
                    continue
                folders[name][row] = own
                problems += check_submission(row, own, self.sources[name][1])
        if problems:
            raise SubmissionError('\n  '.join(['images do not fit:', *problems]))
        return folders

    def _describe_rows(self, images, trained):
        """What each row is."""
        if unknown := [row for row in trained if row not in images]:
            raise ValueError(f'{unknown[0]!r} has no images that are added')
        rows = {row: {'kind': 'trivial'} for row in self.protocol.trivial}
        machines = {name: machine.config for name, machine in self.protocol.machines.items()}
        new = {}
        for row, (model, weights) in self.models.items():
            if row not in rows:
                new[row] = {
                    'kind': 'model',
                    'model': model if model in model_index() else Path(model).name,
                    'weights': digest_weights(model, weights),
                    'trained_on': [*trained_metrics(model), *driven_by(model, machines)],
                }
        for row in images:
            trained_on = [*with_same(trained.get(row, ()), machines)]
            digests = {
                name: _digest_folder(folders[row]) for name, folders in self.folders.items()
            }
            new[row] = {'kind': 'images', 'images': digests, 'trained_on': trained_on}
        before = self.earlier['rows']
        for row in new:
            if row in before and not _is_same(before[row], new[row]) and not self.overwrite:
                raise ValueError(
                    f'{self.out / RESULTS} has a row {row} of other images, weights or '
                    'metrics trained on: name this one otherwise, or use --overwrite'
                )
        kept = {row: known for row, known in before.items() if row not in rows}
        return {**rows, **kept, **new}

    @property
    def unchanged(self) -> list[str]:
        """list[str]: Rows of an earlier run, of the same images or weights as in this one."""
        before = self.earlier['rows']
        return [row for row, known in self.rows.items() if _is_same(before.get(row), known)]

    @property
    def kept(self) -> list[str]:
        """list[str]: Rows that are of an earlier run alone."""
        given = {*self.protocol.trivial, *self.models}.union(*self.folders.values())
        return [row for row in self.rows if row not in given]

    def run(
        self,
        device: str | None = None,
        workers: int = 1,
        machines: Mapping[str, TaskNetwork] | None = None,
        costs: bool = True,
        report: Callable = tqdm.write,
    ) -> dict[str, Any]:
        """Do all of it, and write ``results.json``.

        Args:
            device (str, optional): For fusing.
            workers (int): Processes that measure. Defaults to 1.
            machines (Mapping[str, TaskNetwork], optional): Networks of the protocol's machine
                columns, by column; columns of others are empty. Defaults to none.
            costs (bool): Measure what the networks cost. Defaults to True.
            report (Callable): Called with a line for each step. Defaults to ``tqdm.write``.

        Returns:
            dict[str, Any]: What ``results.json`` holds: the same for the same images.

        Raises:
            ValueError, FileNotFoundError, PairError: See :meth:`.ZooBenchmark.fuse`,
                :meth:`.ZooBenchmark.evaluate` and :class:`.Judge`.
        """
        tables = {}
        for name in self.datasets:
            folders, pairs, _ = self.sources[name]
            report(f'{name}: {counted(len(pairs), "pair")}')
            zoo = ZooBenchmark(
                self.models,
                *folders,
                self.out / name,
                self.protocol.datasets[name].stems,
                self.protocol.preparation,
                overwrite=self.overwrite,
                images=self.folders[name],
                baselines=[row for row in self.protocol.trivial if row not in self.models],
            )
            zoo.fuse(device, report)
            before = {key: _measured(zoo.results_file(key)) for key in self.protocol.metrics}
            results = zoo.evaluate(self.protocol.metrics, workers, report)
            results = {
                key: self._join(name, result, before[key]) for key, result in results.items()
            }
            for convention, result in results.items():
                result.save(zoo.results_file(convention))
            judged = judge_rows(self, name, zoo.folders, machines or {}, report)
            tables[name] = results, judged
        cost = self._costs() if costs else self.earlier.get('costs', {})
        content = result_content(self, tables, cost)
        write_whole(self.out / RESULTS, results_text(content))
        return content

    def _join(self, name, result, before):
        """Results with the rows of an earlier run, all in the order of the table."""
        values, fused = dict(result.values), result.note['fused']
        part = self.earlier['datasets'].get(name)
        if part is not None and part['sources_sha256'] != self.sources[name][2]:
            raise ValueError(
                f'{self.out / RESULTS}: expected results on the same images of {name}, '
                'found those on others: choose another --out'
            )
        for row in self.kept:
            columns = part['values'][result.convention][row]
            values[row] = {key: [*map(float, column)] for key, column in columns.items()}
        # A row that is given again need not be measured again. A run that was killed may have
        # measured other images than those of the row that is kept.
        notes = before.note.get('fused', {}) if before else {}
        same = [row for row in self.kept if before and before.values.get(row) == values[row]]
        fused = {row: notes[row] for row in same if row in notes} | fused
        return dataclasses.replace(
            result,
            methods=tuple(self.rows),
            values={row: _rounded(values[row]) for row in self.rows},
            note={**result.note, 'fused': fused},
        )

    def _costs(self):
        cost = self.protocol.cost
        measured = measure_costs(
            self.models, self.out / 'costs.json', cost['size'], cost['repeats'], cost['threads']
        )
        exact = {
            row: {key: found[key] for key in EXACT_COSTS} for row, found in measured.items()
        }
        free = dict.fromkeys(EXACT_COSTS, 0)
        exact |= {row: free for row in self.protocol.trivial if row not in self.models}
        earlier = self.earlier.get('costs', {})
        exact |= {row: earlier[row] for row in self.kept if row in earlier}
        return {row: exact[row] for row in self.rows if row in exact}


def _is_same(before, row):
    """Whether a row has the images that it had. What a zoo says of a network may change."""
    free = {'trained_on': None} if row['kind'] == 'model' else {}
    return before is not None and {**before, **free} == {**row, **free}


def _measured(path):
    """Results that an earlier run has measured, if there are any."""
    try:
        return load_results(path)
    except (OSError, ValueError):
        return None


def _rounded(columns):
    """Six digits of each value: the others differ between machines."""
    return {key: [float(f'{value:.6g}') for value in column] for key, column in columns.items()}


def _digest_folder(folder):
    listed = list_images(folder)
    names = sorted(listed.names)
    return digest_note({'names': names, 'files': digest_files(map(listed.path, names))})
