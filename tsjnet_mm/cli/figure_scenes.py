"""Arguments, selection and reading of scenes, for the tools that draw a grid of them."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from tsjnet_mm.io.errors import PairError

from .arguments import (
    add_affix_arguments,
    add_figure_out,
    add_pair_folders,
    parse_named_path,
)

if TYPE_CHECKING:
    import numpy as np

    from tsjnet_mm.evaluation.image_files import FusionFiles


def add_source_folders(parser: argparse.ArgumentParser) -> None:
    """Add ``--ir`` and ``--vi``, the folders of the pairs, and their affixes."""
    add_pair_folders(parser)
    add_affix_arguments(parser)


def add_method_images(parser: argparse.ArgumentParser) -> None:
    """Add ``--images``, what to draw on."""
    parser.add_argument(
        '--images',
        nargs='+',
        default=[],
        type=parse_named_path,
        metavar='NAME=DIR',
        help='folder of images of each method (default: the visible ones)',
    )


def add_figure_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of every grid of scenes.

    These are ``--count``, ``--recolour``, ``--highlight``, ``--width``, ``--out`` and
    ``--overwrite``.
    """
    parser.add_argument(
        '--count',
        type=int,
        default=4,
        metavar='N',
        help='number of scenes, if none is named (default: %(default)s)',
    )
    parser.add_argument(
        '--recolour',
        action='store_true',
        help="give grey fused images the visible image's chroma, so that all are in colour",
    )
    parser.add_argument('--highlight', metavar='NAME', help='method with a bold name')
    parser.add_argument(
        '--width',
        type=float,
        default=7.1,
        metavar='INCHES',
        help='printed width, which sets the size of the letters (default: %(default)s)',
    )
    add_figure_out(parser)


def pairing(args: argparse.Namespace) -> dict[str, list[str] | None]:
    """Options of :func:`.find_files` that say how files pair, of the arguments."""
    return {'ir_affix': args.ir_affix, 'vi_affix': args.vi_affix}


def check_not_read(paths: Sequence[str], files: Iterable[FusionFiles]) -> None:
    """Refuse to write a figure over an image that it shows, see :func:`.check_outputs`."""
    from tsjnet_mm.io.outputs import check_outputs

    read = [path for item in files for path in (item.ir, item.vi, *item.fused.values())]
    check_outputs(paths, read, overwrite=True)


def find_scenes(
    files: Sequence[FusionFiles], problems: Mapping[str, list[str]], wanted: Iterable[str]
) -> list[FusionFiles]:
    """The files of the wanted scenes in that order, or of all where none is wanted.

    Raises PairError where there is no such scene, or none at all; ``problems`` of
    :func:`~tsjnet_mm.evaluation.image_files.find_files` say why.
    """
    from tsjnet_mm.evaluation.image_files import format_problems

    found = {item.image: item for item in files}
    missing = [name for name in wanted if name not in found]
    if missing or not found:
        known = f'; such are {", ".join([*found][:10])}' if found else ''
        raise PairError(
            f'no scene {", ".join(missing)} with an image in every folder{known}\n'
            f'{format_problems(problems)}'.rstrip()
        )
    return [found[name] for name in wanted] or [*found.values()]


def check_count(count: int) -> None:
    """Refuse a ``--count`` of scenes below 1."""
    if count < 1:
        raise ValueError(f'--count must be at least 1, got {count}')


def check_scene_figure(args: argparse.Namespace, read: Iterable[str] = ()) -> None:
    """Refuse files that cannot be written or are ``read``, and scenes that are named twice."""
    from tsjnet_mm.visualization import check_figure_path

    for path in args.out:
        check_figure_path(path, args.overwrite, [*read])
    check_count(args.count)
    names = [scene if isinstance(scene, str) else scene[0] for scene in args.scene]
    if len({*names}) != len(names):
        raise ValueError(f'each scene is shown once, got {", ".join(names)}')


def most_differing(errors: Mapping[str, Sequence[int]], count: int) -> list[str]:
    """The scenes on which methods differ most.

    Args:
        errors (Mapping[str, Sequence[int]]): Number of errors of each method in each scene.
            What counts is the largest less the smallest; of a single method, the number.
        count (int): How many scenes.

    Returns:
        list[str]: Their names, in natural order.

    Example:
        >>> most_differing({'1': [3, 3], '2': [0, 4], '10': [1, 0]}, 2)
        ['2', '10']
    """
    from tsjnet_mm.datasets.paired import natural_key

    def difference(name):
        return max(errors[name]) - (min(errors[name]) if len(errors[name]) > 1 else 0)

    names = sorted(errors, key=natural_key)
    chosen = sorted(names, key=difference, reverse=True)[:count]
    return [name for name in names if name in chosen]


def read_scene(files: FusionFiles, recoloured: bool = False) -> list[np.ndarray]:
    """Infrared, visible and fused images of a scene, (H, W, 1 or 3) in [0, 1] each.

    Grey fused images get the visible image's chroma if ``recoloured``. Raises PairError where
    one cannot be read, or they differ in size.
    """
    import torch

    from tsjnet_mm.evaluation.image_files import read_files
    from tsjnet_mm.utils import recolour

    ir, *images = (torch.from_numpy(image / 255.0) for image in read_files(files, 'plain'))
    for path, image in zip((files.vi, *files.fused.values()), images, strict=True):
        found, expected = (f'{side.shape[2]}x{side.shape[1]}' for side in (image, ir))
        if found != expected:
            raise PairError.of('size', path, f'{expected} as {files.ir}', found)
    vi, *fused = images
    if recoloured:
        fused = [recolour(image, vi) if image.shape[0] == 1 else image for image in fused]
    return [image.permute(1, 2, 0).numpy() for image in (ir, vi, *fused)]
