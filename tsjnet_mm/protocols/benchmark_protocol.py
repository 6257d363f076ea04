"""The file of a benchmark's protocol: everything that two results must share to compare."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tsjnet_mm.datasets.split_lists import hash_stems, read_names
from tsjnet_mm.evaluation.image_folders import BASELINES
from tsjnet_mm.io.matching import PairSource, find_pairs
from tsjnet_mm.io.preparation import Preparation
from tsjnet_mm.io.resume import digest_file
from tsjnet_mm.io.text import TextError, expect, read_json
from tsjnet_mm.metrics import check_metrics
from tsjnet_mm.utils.model_index import config_dir, model_index
from tsjnet_mm.utils.words import name_some

#: Groups of columns that are ranked; each has a rank of its own.
GROUPS = ('fidelity', 'information', 'machines', 'cost')
#: Columns of the costs that are equal on every machine, and may be ranked.
EXACT_COSTS = ('parameters', 'gmacs')
_FORMAT = 1
_WHAT = 'a protocol of the benchmark'


class ProtocolDataset(NamedTuple):
    """Pairs that every method fuses.

    Attributes:
        name (str): Of the data set, and of the folder of its images.
        title (str): What tables call it.
        folders (tuple[tuple[str, str], ...]): Where infrared and visible images may be, below
            the folder of all data; the first that is there counts.
        labels (str): Folder of boxes, or of masks, below the same; or ''.
        stems (tuple[str, ...]): Names of the pairs.
        sources_sha256 (str | None): Digest of the bytes of all sources; None for any.
    """

    name: str
    title: str
    folders: tuple[tuple[str, str], ...]
    labels: str
    stems: tuple[str, ...]
    sources_sha256: str | None


class Machine(NamedTuple):
    """A network that looks at the images of every method, as it is.

    Attributes:
        name (str): Of the column.
        dataset (str): The data set whose labels judge it.
        task (str): ``'detection'`` or ``'segmentation'``.
        config (str): Of mmdet or mmseg, such as ``mmdet::folder/name.py``; the file has a path
            from its own folder.
        weights_sha256 (str | None): Digest of its weights, see :func:`.digest_tensors`.
        classes (tuple[str, ...]): Of the labels, in the order of their numbers.
        class_map (tuple[str, ...]): See :func:`.map_classes`.
    """

    name: str
    dataset: str
    task: str
    config: str
    weights_sha256: str | None
    classes: tuple[str, ...]
    class_map: tuple[str, ...]


class BenchmarkProtocol(NamedTuple):
    """What a protocol file says.

    Attributes:
        name (str): Such as ``'ivif-1'``.
        sha256 (str): Digest of its content; spaces and the order of keys do not count.
        version (str): Of this package that the protocol was written for.
        content (dict[str, Any]): As the file has it.
        datasets (dict[str, ProtocolDataset]): By name.
        preparation (Preparation): How infrared images are read (``reader``).
        metrics (dict[str, tuple[str, ...]]): By convention.
        groups (dict[str, tuple[str, ...]]): Columns that are ranked, ``'convention.metric'``,
            by group: ``'fidelity'`` and ``'information'``.
        trivial (tuple[str, ...]): Rows that are always there.
        competitors (tuple[tuple[str, ...], ...]): Models that count as one in ranks.
        tolerance (float): Relative difference up to which two rows are near-copies.
        machines (dict[str, Machine]): By column.
        cost (dict[str, Any]): ``size``, ``threads``, ``repeats``, ``ranked``.
        resamples (int): Of the images, for intervals.
        seed (int): Of the resamples.
    """

    name: str
    sha256: str
    version: str
    content: dict[str, Any]
    datasets: dict[str, ProtocolDataset]
    preparation: Preparation
    metrics: dict[str, tuple[str, ...]]
    groups: dict[str, tuple[str, ...]]
    trivial: tuple[str, ...]
    competitors: tuple[tuple[str, ...], ...]
    tolerance: float
    machines: dict[str, Machine]
    cost: dict[str, Any]
    resamples: int
    seed: int


def digest_protocol(content: dict[str, Any]) -> str:
    """SHA-256 of a protocol's content, whatever its layout in the file.

    Args:
        content (dict[str, Any]): What the file holds.

    Returns:
        str: 64 hexadecimal digits.
    """
    text = json.dumps(content, sort_keys=True, separators=(',', ':'), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def digest_sources(pairs: Iterable[Sequence[str | Path]]) -> str:
    """SHA-256 of the names and bytes of all sources, in any order.

    Args:
        pairs (Iterable[Sequence[str | Path]]): Stem, infrared and visible image of each.

    Returns:
        str: 64 hexadecimal digits.
    """
    lines = [f'{stem} {digest_file(ir)} {digest_file(vi)}\n' for stem, ir, vi in pairs]
    return hashlib.sha256(''.join(sorted(lines)).encode()).hexdigest()


def find_protocol(path: str | Path) -> Path:
    """The file of a protocol: as it is named, or that of the package with this name.

    Args:
        path (str | Path): Such as ``ivif-1.json``, with or without its extension.

    Returns:
        Path: An existing file.

    Raises:
        FileNotFoundError: There is neither.
    """
    path, shipped = Path(path), config_dir() / 'protocols'
    name = path.name if path.suffix == '.json' else f'{path.name}.json'
    for candidate in (path, *([shipped / name] if path.parent == Path() else [])):
        if candidate.is_file():
            return candidate
    known = ', '.join(sorted(file.name for file in shipped.glob('*.json')))
    raise FileNotFoundError(f'{path}: no such protocol; the package has {known}')


def read_protocol(path: str | Path) -> BenchmarkProtocol:
    """Read and check a protocol, with its lists of pairs.

    Args:
        path (str | Path): See :func:`find_protocol`. Lists are found from its folder.

    Returns:
        BenchmarkProtocol: What it says.

    Raises:
        FileNotFoundError: It is not there, or a list.
        ValueError: It is no protocol, names what is unknown, or a list has another digest.
    """
    path = find_protocol(path)
    content = read_json(path, expected=_WHAT)
    with expect(path, _WHAT):
        if content['format'] != _FORMAT:
            raise ValueError(f'format {content["format"]!r}, not {_FORMAT}')
        datasets = {
            name: _read_dataset(path, name, entry)
            for name, entry in content['datasets'].items()
        }
        if not datasets:
            raise ValueError('no data set')
        metrics = {key: tuple(names) for key, names in content['metrics'].items()}
        for convention, names in metrics.items():
            check_metrics(names, convention)
        groups = {name: tuple(columns) for name, columns in content['groups'].items()}
        measured = {f'{key}.{name}' for key, names in metrics.items() for name in names}
        for name, columns in groups.items():
            unknown = [column for column in columns if column not in measured]
            if name not in GROUPS[:2] or unknown:
                raise ValueError(f'group {name!r} of {", ".join(unknown) or "columns"}')
        known = {*BASELINES, *model_index()}
        if unknown := [row for row in content['trivial'] if row not in known]:
            raise ValueError(f'trivial row {unknown[0]!r}')
        cost = content['cost']
        if not {*cost['ranked']} <= {*EXACT_COSTS}:
            raise ValueError(f'costs {cost["ranked"]}, of which some differ between machines')
        machines = {
            name: _read_machine(path, name, entry, datasets)
            for name, entry in content['machines'].items()
        }
        return BenchmarkProtocol(
            name=content['name'],
            sha256=digest_protocol(content),
            version=content['tsjnet_mm'],
            content=content,
            datasets=datasets,
            preparation=Preparation.of(None, **content['reader']),
            metrics=metrics,
            groups=groups,
            trivial=tuple(content['trivial']),
            competitors=tuple(tuple(names) for names in content['count_as_one']),
            tolerance=float(content['near_copy_tolerance']),
            machines=machines,
            cost={**cost, 'size': tuple(cost['size'])},
            resamples=int(content['resamples']),
            seed=int(content['seed']),
        )


def _read_dataset(path, name, entry):
    if not name or name != Path(name).name:
        raise ValueError(f'{name!r} for the name of a data set')
    file = path.parent / entry['list']
    stems = read_names(file)
    found = hash_stems(stems)
    if found != entry['list_sha256']:
        raise TextError(
            f'{file}: expected names with the SHA-256 {entry["list_sha256"]}, found {found}: '
            f'{path.name} was written for another list'
        )
    return ProtocolDataset(
        name,
        entry['title'],
        tuple((ir, vi) for ir, vi in entry['folders']),
        entry.get('labels', ''),
        stems,
        entry.get('sources_sha256'),
    )


def _read_machine(path, name, entry, datasets):
    config = entry['config']
    if entry['dataset'] not in datasets:
        raise ValueError(f'{name}: no data set {entry["dataset"]!r}')
    if entry['task'] not in ('detection', 'segmentation'):
        raise ValueError(f'{name}: task {entry["task"]!r}')
    return Machine(
        name,
        entry['dataset'],
        entry['task'],
        config if '::' in config else str(path.parent / config),
        entry.get('weights_sha256'),
        tuple(entry['classes']),
        tuple(entry.get('map', ())),
    )


def find_sources(
    dataset: ProtocolDataset, data: str | Path
) -> tuple[tuple[Path, Path], list[PairSource], str]:
    """The pairs of a data set, their bytes checked.

    Args:
        dataset (ProtocolDataset): Which.
        data (str | Path): Folder of all data.

    Returns:
        tuple[tuple[Path, Path], list[PairSource], str]: Folders of infrared and visible
        images, the pairs in the order of the list, and :func:`digest_sources` of them.

    Raises:
        FileNotFoundError: The folders are not there.
        ValueError: A listed pair is missing, or the images are others than the protocol's.
        PairError: See :func:`.find_pairs`.
    """
    for ir, vi in dataset.folders:
        folders = Path(data) / ir, Path(data) / vi
        if all(folder.is_dir() for folder in folders):
            break
    else:
        looked = ', or '.join(f'{ir} and {vi}' for ir, vi in dataset.folders)
        raise FileNotFoundError(
            f'{data}: expected {looked}, found neither: set --data to the folder of the data '
            f'sets, or leave {dataset.name} out by --datasets'
        )
    there = {pair.name: pair for pair in find_pairs(*folders)}
    missing = [stem for stem in dataset.stems if stem not in there]
    if missing:
        raise ValueError(
            f'{folders[0]} and {folders[1]}: expected {len(dataset.stems)} pairs of '
            f'{dataset.name}, {len(missing)} are missing: {name_some(missing)}'
        )
    pairs = [there[stem] for stem in dataset.stems]
    found = digest_sources(pairs)
    if dataset.sources_sha256 not in (None, found):
        raise ValueError(
            f'{folders[0]} and {folders[1]}: expected the files of {dataset.name} as '
            f'published (SHA-256 {dataset.sources_sha256[:16]}), found others '
            f'({found[:16]}): results of converted or resized images do not compare'
        )
    return folders, pairs, found
