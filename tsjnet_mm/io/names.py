"""Which files of several folders belong together, told by their names alone."""

import os
import re
from collections import Counter, defaultdict
from typing import NamedTuple

#: What methods and datasets put before or after the name of a pair.
AFFIXES = (
    *('fused', 'fusion', 'fuse', 'f', 'result', 'results', 'output', 'out'),
    *('ir', 'infrared', 'thermal', 'vi', 'vis', 'visible'),
    *('rgb', 'colour', 'color', 'grey', 'gray', 'image', 'img'),
)


def bare_name(name, affixes=AFFIXES):
    """The part of a file's name that is the pair's.

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


class NameMatch(NamedTuple):
    """How the files of two folders belong together.

    Attributes:
        partners (dict[str, str]): File of the first folder to its file of the second.
        first_only (list[str]): Files of the first folder without a partner.
        second_only (list[str]): Files of the second folder without a partner.
        ambiguous (list[tuple[list[str], list[str]]]): Files of either folder that could each
            be the other's, for lack of a name of their own.
    """

    partners: dict
    first_only: list
    second_only: list
    ambiguous: list


def match_names(first, second, affixes=AFFIXES):
    """Match the files of two folders by name.

    Files with the same stem belong together, whatever their extensions. Those left over
    belong together if their :func:`bare_name` is the same and no other file of either
    folder that is left over has it.

    Args:
        first (Sequence[str]): File names of a folder.
        second (Sequence[str]): File names of another.
        affixes (Iterable[str]): See :func:`bare_name`.

    Returns:
        NameMatch: Each file in one of its fields, in the order given.

    Example:
        >>> match_names(['1.png', '2.png'], ['1_fused.jpg', '3.png'])
        NameMatch(partners={'1.png': '1_fused.jpg'}, first_only=['2.png'], \
second_only=['3.png'], ambiguous=[])
    """
    stems = [{name: os.path.splitext(name)[0] for name in names} for names in (first, second)]
    once = [
        {stem for stem, count in Counter(by_name.values()).items() if count == 1}
        for by_name in stems
    ]
    of_second = {stem: name for name, stem in stems[1].items()}
    partners = {
        name: of_second[stem] for name, stem in stems[0].items() if stem in once[0] & once[1]
    }
    taken = {*partners.values()}
    groups = defaultdict(lambda: ([], []))
    for name, stem in stems[0].items():
        if name not in partners:
            groups[bare_name(stem, affixes)][0].append(name)
    for name, stem in stems[1].items():
        if name not in taken:
            groups[bare_name(stem, affixes)][1].append(name)
    match = NameMatch(partners, [], [], [])
    for firsts, seconds in groups.values():
        if len(firsts) == len(seconds) == 1:
            partners[firsts[0]] = seconds[0]
        elif firsts and seconds:
            match.ambiguous.append((firsts, seconds))
        else:
            match.first_only.extend(firsts)
            match.second_only.extend(seconds)
    return match
