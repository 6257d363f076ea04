"""Finding and reading the files of an evaluation, and saying all that is wrong with them."""

import contextlib
import functools
import os
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from tsjnet_mm.datasets.paired import natural_key
from tsjnet_mm.evaluation.functional import FUSION_METRICS
from tsjnet_mm.io.errors import PairError
from tsjnet_mm.io.images import IMAGE_EXTENSIONS, read_image
from tsjnet_mm.io.names import AFFIXES, match_names
from tsjnet_mm.utils.parallel import thread_map

#: As many problems of a kind are named, the others counted.
_LISTED = 10


class FusionFiles(NamedTuple):
    """The files of a pair and of what methods made of it.

    Attributes:
        image (str): Name of the pair, the stem of its visible image.
        ir (str): Path of the infrared image.
        vi (str): Path of the visible image.
        fused (dict[str, str]): Method to the path of its fused image.
    """

    image: str
    ir: str
    vi: str
    fused: dict


def read_levels(path, keep_channels=False):
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
    if array.dtype == np.uint16:
        array = array / 257
    elif array.dtype.kind == 'f' and array.min() >= 0 and array.max() <= 1:
        array = array * np.float64(255)
    elif array.dtype != np.uint8:
        raise PairError.of(
            'unknown value range',
            path,
            '8 or 16 bits, or floats in [0, 1]',
            f'{array.dtype} from {array.min()} to {array.max()}',
        )
    if array.ndim == 2:
        return array[None]
    if not keep_channels and (array == array[..., :1]).all():
        array = array[..., :1]
    return np.ascontiguousarray(np.moveaxis(array, -1, 0))


def read_files(files, convention):
    """Read a pair and its fused images.

    A grey image that is stored in three channels is read as grey, except a fused one under
    ``'vifb'``, which compares the channels of what is stored as colour.

    Args:
        files (FusionFiles): Their paths.
        convention (str): The convention that they are to be measured under.

    Returns:
        list[np.ndarray]: Infrared, visible and each fused image, see :func:`read_levels`.

    Raises:
        PairError: See :func:`read_levels`.
    """
    return [read_levels(path, keep) for path, keep in _paths(files, convention)]


def _paths(files, convention):
    keep = convention == 'vifb'
    return [
        (files.ir, False),
        (files.vi, False),
        *((path, keep) for path in files.fused.values()),
    ]


def find_files(fused, ir, vi):
    """Find what belongs together by name, see :func:`match_names`.

    Args:
        fused (Mapping[str, str | Path]): Method to the folder of its images.
        ir (str | Path): Folder of the infrared images.
        vi (str | Path): Folder of the visible images.

    Returns:
        tuple[list[FusionFiles], dict[str, list[str]], dict[str, list[str]]]: The pairs that
        all methods have, in natural order; what lacks a partner; and names that fit several
        files. The last two by kind.

    Raises:
        FileNotFoundError: A folder is missing.
        NotADirectoryError: It is no folder.
    """
    lonely, ambiguous = {}, {}

    def match(first, second, *names_of_folders, affixes=AFFIXES):
        result = match_names(first, second, affixes)
        if result.ambiguous:
            heading = 'names that fit several files, {} and {}'.format(*names_of_folders)
            ambiguous[heading] = [
                f'{", ".join(firsts)} and {", ".join(seconds)}'
                for firsts, seconds in result.ambiguous
            ]
        return result

    ir_names, vi_names = _image_names(ir), _image_names(vi)
    pairs = match(vi_names, ir_names, vi, ir)
    lonely[f'visible images in {vi} without an infrared one in {ir}'] = pairs.first_only
    lonely[f'infrared images in {ir} without a visible one in {vi}'] = pairs.second_only
    names = sorted(pairs.partners, key=natural_key)
    partners = {}
    for method, folder in fused.items():
        # Against all visible images: what belongs to one without a partner is not lost.
        found = match(vi_names, _image_names(folder), vi, folder, affixes=(*AFFIXES, method))
        partners[method] = found.partners
        missing = {*found.first_only} & {*names}
        lonely[f'pairs without a fused image of {method} in {folder}'] = [
            os.path.splitext(name)[0] for name in names if name in missing
        ]
        lonely[f'fused images of {method} in {folder} without a pair'] = found.second_only
    files = [
        FusionFiles(
            os.path.splitext(name)[0],
            os.path.join(ir, pairs.partners[name]),
            os.path.join(vi, name),
            {
                method: os.path.join(fused[method], found[name])
                for method, found in partners.items()
            },
        )
        for name in names
        if all(name in found for found in partners.values())
    ]
    return files, {kind: names for kind, names in lonely.items() if names}, ambiguous


def _image_names(folder):
    with os.scandir(folder) as entries:
        names = [
            entry.name
            for entry in entries
            if Path(entry.name).suffix.lower() in IMAGE_EXTENSIONS
            and not entry.name.startswith('.')
        ]
    return sorted(names, key=natural_key)


def inspect_files(files, metrics, convention, workers=1, progress=False):
    """Decode everything once and say what cannot be measured.

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
    for path, keep in _paths(files, convention):
        try:
            shapes.append((path, read_levels(path, keep).shape))
        except PairError as error:
            problems.append(('images that cannot be read', str(error)))
    for path, shape in shapes[1:]:
        reference, expected = shapes[0]
        if shape[1:] != expected[1:]:
            line = f'{path}: expected {_size(expected)} as {reference}, found {_size(shape)}'
            problems.append(('images of another size than their pair', line))
    return tuple(shape for _, shape in shapes), problems


def format_problems(problems):
    """Problems as a text: each kind, their number, and the first of them.

    Args:
        problems (Mapping[str, Sequence[str]]): Kind to a line for each problem.

    Returns:
        str: Several lines, without a final newline.
    """
    lines = []
    for kind, found in problems.items():
        lines.append(f'{kind} ({len(found)}):')
        lines += [f'  {line}' for line in found[:_LISTED]]
        if len(found) > _LISTED:
            lines.append(f'  ... and {len(found) - _LISTED} more')
    return '\n'.join(lines)
