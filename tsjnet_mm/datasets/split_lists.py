"""Lists of pairs, one per line, and the record of their split."""

import hashlib
import os
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from pathlib import Path

from tsjnet_mm.io.images import IMAGE_EXTENSIONS
from tsjnet_mm.io.names import bare_name
from tsjnet_mm.io.text import TextError, expect, number_lines, read_json, read_lines, shorten

#: The file that records how the lists in its folder were made.
RECORD = 'split.json'
GENERATOR = 'tsjnet_mm split'


def read_names(path: str | Path, encoding: str | None = None) -> tuple[str, ...]:
    """Read names, such as those of classes, one a line.

    Args:
        path (str | Path): The file.
        encoding (str, optional): See :func:`~tsjnet_mm.io.text.read_text`.

    Returns:
        tuple[str, ...]: The names; blank lines and those that begin with ``#`` are left out.

    Raises:
        FileNotFoundError: There is no such file.
        TextError: It cannot be read, or holds no name.
    """
    names = tuple(name for _, name in read_lines(path, encoding))
    if not names:
        raise TextError.of('malformed file', path, 'names, one a line', 'none')
    return names


def read_list(
    path: str | Path, text: str, there: Collection[str]
) -> tuple[list[str], dict[str, int]]:
    r"""Read a list of pairs.

    A line is a stem or a file's name, with or without folders before it, which may be parted
    by ``\``. What follows ``#`` is a comment, unless a file has it in its name.

    Args:
        path (str | Path): The text file, for errors.
        text (str): What it holds.
        there (Collection[str]): Stems of the images that there are.

    Returns:
        tuple[list[str], dict[str, int]]: Stems in the order of the file, and those of them
        that are not there with their lines.

    Raises:
        TextError: It names nothing.
        ValueError: A pair is listed twice.
    """
    known = {unicodedata.normalize('NFC', stem): stem for stem in there}
    bare = defaultdict(list)
    for stem in there:
        bare[bare_name(stem)].append(stem)
    stems, missing = [], {}
    for number, line in number_lines(text, comments=False):
        stem = _find_stem(line, known)
        if stem is None:
            line = line.partition('#')[0].strip()
            if not line:
                continue
            stem = _find_stem(line, known)
        if stem is None:
            name = _without_extension(line.replace('\\', '/')).rpartition('/')[2]
            alike = bare.get(bare_name(name), ())
            stem = alike[0] if len(alike) == 1 else name
            if len(alike) != 1:
                missing[name] = number
        stems.append(stem)
    if not stems:
        raise TextError.of('malformed file', path, 'stems of pairs, one a line', 'none')
    repeated = [stem for stem, count in Counter(stems).items() if count > 1]
    if repeated:
        raise ValueError(f'{path}: listed more than once: {shorten(", ".join(repeated), 400)}')
    return stems, missing


def _without_extension(name: str) -> str:
    stem, extension = os.path.splitext(name)
    return stem if extension.lower() in IMAGE_EXTENSIONS else name


def _find_stem(line: str, known: dict[str, str]) -> str | None:
    """The stem that a line means, the longest part of its path first."""
    line = unicodedata.normalize('NFC', line)
    if line in known:
        return known[line]
    rest = line.replace('\\', '/')
    while rest:
        for name in (rest, _without_extension(rest)):
            if name in known:
                return known[name]
        rest = rest.partition('/')[2]
    return None


def hash_text(text: str) -> str:
    """SHA-256 of a text in UTF-8, in hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()


def join_lines(stems: Iterable[str]) -> str:
    """The text of a list file."""
    return ''.join(f'{stem}\n' for stem in stems)


def hash_stems(stems: Iterable[str]) -> str:
    """SHA-256 of stems in any order."""
    return hash_text(join_lines(sorted(stems)))


def read_record(path: str | Path) -> dict:
    """Read a ``split.json``.

    Args:
        path (str | Path): The file.

    Returns:
        dict: What it holds.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is no record of a split.
    """
    expected = f'the {RECORD} of a split'
    record = read_json(path, expected=expected)
    with expect(path, expected):
        if record['generator'] != GENERATOR:
            raise ValueError(f'a file of {record["generator"]}')
        hashes = [record['stems_sha256']]
        for name, content in record['lists'].items():
            if name != os.path.basename(name) or '\0' in name:
                raise ValueError(f'{name!r} for the name of a list')
            hashes.append(content['sha256'])
        if not all(isinstance(value, str) for value in hashes):
            raise TypeError('a SHA-256 that is no text')
        if not isinstance(record['source'], dict):
            raise TypeError('a source that is no object')
        record['pairs'] = int(record['pairs'])
    return record


def check_list(path: str | Path, text: str, dataset: str, stems: Iterable[str]) -> list[str]:
    """Compare a list with the record of its split, if its folder has one.

    Args:
        path (str | Path): The list.
        text (str): What it holds.
        dataset (str): Name of the data set that is to take it, as tools name it.
        stems (Iterable[str]): Stems of the pairs that there are.

    Returns:
        list[str]: A sentence for each thing in which they differ.
    """
    path = Path(path)
    try:
        record = read_record(path.with_name(RECORD))
        made = record['lists'][path.name]['sha256']
    except (OSError, ValueError, KeyError):
        return []  # another file of this name, or lists of another origin
    notes, noted = [], path.with_name(RECORD)
    if hash_text(text) != made:
        notes.append(f'{path}: changed since it was made, as {noted} says')
    of = record['source'].get('dataset')
    if of not in (None, 'folder', dataset) and dataset != 'folder':
        notes.append(f'{path}: made for the data set {of}, as {noted} says, not for {dataset}')
    stems = list(stems)
    if hash_stems(stems) != record['stems_sha256']:
        notes.append(
            f'{path}: made for other pairs ({record["pairs"]}, as {noted} says) than those '
            f'that are there ({len(stems)})'
        )
    return notes
