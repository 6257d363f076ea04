"""Which image files are pairs: the one rule that all tools share."""

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from tsjnet_mm.utils.words import counted, name_some

from .errors import PairError
from .images import IMAGE_EXTENSIONS, check_size, image_size
from .listing import ImageList, is_pattern, list_images
from .names import (
    AFFIXES,
    IR_WORDS,
    VI_WORDS,
    NameMatch,
    as_affixes,
    match_names,
    modality_of,
    natural_key,
)

_REMEDY = (
    "give the words that only infrared or visible names have: ir_affix='_T', vi_affix='_C'"
)


class PairSource(NamedTuple):
    """Sources of a pair: its name and two files.

    Attributes:
        name (str): What its fused image is called: the stem of the visible file, or, where
            several have one stem, the path below their common folder.
        ir (str): Path of the infrared image.
        vi (str): Path of the visible image.
    """

    name: str
    ir: str
    vi: str


class PairList(NamedTuple):
    """The pairs of two sources, and the files without a partner.

    Attributes:
        pairs (list[PairSource]): In natural order of their names.
        ir_only (list[PairSource]): Infrared images without a visible one; ``vi`` is ``''``.
        vi_only (list[PairSource]): Visible images without an infrared one; ``ir`` is ``''``.
        ambiguous (list[tuple[list[str], list[str]]]): Paths of infrared and of visible images
            that could each be the other's.
    """

    pairs: list[PairSource]
    ir_only: list[PairSource]
    vi_only: list[PairSource]
    ambiguous: list[tuple[list[str], list[str]]]


def _divide(irs: ImageList, vis: ImageList, ir_affixes, vi_affixes) -> tuple[list, list]:
    """Names of either list; files that are in both go where their names say they belong."""
    ir_paths, vi_paths = (
        {os.path.realpath(each.path(name)): name for name in each.names} for each in (irs, vis)
    )
    both = ir_paths.keys() & vi_paths.keys()
    ir_names = [name for path, name in ir_paths.items() if path not in both]
    vi_names = [name for path, name in vi_paths.items() if path not in both]
    neither = []
    for path in both:
        kind = modality_of(ir_paths[path], ir_affixes, vi_affixes)
        if kind == 'ir':
            ir_names.append(ir_paths[path])
        elif kind == 'vi':
            vi_names.append(vi_paths[path])
        else:
            neither.append(path)
    if both and not (ir_names and vi_names) and not (neither and (ir_names or vi_names)):
        raise PairError.of(
            'no pairs',
            irs.source,
            f'names that say which images are infrared and which visible ({_REMEDY})',
            f'{counted(len(both), "image")} given for both',
        )
    # Of x.jpg and x_thermal.jpg the one whose name says nothing is the other's partner.
    if neither:
        match = match_names(ir_names, vi_names)
        plain_ir = [ir_paths[path] for path in neither]
        of_ir = {*match_names(match.first_only, plain_ir).partners.values()}
        of_vi = {*match_names(match.second_only, plain_ir).partners.values()}
        for path in neither:
            name = ir_paths[path]
            if name in of_vi and name not in of_ir:
                ir_names.append(name)
            else:
                vi_names.append(vi_paths[path])
    return ir_names, vi_names


def name_all(names: Sequence[str], affixes: Sequence[str]) -> list[str]:
    """Unique names for the pairs of these visible files."""
    stems = [os.path.splitext(name)[0] for name in names]
    words = {word.casefold() for word in (*IR_WORDS, *VI_WORDS, *affixes)}
    short = [stem.rpartition('/')[2] for stem in stems]
    without = [
        '/'.join(
            [part for part in stem.split('/')[:-1] if part.casefold() not in words]
            + [stem.rpartition('/')[2]]
        )
        for stem in stems
    ]
    for candidates in (short, without, stems):
        if len(set(candidates)) == len(candidates):
            return candidates
    return list(names)  # a.png and a.jpg


