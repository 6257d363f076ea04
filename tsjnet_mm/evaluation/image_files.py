"""Find, check and read the files of an evaluation."""

import contextlib
import functools
import os
from collections.abc import Iterable, Mapping, Sequence
from errno import ENOENT
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from tsjnet_mm.io.errors import PairError
from tsjnet_mm.io.images import image_size, read_image
from tsjnet_mm.io.listing import ImageList, is_pattern, list_images
from tsjnet_mm.io.matching import PairList, PairSource, match_pairs
from tsjnet_mm.io.names import AFFIXES, NameMatch, match_names, natural_key
from tsjnet_mm.io.preparation import Preparation
from tsjnet_mm.io.unit_range import full_range
from tsjnet_mm.io.warping import fill_unseen
from tsjnet_mm.metrics import FUSION_METRICS
from tsjnet_mm.utils.parallel import thread_map

from .fused_notes import RANGES, agree_on_preparation, find_styled


class FusionFiles(NamedTuple):
    """The files of a pair and its fused images.

    Attributes:
        image (str): Name of the pair, the stem of its visible image.
        ir (str): Path of the infrared image.
        vi (str): Path of the visible image.
        fused (dict[str, str]): Method to the path of its fused image.
        preparation (Preparation): How the pair was prepared when it was fused, and is to be
            measured.
    """

    image: str
    ir: str
    vi: str
    fused: dict[str, str]
    preparation: Preparation = Preparation()


def read_grey_values(path: str, keep_channels: bool = False) -> np.ndarray:
    """Read an image as grey levels or RGB in 0..255.

    Args:
        path (str): The file: grey, RGB or palette, alpha is dropped; 8 bits, 16 bits (scaled
            to 0..255) or floats in [0, 1].
        keep_channels (bool): Do not take three equal channels for one. Defaults to False.

    Returns:
        np.ndarray: (1 or 3, H, W); uint8 if the file has 8 bits, else float64.

    Raises:
        PairError: The file cannot be read or is of another type.
    """
    array = read_image(path)
    white = full_range(array, path)[1]
    if white == 65535:
        array = array / 257
    elif white == 1:
        array = array * np.float64(255)
    if array.ndim == 2:
        return array[None]
    if not keep_channels and (array == array[..., :1]).all():
        array = array[..., :1]
    return np.ascontiguousarray(np.moveaxis(array, -1, 0))


def read_files(files: FusionFiles, convention: str) -> list[np.ndarray]:
    """Read a pair and its fused images.

    A grey image that is stored in three channels is read as grey, except a fused one under
    ``'vifb'``, which compares the channels of what is stored as colour.

    Args:
        files (FusionFiles): Their paths.
        convention (str): The convention that they are to be measured under.

    Returns:
        list[np.ndarray]: Infrared, visible and each fused image, see :func:`read_grey_values`.

    Raises:
        PairError: See :func:`read_grey_values`.
    """
    return [read() for _, read in _readers(files, convention)]


def _readers(files, convention):
    """Path and reader of each image."""
    keep = convention == 'vifb'
    return [
        (files.ir, functools.partial(_read_infrared, files)),
        (files.vi, functools.partial(_read_visible, files)),
        *(
            (path, functools.partial(read_grey_values, path, keep))
            for path in files.fused.values()
        ),
    ]


def _read_visible(files):
    """The visible image, without distortion where it was fused so."""
    values, lens = read_grey_values(files.vi), files.preparation.vi_calibration
    if lens is None:
        return values
    straight = [lens.undistort(np.float32(channel), files.vi) for channel in values]
    return np.stack(straight).round().astype(values.dtype)


