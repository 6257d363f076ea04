"""Reproducible splits: a seed, near-duplicates on one side, and hashes of the lists.

A split is a list of stems for each side, as ``ann_file`` of the datasets (and mmdet and mmseg)
read it, and a ``split.json`` that records how it was made and the hashes of the lists.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from tsjnet_mm.io.names import natural_key
from tsjnet_mm.io.text import TextError, read_text, shorten
from tsjnet_mm.utils import write_whole
from tsjnet_mm.utils.parallel import available_cores, thread_map
from tsjnet_mm.utils.words import counted, name_some
from tsjnet_mm.version import __version__

from .near_duplicates import THRESHOLD, describe_pair, group_near_duplicates
from .split_lists import GENERATOR, RECORD, hash_stems, hash_text, join_lines, read_record

_SHOWN = 10


@dataclass(frozen=True)
class Split:
    """Lists of stems and how they were made.

    Attributes:
        lists (dict[str, list[str]]): Stems in natural order, by the name of their file.
        groups (dict[str, int]): Group of near-duplicates of each stem.
        record (dict): What ``split.json`` holds.
    """

    lists: dict[str, list[str]]
    groups: dict[str, int]
    record: dict

    def rows(
        self, labels: Mapping[str, Sequence[str]] | None = None
    ) -> list[tuple[str, int, int, Counter]]:
        """Numbers of pairs and objects in each list.

        Args:
            labels (Mapping[str, Sequence[str]], optional): Class names of each stem's objects.

        Returns:
            list[tuple[str, int, int, Counter]]: Name of the file, pairs, groups, and objects
            of each class.
        """
        labels = labels or {}
        return [
            (
                name,
                len(stems),
                len({self.groups[stem] for stem in stems}),
                Counter(label for stem in stems for label in labels.get(stem, ())),
            )
            for name, stems in self.lists.items()
        ]


def assign_groups(
    groups: np.ndarray,
    targets: Sequence[float],
    seed: int = 0,
    strata: Sequence[str] | None = None,
) -> np.ndarray:
    """Assign whole groups to sides.

    Larger groups come first, then those of one stratum after another, in random order within.
    Each goes to the side that has the least of its target yet and room for the group, or else
    to the one with the most room.

    Args:
        groups (np.ndarray): (N,) int, group of each pair.
        targets (Sequence[float]): Number of pairs wanted on each side; their sum is N.
        seed (int): Another seed, another order. Defaults to 0.
        strata (Sequence[str], optional): A name for each pair, such as the classes in it;
            pairs of one name are spread over the sides as all are.

    Returns:
        np.ndarray: (N,) int, the side of each pair.
    """
    ids, first, sizes = np.unique(groups, return_index=True, return_counts=True)
    names = [strata[index] if strata is not None else '' for index in first]
    chance = np.random.default_rng(seed).permutation(len(ids))
    targets = np.asarray(targets, float)
    room, side_of = targets.copy(), {}
    for at in sorted(range(len(ids)), key=lambda at: (-sizes[at], names[at], chance[at])):
        fits = room >= sizes[at]
        side = int(np.argmax(np.where(fits, room / targets, -1.0) if fits.any() else room))
        room[side] -= sizes[at]
        side_of[ids[at]] = side
    return np.array([side_of[group] for group in groups])


def make_split(
    pairs: Sequence[tuple[str, str | Path, str | Path]],
    ratio: Sequence[float] | None = None,
    counts: Sequence[int] | None = None,
    folds: int | None = None,
    names: Sequence[str] = ('train', 'val'),
    seed: int = 0,
    threshold: float = THRESHOLD,
    labels: Mapping[str, Sequence[str]] | None = None,
    source: dict | None = None,
    workers: int | None = None,
    progress: bool = False,
    blocks: int | None = None,
) -> Split:
    """Split pairs by ratio, by counts, or into folds, near-duplicates on one side.

    Args:
        pairs (Sequence[tuple[str, str | Path, str | Path]]): Stem, infrared and visible image
            of each.
        ratio (Sequence[float], optional): Share of each list, in proportion.
        counts (Sequence[int], optional): Instead, pairs of each list, which use all.
        folds (int, optional): Instead, the number of folds; ``fold_<k>_<name>`` are two lists
            for each, the second of which is the fold.
        names (Sequence[str]): Names of the lists. Defaults to train and val.
        seed (int): Another seed, another split. Defaults to 0.
        threshold (float): See :func:`group_near_duplicates`. Defaults to 0.25.
        labels (Mapping[str, Sequence[str]], optional): Class names of each stem's objects, by
            which lists are balanced roughly.
        source (dict, optional): What the pairs were read from; kept in the record.
        workers (int, optional): Threads that read images. Defaults to the cores.
        progress (bool): Show a bar. Defaults to False.
        blocks (int, optional): Group names by their numbers instead of images: so many
            consecutive numbers are one group. Images are not read, and need not be there.

    Returns:
        Split: The same for the same pairs and options.

    Raises:
        ValueError: Not one of ratio, counts and folds is given, one does not fit the pairs or
            names, the threshold is not above 0, or there are too few groups to fill each list.
        PairError: An image cannot be read.
    """
    pairs = sorted(pairs, key=lambda pair: natural_key(pair[0]))
    stems = [stem for stem, _, _ in pairs]
    targets = _targets(len(pairs), ratio, counts, folds, names)
    if not threshold > 0:
        raise ValueError(f'threshold must be above 0, got {threshold}')
    if blocks is not None:
        groups = group_by_number(stems, blocks)
    else:
        found = thread_map(
            lambda pair: describe_pair(*pair[1:]), pairs, workers or available_cores()
        )
        bar = tqdm(found, 'comparing', len(pairs), unit='pair', disable=not progress)
        groups = group_near_duplicates(np.stack([*bar]), threshold)
    strata = None
    if labels is not None:
        strata = [' '.join(sorted(set(labels.get(stem, ())))) for stem in stems]
    sides = assign_groups(groups, targets, seed, strata)
    if len(np.unique(sides)) < len(targets):
        raise ValueError(
            f'{counted(len(pairs), "pair")} in {counted(groups.max() + 1, "group")} of '
            f'near-duplicates, of up to {counted(np.bincount(groups).max(), "pair")}, do not '
            f'fill {counted(len(targets), "list")}; '
            'a higher threshold makes smaller groups'
        )
    lists = {}
    if folds:
        for fold in range(folds):
            for name, inside in zip(names, (False, True), strict=True):
                chosen = (sides == fold) == inside
                lists[f'fold_{fold + 1}_{name}.txt'] = _choose(stems, chosen)
    else:
        for side, name in enumerate(names):
            lists[f'{name}.txt'] = _choose(stems, sides == side)
    record = {
        'generator': GENERATOR,
        'tool_version': __version__,
        'source': source or {},
        'seed': seed,
        'ratio': list(ratio) if ratio else None,
        'counts': list(counts) if counts else None,
        'folds': folds,
        'threshold': threshold if blocks is None else None,
        'blocks': blocks,
        'balanced_by_class': labels is not None,
        'pairs': len(pairs),
        'groups': int(groups.max()) + 1,
        'largest_group': int(np.bincount(groups).max()),
        'stems_sha256': hash_stems(stems),
        'lists': {
            name: {'pairs': len(some), 'sha256': hash_text(join_lines(some))}
            for name, some in lists.items()
        },
    }
    return Split(lists, dict(zip(stems, map(int, groups), strict=True)), record)


def group_by_number(stems: Sequence[str], size: int) -> np.ndarray:
    """Group names by the last number in them, for data whose images are not at hand.

    Consecutive frames of a video are in one group, but for those at the ends of groups.

    Args:
        stems (Sequence[str]): The names.
        size (int): So many consecutive numbers are one group, from 0 on.

    Returns:
        np.ndarray: (N,) int, the group of each name, numbered by first member.

    Raises:
        ValueError: A name has no number, or the size is below 1.

    Example:
        >>> group_by_number(['00000', '00099', '00100', 'a_0250'], 100).tolist()
        [0, 0, 1, 2]
    """
    if size < 1:
        raise ValueError(f'blocks must be at least 1, got {size}')
    numbers = [re.findall(r'\d+', stem) for stem in stems]
    if [] in numbers:
        raise ValueError(f'{stems[numbers.index([])]!r} has no number to make blocks of')
    keys = [
        (re.split(r'\d+', stem), found[:-1], int(found[-1]) // size)
        for stem, found in zip(stems, numbers, strict=True)
    ]
    order = {str(key): number for number, key in enumerate(dict.fromkeys(map(str, keys)))}
    return np.array([order[str(key)] for key in keys])


def write_split(split: Split, folder: str | Path, overwrite: bool = False) -> bool:
    """Write the lists and the record.

    Args:
        split (Split): What :func:`make_split` returned.
        folder (str | Path): Where to; made where missing.
        overwrite (bool): Replace other files of these names. Defaults to False.

    Returns:
        bool: Whether anything was written; False if the very same files were there.

    Raises:
        FileExistsError: Another list or record is there, and is not to be replaced.
    """
    folder = Path(folder)
    texts = {name: join_lines(stems) for name, stems in split.lists.items()}
    texts[RECORD] = json.dumps(split.record, indent=2) + '\n'
    there = {name: (folder / name).read_bytes() for name in texts if (folder / name).exists()}
    others = [name for name, data in there.items() if data != texts[name].encode()]
    if others and not overwrite:
        raise FileExistsError(
            f'{folder}: not overwritten, as another {", ".join(others)} is there; '
            'name another folder, or overwrite'
        )
    changed = [name for name in texts if name in others or name not in there]
    for name in changed:
        write_whole(folder / name, texts[name])
    return bool(changed)


def check_split(path: str | Path, stems: Iterable[str]) -> None:
    """Check that the lists are unchanged and contain all pairs.

    It does not read the images.

    Args:
        path (str | Path): The ``split.json``; the lists are in the same folder.
        stems (Iterable[str]): Stems of the pairs that there are.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is no record of a split, a list has changed or is gone, or the pairs
            are not those that were split; names all that differs.
    """
    record, problems, listed = read_record(path), [], set()
    for name, expected in record['lists'].items():
        file = Path(path).with_name(name)
        if not file.is_file():
            problems.append(f'{file}: no such list')
            continue
        try:
            text = read_text(file)
        except TextError as error:
            problems.append(str(error))
            continue
        listed |= {*text.split('\n')} - {''}
        if hash_text(text) != expected['sha256']:
            problems.append(f'{file}: changed since it was made')
    stems = {*stems}
    if hash_stems(stems) != record['stems_sha256']:
        problems.append(f'expected {record["pairs"]} pairs as were split, found {len(stems)}')
        for what, some in (('not there', listed - stems), ('in no list', stems - listed)):
            if some:
                names = sorted(map(shorten, some), key=natural_key)
                problems.append(f'{what}: {name_some(names, _SHOWN)}')
    if problems:
        raise ValueError(f'{path} does not hold:\n  ' + '\n  '.join(problems))


def _targets(total, ratio, counts, folds, names):
    given = [option for option in (ratio, counts, folds) if option is not None]
    if len(given) != 1:
        raise ValueError('give one of ratio, counts and folds')
    if len(set(names)) != len(names):
        raise ValueError(f'each list needs a name of its own, got {", ".join(names)}')
    if folds is not None:
        if not 2 <= folds <= total or len(names) != 2:
            raise ValueError(
                f'folds must be within 2..{total}, with two names, got {folds} and {len(names)}'
            )
        return [total / folds] * folds
    shares = list(given[0])
    if len(shares) != len(names) or len(shares) < 2 or min(shares) <= 0:
        raise ValueError(
            f'expected a number above 0 for each of {", ".join(names)}, got {shares}'
        )
    if counts is not None and sum(counts) != total:
        raise ValueError(f'counts must add up to the {total} pairs, got {sum(counts)}')
    return [share * total / sum(shares) for share in shares]


def _choose(stems, chosen):
    return [stem for stem, is_chosen in zip(stems, chosen, strict=True) if is_chosen]
