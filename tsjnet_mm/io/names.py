"""Match the files of two folders by their names."""

import os
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

#: Words by which names and folders say that an image is infrared.
IR_WORDS = ('ir', 'infrared', 'thermal', 'lwir', 'mwir', 'swir', 'nir', 'tir', 'previewdata')
#: The same for visible.
VI_WORDS = ('vi', 'vis', 'visible', 'visual', 'rgb', 'colour', 'color')
#: What methods and datasets put before or after the name of a pair.
AFFIXES = (
    *('fused', 'fusion', 'fuse', 'f', 'result', 'results', 'output', 'out'),
    *IR_WORDS,
    *VI_WORDS,
    *('grey', 'gray', 'image', 'img'),
)
_SEPARATORS = '_-. '


def natural_key(name: str) -> tuple[list, str]:
    """Key that sorts names as people count: ``frame_2`` before ``frame_10``."""
    parts = re.split(r'(\d+)', name)
    parts[1::2] = [int(part) for part in parts[1::2]]
    return parts, name


def bare_name(name: str, affixes: Iterable[str] = AFFIXES) -> str:
    """The part of a file's name that names the pair.

    Words of ``affixes`` are taken off both ends until none is left, if a ``_``, ``-``,
    ``.`` or space parts them from the rest, or, for those of two letters and more, a digit.
    Never all of the name is taken.

    Args:
        name (str): File name without its extension.
        affixes (Iterable[str]): Words to take off, in any case.

    Returns:
        str: What remains, lower case.

    Example:
        >>> [bare_name(name) for name in ('fused_00537D', 'IR12', '12-vis', '7_ir_f', 'of')]
        ['00537d', '12', '12', '7', 'of']
    """
    words = '|'.join(re.escape(word.casefold()) for word in affixes)
    long = '|'.join(re.escape(word.casefold()) for word in affixes if len(word) > 1)
    pattern = re.compile(
        rf'^(?:(?:{words})[_\-. ]+|(?:{long})(?=\d))(?=.)'
        rf'|(?<=[^_\-. ])[_\-. ]+(?:{words})$|(?<=\d)(?:{long})$'
    )
    name, before = name.casefold(), None
    while name != before:
        name, before = pattern.sub('', name, count=1), name
    return name


def as_affixes(affixes: str | Iterable[str] | None) -> tuple[str, ...]:
    """Affixes as a tuple.

    Args:
        affixes (str | Iterable[str] | None): One, several or none.

    Returns:
        tuple[str, ...]: The longest first.

    Raises:
        ValueError: One is empty.
    """
    given = (affixes,) if isinstance(affixes, str) else tuple(affixes or ())
    if any(not affix.strip(_SEPARATORS) for affix in given):
        raise ValueError(f'an affix needs a letter or a digit, got {given!r}')
    return tuple(sorted(given, key=len, reverse=True))


def _without_own(stem: str, own: Sequence[str]) -> str | None:
    """A stem path without the affix that its modality adds; None where it has none."""
    *folders, name = stem.split('/')
    folded = [affix.casefold() for affix in own]
    kept = [part for part in folders if part.casefold() not in folded]
    for affix in folded:
        rest = name.casefold()
        if rest.endswith(affix) and len(rest) > len(affix):
            return '/'.join([*kept, name[: -len(affix)].rstrip(_SEPARATORS)]).casefold()
        if rest.startswith(affix) and len(rest) > len(affix):
            return '/'.join([*kept, name[len(affix) :].lstrip(_SEPARATORS)]).casefold()
    return '/'.join([*kept, name]).casefold() if len(kept) < len(folders) else None


def _bare_path(stem: str, affixes: Iterable[str]) -> str:
    """A stem path, lower case, without the affixes of its parts and folders that are one."""
    *folders, name = stem.split('/')
    words = {word.casefold() for word in affixes}
    parts = [bare_name(part, affixes) for part in folders]
    return '/'.join([part for part in parts if part not in words] + [bare_name(name, affixes)])


def _without_modality(stem: str) -> str:
    """A bare path without words for the modality anywhere: scene_ir_1 is scene_1."""
    words = '|'.join((*IR_WORDS, *VI_WORDS))
    bare = _bare_path(stem, AFFIXES)
    return re.sub(rf'(?<![^_\-. /])(?:{words})(?:[_\-. ]+|(?=\d))', '', bare)