def _read_infrared(files):
    """The infrared image as it was fused, in 8 bits where it was prepared for that."""
    preparation, size = files.preparation, None
    if preparation.moves_infrared:
        size = image_size(files.vi)
    is_prepared = any(getattr(preparation, name) for name in (*RANGES, 'ir_calibration'))
    is_stored = not is_prepared and (
        size is None or (preparation.homography is None and image_size(files.ir) == size)
    )
    if is_stored:
        return read_grey_values(files.ir)
    unit = preparation.load_infrared(files.ir)
    seen = preparation.seen(unit.shape, size or unit.shape)
    if size is not None:
        unit = preparation.fit(unit, size, (files.ir, files.vi))
    if seen is not None:
        visible = preparation.prepare_visible(read_image(files.vi), files.vi)
        unit = fill_unseen(unit, visible, seen)
    return np.round(unit * 255).astype(np.uint8)[None]


def _list_images(folder):
    if Path(folder).is_file():
        raise NotADirectoryError(f'{folder}: expected a folder of images, found a file')
    try:
        return list_images(folder)
    except FileNotFoundError:
        if not Path(folder).is_dir():
            if is_pattern(folder):
                raise
            raise FileNotFoundError(ENOENT, os.strerror(ENOENT), str(folder)) from None
        return ImageList(str(folder), Path(folder), (), '*')


def _below(source, path):
    """Path of a file relative to its folder."""
    return os.path.relpath(path, source) if Path(source).is_dir() else path


def _described(pairs):
    return [f'{", ".join(firsts)} and {", ".join(seconds)}' for firsts, seconds in pairs]


def find_files(
    fused: Mapping[str, str | Path],
    ir: str | Path,
    vi: str | Path,
    preparation: Preparation | None = None,
    ir_affix: str | Iterable[str] | None = None,
    vi_affix: str | Iterable[str] | None = None,
) -> tuple[list[FusionFiles], dict[str, list[str]], dict[str, list[str]]]:
    """Match files by name, see :func:`.match_pairs`, and find their preparation.

    Args:
        fused (Mapping[str, str | Path]): Method to the folder of its images.
        ir (str | Path): Folder or pattern of the infrared images.
        vi (str | Path): The same of the visible images.
        preparation (Preparation, optional): How the pairs were prepared when they were fused.
            What it leaves out is what the fused files tell of it.
        ir_affix (str | Iterable[str], optional): See :func:`.match_pairs`.
        vi_affix (str | Iterable[str], optional): See there.

    Returns:
        tuple[list[FusionFiles], dict[str, list[str]], dict[str, list[str]]]: The pairs that
        all methods have, in natural order; what lacks a partner; and names that fit several
        files, or files that tell of another preparation. The last two by kind.

    Raises:
        FileNotFoundError: A folder is missing.
        NotADirectoryError: It is no folder.
    """
    irs, vis = _list_images(ir), _list_images(vi)
    if irs.names and vis.names:
        found = match_pairs(ir, vi, ir_affix, vi_affix)
    else:
        found = PairList(
            [],
            [PairSource(name, irs.path(name), '') for name in irs.names],
            [PairSource(name, '', vis.path(name)) for name in vis.names],
            [],
        )
    lonely = {
        f'visible images in {vi} without an infrared one in {ir}': [
            _below(vi, pair.vi) for pair in found.vi_only
        ],
        f'infrared images in {ir} without a visible one in {vi}': [
            _below(ir, pair.ir) for pair in found.ir_only
        ],
    }
    problems = {}
    if found.ambiguous:
        problems[f'names that fit several files, {ir} and {vi}'] = _described(
            [[_below(ir, path) for path in irs], [_below(vi, path) for path in vis]]
            for irs, vis in found.ambiguous
        )
    # Against all visible images: what belongs to one without a partner is not lost.
    files = {f'{pair.name}.': pair for pair in (*found.pairs, *found.vi_only)}
    ours = vi_affix or ()
    ours = (ours,) if isinstance(ours, str) else (*ours,)
    partners = {}
    for method, folder in fused.items():
        listed, match = match_fused([*files], method, folder, ours)
        if match.ambiguous:
            kind = f'names that fit several files, {vi} and {folder}'
            problems[kind] = _described(
                ([_below(vi, files[name].vi) for name in firsts], seconds)
                for firsts, seconds in match.ambiguous
            )
        partners[method] = {
            name: listed.path(partner) for name, partner in match.partners.items()
        }
        missing = {*match.first_only}
        lonely[f'pairs without a fused image of {method} in {folder}'] = [
            pair.name for pair in found.pairs if f'{pair.name}.' in missing
        ]
        lonely[f'fused images of {method} in {folder} without a pair'] = match.second_only
    complete = [
        FusionFiles(
            pair.name,
            pair.ir,
            pair.vi,
            {method: paths[f'{pair.name}.'] for method, paths in partners.items()},
        )
        for pair in found.pairs
        if all(f'{pair.name}.' in paths for paths in partners.values())
    ]
    fused_paths = [path for files in complete for path in files.fused.values()]
    agreed, differing = agree_on_preparation(fused_paths, preparation)
    if differing:
        problems['fused images that tell of another preparation of their sources'] = differing
    if styled := find_styled(fused_paths):
        problems[
            'pictures in thermal colours, which are no fused luma (fuse with --style luma)'
        ] = styled
    return (
        [files._replace(preparation=agreed) for files in complete],
        {kind: names for kind, names in lonely.items() if names},
        problems,
    )


