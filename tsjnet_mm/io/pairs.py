"""Pairs from files, folders, patterns, arrays, tensors and streams."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from tsjnet_mm.utils.words import counted

from .errors import PairError
from .images import IMAGE_EXTENSIONS, OTHER_SIZE, check_finite, check_sizes, read_image
from .listing import ImageList, list_images
from .names import (
    IR_WORDS,
    VI_WORDS,
    NameMatch,
    as_affixes,
    match_names,
    modality_of,
    natural_key,
)
from .preparation import Preparation

_REMEDY = (
    "give the words that only infrared or visible names have: ir_affix='_T', vi_affix='_C'"
)

#: The images of one modality: a path of an image, a folder or a glob pattern; an array
#: (H, W[, 1 or 3]); a tensor (H, W), (1 or 3, H, W) or (B, 1 or 3, H, W); or an iterable of
#: paths, arrays and tensors, which may be a generator.
Images = str | Path | np.ndarray | torch.Tensor | Iterable


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


@dataclass
class Pair:
    """One pair, ready to be fused.

    Attributes:
        name (str): Stem of the file that its fused image is written to.
        ir (np.ndarray): Infrared, (H, W) float32 in [0, 1].
        vi (np.ndarray): Visible, (H, W, 3) float32 RGB in [0, 1].
    """

    name: str
    ir: np.ndarray
    vi: np.ndarray


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


def _name_all(names: Sequence[str], affixes: Sequence[str]) -> list[str]:
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
    called = dict(zip(names[1], _name_all(names[1], own), strict=True))
    lonely = _name_all(match.second_only, own)
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


def is_path(source: Any) -> bool:
    """Whether a source is a path or pattern rather than an image or a stream of images."""
    return isinstance(source, str | os.PathLike)


def _is_image(source):
    return is_path(source) or isinstance(source, np.ndarray | torch.Tensor)


def to_array(image: str | Path | np.ndarray | Tensor, name: str) -> np.ndarray:
    """An image as a channels-last array.

    Args:
        image (str | Path | np.ndarray | Tensor): A file; an array (H, W) or (H, W, 1 or 3)
            in RGB order; or a tensor (H, W) or (1 or 3, H, W).
        name (str): What an error calls an array or a tensor.

    Returns:
        np.ndarray: (H, W), (H, W, 1) or (H, W, 3).

    Raises:
        PairError: A file cannot be read, or the shape or a value is unusable.
        TypeError: The image is none of these.
    """
    if is_path(image):
        return read_image(str(image))
    if isinstance(image, torch.Tensor):
        array = image.detach().cpu()
        array = (array.float() if array.dtype == torch.bfloat16 else array).numpy()
        if array.ndim == 3:
            array = np.moveaxis(array, 0, 2)
    elif isinstance(image, np.ndarray):
        array = image
    else:
        raise TypeError(
            f'{name}: expected a path, an array or a tensor, got {type(image).__name__}'
        )
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (1, 3)):
        wanted = (
            '(H, W) or (1 or 3, H, W)' if array is not image else '(H, W) or (H, W, 1 or 3)'
        )
        raise PairError.of('unknown shape', name, wanted, str(tuple(image.shape)))
    if array.size == 0:
        raise PairError.of('empty image', name, 'pixels', str(tuple(image.shape)))
    check_finite(array, name)
    return array


def _name_listed(sources: Iterable) -> Iterator[str | None]:
    """Names of a list of paths, each otherwise where that is possible; None for arrays."""
    paths = [str(source).replace(os.sep, '/') for source in sources if is_path(source)]
    names = {}
    if len(set(paths)) == len(paths):
        names = dict(zip(paths, _name_all(_below_common_folder(paths), ()), strict=True))
    for source in sources:
        key = str(source).replace(os.sep, '/')
        yield names.get(key, Path(source).stem) if is_path(source) else None


def _below_common_folder(paths):
    if len(paths) < 2:
        return [os.path.basename(path) for path in paths]
    absolute = [os.path.abspath(path) for path in paths]
    common = os.path.commonpath([os.path.dirname(path) for path in absolute])
    return [os.path.relpath(path, common).replace(os.sep, '/') for path in absolute]


def _named_sources(ir, vi, ir_affix=None, vi_affix=None):
    """Yield (name, ir, vi) of single images, lazily."""
    if is_path(ir) and is_path(vi):
        yield from find_pairs(ir, vi, ir_affix, vi_affix)
        return
    if _is_image(ir) != _is_image(vi):
        raise TypeError(
            'give two images or two sequences of images, got '
            f'{type(ir).__name__} and {type(vi).__name__}'
        )
    dims = [image.dim() if isinstance(image, torch.Tensor) else None for image in (ir, vi)]
    if (4 in dims) and dims[0] != dims[1]:
        shapes = ' and '.join(
            str(tuple(image.shape)) if hasattr(image, 'shape') else str(image)
            for image in (ir, vi)
        )
        raise PairError.of(
            'unknown shape',
            'the infrared and the visible tensors',
            '(B, 1 or 3, H, W) both, or single images both',
            shapes,
        )
    if _is_image(ir) and 4 not in dims:
        ir, vi = [ir], [vi]
    listed = _name_listed(vi) if isinstance(vi, list | tuple) else None
    for index, (one, other) in enumerate(zip(ir, vi, strict=True)):
        name = Path(other).stem if is_path(other) else f'{index:06d}'
        yield (next(listed) or name) if listed else name, one, other


def _describe(source, modality, name):
    return str(source) if is_path(source) else f'{modality} image {name}'


def iterate_pairs(
    ir: Images,
    vi: Images,
    preparation: Preparation | None = None,
    skip: Callable | None = None,
    ir_affix: str | Iterable[str] | None = None,
    vi_affix: str | Iterable[str] | None = None,
    **options: Any,
) -> Iterator[Pair]:
    """Read pairs one after the other; the memory does not grow with their number.

    Args:
        ir: Infrared images: a path of an image, a folder or a glob pattern; an array
            (H, W[, 1 or 3]); a tensor (H, W), (1 or 3, H, W) or (B, 1 or 3, H, W); or an
            iterable of paths, arrays and tensors, which may be a generator.
        vi: Visible images, the same way; arrays are RGB.
        preparation (Preparation, optional): How the images are prepared. Defaults to the
            range of the stored type, and one size.
        skip (Callable, optional): ``skip(name)``: leave the pair out, unread.
        ir_affix (str | Iterable[str], optional): Of folders, see :func:`match_pairs`.
        vi_affix (str | Iterable[str], optional): See there.
        **options: Instead of ``preparation`` its parts: ``ir_range``, ``ir_percentiles``,
            ``resize``, ``homography``.

    Returns:
        Iterator[Pair]: The pairs; arrays without a name are numbered from ``000000`` on.

    Raises:
        FileNotFoundError: A path does not exist.
        PairError: A pair cannot be used; the message names it.
        TypeError: A source is of an unknown type, or the two do not match in kind.
        ValueError: The two iterables differ in length, or an option cannot be meant.
    """
    preparation = Preparation.of(preparation, **options)
    sources = _named_sources(ir, vi, ir_affix, vi_affix)
    if skip is not None:
        sources = (source for source in sources if not skip(source[0]))
    return read_pairs(sources, preparation)


def name_sources(
    ir: Images,
    vi: Images,
    ir_affix: str | Iterable[str] | None = None,
    vi_affix: str | Iterable[str] | None = None,
) -> list | Iterator:
    """Name the pairs of two sources, and read none of them.

    Args:
        ir: See :func:`iterate_pairs`.
        vi: See there.
        ir_affix (str | Iterable[str], optional): See there.
        vi_affix (str | Iterable[str], optional): See there.

    Returns:
        list | Iterator: Name, infrared and visible image of each pair: a list but of streams,
        which do not know their length.

    Raises:
        FileNotFoundError, PairError, TypeError, ValueError: See :func:`iterate_pairs`.
    """
    named = _named_sources(ir, vi, ir_affix, vi_affix)
    is_stream = not (_is_image(vi) or isinstance(vi, list | tuple))
    return named if is_stream else list(named)


def read_pairs(sources: Iterable, preparation: Preparation | None = None) -> Iterator[Pair]:
    """Read pairs one after the other.

    Args:
        sources (Iterable): Name, infrared and visible image of each, such as
            :class:`PairSource`.
        preparation (Preparation, optional): How the images are prepared.

    Yields:
        Pair: The next pair.

    Raises:
        PairError: A pair cannot be used; the message names it.
    """
    preparation = preparation or Preparation()
    for name, one, other in sources:
        names = _describe(one, 'infrared', name), _describe(other, 'visible', name)
        if is_path(one) and is_path(other) and not preparation.moves_infrared:
            check_sizes(one, other, OTHER_SIZE)  # before either is decoded
        images = to_array(one, names[0]), to_array(other, names[1])
        yield Pair(name, *preparation(*images, names))
