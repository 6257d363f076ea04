"""Splits of published data sets that the package has as lists of names."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from tsjnet_mm.io.text import TextError, expect, read_json
from tsjnet_mm.utils import write_whole
from tsjnet_mm.utils.model_index import config_dir
from tsjnet_mm.utils.words import name_some

from .split_lists import RECORD, hash_stems, read_names

INDEX = 'index.json'


class ShippedSplit(NamedTuple):
    """Lists of one data set.

    Attributes:
        name (str): Such as ``'m3fd'``.
        dataset (str): As the converter names it.
        lists (dict[str, Path]): By split; the files are called ``<split>.txt``.
        source (str): Where the names are from, and how they were assigned.
        checked (str): What was compared with files of the data set.
    """

    name: str
    dataset: str
    lists: dict[str, Path]
    source: str
    checked: str

    @property
    def pattern(self) -> str:
        """str: Path of a list, in which ``{split}`` stands for the split."""
        return str(next(iter(self.lists.values())).parent / '{split}.txt')

    def stems(self) -> dict[str, tuple[str, ...]]:
        """dict[str, tuple[str, ...]]: Names of the pairs by split."""
        return {split: read_names(path) for split, path in self.lists.items()}


def splits_dir() -> Path:
    """The folder of the lists that the package has."""
    return config_dir() / '_base_' / 'datasets' / 'splits'


def shipped_splits() -> list[str]:
    """Names of the splits that the package has."""
    return [*read_json(splits_dir() / INDEX)]


def find_split(name: str) -> ShippedSplit:
    """A split of the package, its lists compared with their hashes.

    Args:
        name (str): One of :func:`shipped_splits`.

    Returns:
        ShippedSplit: Its lists.

    Raises:
        ValueError: There is no such split, or a list has changed.
    """
    path = splits_dir() / INDEX
    index = read_json(path)
    if name not in index:
        raise ValueError(f'{name!r} is no split of the package; there are {", ".join(index)}')
    entry = index[name]
    with expect(path, 'lists of names'):
        lists = {split: path.parent / name / f'{split}.txt' for split in entry['lists']}
        found = ShippedSplit(name, entry['dataset'], lists, entry['source'], entry['checked'])
        for split, stems in found.stems().items():
            wanted = entry['lists'][split]
            if (len(stems), hash_stems(stems)) != (wanted['pairs'], wanted['sha256']):
                raise TextError(
                    f'{lists[split]}: expected {wanted["pairs"]} names with the SHA-256 '
                    f'{wanted["sha256"]}, found others: install the package again'
                )
    return found


def check_against(split: ShippedSplit, stems: Mapping[str | None, Collection[str]]) -> None:
    """Refuse a data set that lacks pairs of a split.

    Args:
        split (ShippedSplit): The split.
        stems (Mapping[str | None, Collection[str]]): Names of the pairs that there are, by
            the folder of their split, or under None. Where a folder has the name of a list,
            the list must be in that folder.

    Raises:
        ValueError: A listed pair is missing.
    """
    every, missing = {*chain(*stems.values())}, set()
    for name, listed in split.stems().items():
        missing |= {*listed} - {*stems.get(name, every)}
    if missing:
        where = 'missing in the folder of their list' if missing & every else 'missing'
        raise ValueError(
            f'the split {split.name} lists {len(missing)} pairs that are {where}: '
            f'{name_some(sorted(missing))}'
        )


def copy_lists(split: ShippedSplit, folder: str | Path) -> None:
    """Copy the lists of a split, and the record of how they were made, into a data set.

    Args:
        split (ShippedSplit): The split.
        folder (str | Path): Of the data set.

    Raises:
        FileExistsError: Another list of that name is there.
    """
    paths = [*split.lists.values()]
    record = paths[0].with_name(RECORD)
    for path in [*paths, *([record] if record.is_file() else [])]:
        target, content = Path(folder) / path.name, path.read_bytes()
        if target.exists() and target.read_bytes() != content:
            raise FileExistsError(
                f'{target}: not overwritten, as another list is there; remove it, or leave '
                '--split out'
            )
        write_whole(target, content.decode())