def match_pairs(
    ir: str | Path,
    vi: str | Path,
    ir_affix: str | Iterable[str] | None = None,
    vi_affix: str | Iterable[str] | None = None,
) -> PairList:
    """Pair the image files of two sources, by the rule that all tools share.

    Names are compared as :func:`~tsjnet_mm.io.names.match_names` does. Both sources may be
    one folder: then its name or folder says which image is infrared (``x_ir.png`` and
    ``x_vis.png``, ``lwir/x.png`` and ``visible/x.png``).

    Args:
        ir (str | Path): An image, a folder of them, or a glob pattern (``**`` recurses). Of a
            folder without images those in its sub folders are taken.
        vi (str | Path): The same of the visible images.
        ir_affix (str | Iterable[str], optional): What names of infrared images begin or end
            with, such as ``_T``, or the folder that they are in; beyond the words that are
            known (:data:`~tsjnet_mm.io.names.IR_WORDS`).
        vi_affix (str | Iterable[str], optional): The same of visible images.

    Returns:
        PairList: Each file in one of its fields.

    Raises:
        FileNotFoundError: There is no such file or folder, or it holds no images.
        ValueError: A single file comes with several, or an affix is empty.
        PairError: A single file is no image; or both sources are one folder, and no name says
            what is infrared.
    """
    irs, vis = list_images(ir), list_images(vi)
    if (irs is None) != (vis is None):
        raise ValueError(f'give two files or two folders, got {ir} and {vi}')
    if irs is None:
        for path in map(Path, (ir, vi)):
            if path.suffix.lower() not in IMAGE_EXTENSIONS:
                raise PairError.of(
                    'not an image', path, f'one of {", ".join(IMAGE_EXTENSIONS)}', path.suffix
                )
        return PairList([PairSource(Path(vi).stem, str(ir), str(vi))], [], [], [])
    ir_affixes, vi_affixes = as_affixes(ir_affix), as_affixes(vi_affix)
    names = [
        sorted(side, key=natural_key) for side in _divide(irs, vis, ir_affixes, vi_affixes)
    ]
    match: NameMatch = match_names(
        names[1], names[0], first_affixes=vi_affixes, second_affixes=ir_affixes
    )
    own = (*ir_affixes, *vi_affixes)
    called = dict(zip(names[1], name_all(names[1], own), strict=True))
    lonely = name_all(match.second_only, own)
    pairs = [
        PairSource(called[name], irs.path(partner), vis.path(name))
        for name, partner in match.partners.items()
    ]
    return PairList(
        sorted(pairs, key=lambda pair: natural_key(pair.name)),
        [
            PairSource(label, irs.path(name), '')
            for label, name in zip(lonely, match.second_only, strict=True)
        ],
        [PairSource(called[name], '', vis.path(name)) for name in match.first_only],
        [
            ([*map(irs.path, seconds)], [*map(vis.path, firsts)])
            for firsts, seconds in match.ambiguous
        ],
    )


def find_fused(folder: str | Path, pairs: Mapping[str, str]) -> dict[str, str]:
    """Find the fused image of each pair.

    Args:
        folder (str | Path): Folder or pattern of images with the names of the pairs, see
            :func:`.match_names`; to these the name of the folder may be added, too. Other
            images there are not looked at.
        pairs (Mapping[str, str]): Name of each pair to its visible image.

    Returns:
        dict[str, str]: Path of each fused image by the name of the pair.

    Raises:
        FileNotFoundError: There is no such folder, or no image in it.
        PairError: A pair has no fused image, several that fit, or one of another size.
    """
    if not Path(folder).exists() and not is_pattern(folder):
        raise FileNotFoundError(f'no folder of fused images {folder}')
    listed = list_images(folder)
    root = listed.root if listed else Path(folder).parent
    names = sorted(listed.names) if listed else [Path(folder).name]
    match = match_names([f'{name}.' for name in pairs], names, (*AFFIXES, root.name))
    if match.ambiguous:
        firsts, seconds = match.ambiguous[0]
        wanted = ' and '.join(first.removesuffix('.') for first in firsts)
        raise PairError.of(
            'ambiguous name', folder, f'one image for {wanted}', ', '.join(seconds)
        )
    missing = [name.removesuffix('.') for name in match.first_only]
    if missing:
        raise PairError.of(
            'missing fused image',
            folder,
            f'one for each of {counted(len(pairs), "pair")}',
            f'none for {len(missing)}: {name_some(missing)}',
        )
    paths = {name: str(root / match.partners[f'{name}.']) for name in pairs}
    for name, vi in pairs.items():
        check_size(paths[name], image_size(vi), vi)
    return paths


def find_pairs(
    ir: str | Path,
    vi: str | Path,
    ir_affix: str | Iterable[str] | None = None,
    vi_affix: str | Iterable[str] | None = None,
) -> list[PairSource]:
    """Pairs of image files; every file must have a partner.

    Args:
        ir (str | Path): See :func:`match_pairs`.
        vi (str | Path): See there.
        ir_affix (str | Iterable[str], optional): See there.
        vi_affix (str | Iterable[str], optional): See there.

    Returns:
        list[PairSource]: In natural order of their names.

    Raises:
        FileNotFoundError: There is no such file or folder, or it holds no images.
        ValueError: Several files come with a single one.
        PairError: A file has no partner, or several that fit, or one is no image.
    """
    found = match_pairs(ir, vi, ir_affix, vi_affix)
    if found.ambiguous:
        several = max(found.ambiguous[0], key=len)
        raise PairError.of(
            'ambiguous name',
            several[-1],
            'one file of each name',
            f'also {", ".join(several[:-1])}; give a pattern that takes one of them',
        )
    for lonely, which, where in ((found.vi_only, 2, ir), (found.ir_only, 1, vi)):
        if lonely:
            more = f' (and {len(lonely) - 1} more)' if len(lonely) > 1 else ''
            raise PairError.of(
                'no partner',
                lonely[0][which],
                f'an image {lonely[0].name}.* in {where}',
                f'none{more}; if names differ otherwise, {_REMEDY}',
            )
    return found.pairs