def modality_of(
    name: str, ir_affixes: Sequence[str] = (), vi_affixes: Sequence[str] = ()
) -> str | None:
    """Modality of a file by its name, or else by the names of its folders.

    Args:
        name (str): File name, or path with ``/`` between parts.
        ir_affixes (Sequence[str]): What infrared names begin or end with, before the words
            that are known.
        vi_affixes (Sequence[str]): The same of visible ones.

    Returns:
        str | None: ``'ir'``, ``'vi'``, or None where nothing, or both, is said.

    Example:
        >>> [modality_of(name) for name in ('1_ir.png', 'lwir/7.png', 'rgb2.jpg', '7.png')]
        ['ir', 'ir', 'vi', None]
    """
    stem = os.path.splitext(name)[0]
    own = [
        kind
        for kind, affixes in (('ir', ir_affixes), ('vi', vi_affixes))
        if affixes and _without_own(stem, affixes) is not None
    ]
    if len(own) == 1:
        return own[0]
    for part in reversed(stem.casefold().split('/')):
        words = set(re.findall(r'[^\W\d_]+', part))
        said = [
            kind
            for kind, known in (('ir', IR_WORDS), ('vi', VI_WORDS))
            if words.intersection(known)
        ]
        if said:
            return said[0] if len(said) == 1 else None
    return None


class NameMatch(NamedTuple):
    """Result of matching the files of two folders.

    Attributes:
        partners (dict[str, str]): File of the first folder to its file of the second.
        first_only (list[str]): Files of the first folder without a partner.
        second_only (list[str]): Files of the second folder without a partner.
        ambiguous (list[tuple[list[str], list[str]]]): Files of either folder that could each
            be the other's, for lack of a name of their own.
    """

    partners: dict[str, str]
    first_only: list[str]
    second_only: list[str]
    ambiguous: list[tuple[list[str], list[str]]]


def _group(first: Iterable[str], second: Iterable[str], key: Callable) -> list:
    groups = defaultdict(lambda: ([], []))
    for side, names in enumerate((first, second)):
        for name in names:
            groups[key(os.path.splitext(name)[0], side)][side].append(name)
    return [*groups.values()]


def _match_left(match: NameMatch, key: Callable) -> None:
    """Match what is left by another key of (stem, side)."""
    groups = _group(match.first_only, match.second_only, key)
    match.first_only.clear()
    match.second_only.clear()
    for firsts, seconds in groups:
        if len(firsts) == len(seconds) == 1:
            match.partners[firsts[0]] = seconds[0]
        elif firsts and seconds:
            match.ambiguous.append((firsts, seconds))
        else:
            match.first_only.extend(firsts)
            match.second_only.extend(seconds)


def match_names(
    first: Sequence[str],
    second: Sequence[str],
    affixes: Iterable[str] = AFFIXES,
    first_affixes: Sequence[str] = (),
    second_affixes: Sequence[str] = (),
) -> NameMatch:
    """Match the files of two folders by name.

    Files with the same stem belong together; extensions may differ. In sub folders, with
    the same path and stem. Those left over belong together if no other file of either folder
    that is left over has the same name, once one of these is taken off: the affix that was
    given; words of ``affixes`` at the ends of the name, and folders of such a name (see
    :func:`bare_name`); words for the modality in the middle of it. At last names are compared
    without their folders, if no name comes twice.

    Args:
        first (Sequence[str]): File names of a folder, with ``/`` between a sub folder and a
            name.
        second (Sequence[str]): File names of another.
        affixes (Iterable[str]): See :func:`bare_name`.
        first_affixes (Sequence[str]): What the names of the first folder begin or end with,
            as it is written.
        second_affixes (Sequence[str]): The same of the second.

    Returns:
        NameMatch: Each file in one of its fields, in the order given.

    Example:
        >>> match_names(['1.png', '2.png'], ['1_fused.jpg', '3.png'])
        NameMatch(partners={'1.png': '1_fused.jpg'}, first_only=['2.png'], \
second_only=['3.png'], ambiguous=[])
    """
    match = NameMatch({}, [], [], [])
    for firsts, seconds in _group(first, second, lambda stem, side: stem):
        if len(firsts) == len(seconds) == 1:
            match.partners[firsts[0]] = seconds[0]
    taken = {*match.partners.values()}
    match.first_only.extend(name for name in first if name not in match.partners)
    match.second_only.extend(name for name in second if name not in taken)
    own = first_affixes, second_affixes
    if any(own):
        _match_left(match, lambda stem, side: _without_own(stem, own[side]) or stem.casefold())
    _match_left(match, lambda stem, side: _bare_path(stem, affixes))
    _match_left(match, lambda stem, side: _without_modality(stem))
    if any('/' in name for name in (*match.first_only, *match.second_only)):
        bare = [
            Counter(bare_name(os.path.splitext(os.path.basename(name))[0]) for name in names)
            for names in (first, second)
        ]

        def alone(stem, side):
            name = bare_name(os.path.basename(stem))
            return name if bare[0][name] == bare[1][name] == 1 else stem

        _match_left(match, alone)
    order = {name: place for place, name in enumerate(first)}
    match.first_only.sort(key=order.get)
    order = {name: place for place, name in enumerate(second)}
    match.second_only.sort(key=order.get)
    partners = {name: match.partners[name] for name in first if name in match.partners}
    return match._replace(partners=partners)