def match_fused(
    names: Sequence[str], method: str, folder: str | Path, affixes: Sequence[str] = ()
) -> tuple[ImageList, NameMatch]:
    """Match the images of a method to pairs.

    Args:
        names (Sequence[str]): Of the pairs, each with a full stop after it.
        method (str): Its name, which may stand before or after that of a pair.
        folder (str | Path): Of its images.
        affixes (Sequence[str]): See :func:`.match_names`.

    Returns:
        tuple[ImageList, NameMatch]: The images, and the match of the pairs to their names.

    Raises:
        FileNotFoundError: There is no such folder.
        NotADirectoryError: It is no folder.
    """
    listed = _list_images(folder)
    found = sorted(listed.names, key=natural_key)
    return listed, match_names(names, found, (*AFFIXES, method), affixes, affixes)


def inspect_files(
    files: Sequence[FusionFiles],
    metrics: Iterable[str],
    convention: str,
    workers: int = 1,
    progress: bool = False,
) -> tuple[list[tuple], dict[str, list[str]]]:
    """Decode all files once and list those that cannot be measured.

    Args:
        files (Sequence[FusionFiles]): What to look at.
        metrics (Iterable[str]): The metrics that are wanted.
        convention (str): The convention that they are wanted under.
        workers (int): Number of threads. Defaults to 1.
        progress (bool): Show on standard error how far it is. Defaults to False.

    Returns:
        tuple[list[tuple], dict[str, list[str]]]: Of each pair the shapes of what
        :func:`read_files` returns; and the problems by kind.
    """
    layouts, problems = [], {}
    inspect = functools.partial(_inspect, convention=convention)
    with contextlib.closing(thread_map(inspect, files, workers)) as results:
        bar = tqdm(results, 'checking', len(files), unit='pair', disable=not progress)
        for layout, found in bar:
            layouts.append(layout)
            for kind, line in found:
                problems.setdefault(kind, []).append(line)
    for metric in metrics:
        side = FUSION_METRICS[metric].min_size(convention)
        small = [
            f'{item.image}: {_size(layout[0])}'
            for item, layout in zip(files, layouts, strict=True)
            if layout and min(layout[0][1:]) < side
        ]
        if small:
            problems[f'pairs below {side}x{side}, too small for {metric}; leave it out'] = small
    return layouts, problems


def _size(shape):
    return f'{shape[2]}x{shape[1]}'


def _inspect(files, convention):
    """Shapes of what can be read, and kind and wording of each problem."""
    shapes, problems = [], []
    for path, read in _readers(files, convention):
        try:
            shapes.append((path, read().shape))
        except PairError as error:
            problems.append(('images that cannot be read', str(error)))
    for path, shape in shapes[1:]:
        reference, expected = shapes[0]
        if shape[1:] != expected[1:]:
            line = f'{path}: expected {_size(expected)} as {reference}, found {_size(shape)}'
            problems.append(('images of another size than their pair', line))
    return tuple(shape for _, shape in shapes), problems
