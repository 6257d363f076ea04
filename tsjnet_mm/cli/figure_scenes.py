"""Arguments, selection and reading of scenes, for the tools that draw a grid of them."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from tsjnet_mm.io.errors import PairError

from .arguments import add_affix_arguments, add_method_paths, add_out_files, add_pair_folders

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.figure import Figure

    from tsjnet_mm.evaluation.image_files import FusionFiles


def add_source_folders(parser: argparse.ArgumentParser) -> None:
    """Add ``--ir`` and ``--vi``, the folders of the pairs, and their affixes."""
    add_pair_folders(parser)
    add_affix_arguments(parser)


def add_method_images(parser: argparse.ArgumentParser) -> None:
    """Add ``--images``, what to draw on."""
    words = 'folder of images of each method (default: the visible ones)'
    add_method_paths(parser, '--images', words)


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
    add_out_files(parser, '.png or .pdf, or both', required=True)


def find_folders(
    args: argparse.Namespace, folders: Mapping[str, str]
) -> tuple[list[FusionFiles], dict[str, list[str]]]:
    """The files of all scenes, and what lacks a partner or fits several, by kind.

    Refuses to write a figure over one of these files, see :func:`.check_outputs`.
    """
    from tsjnet_mm.evaluation.image_files import find_files
    from tsjnet_mm.io.outputs import check_outputs

    files, lonely, ambiguous = find_files(
        folders, args.ir, args.vi, ir_affix=args.ir_affix, vi_affix=args.vi_affix
    )
    read = [path for item in files for path in (item.ir, item.vi, *item.fused.values())]
    check_outputs(args.out, read, overwrite=True)
    return files, {**lonely, **ambiguous}


def choose_scenes(
    args: argparse.Namespace, folders: Mapping[str, str], errors: Mapping[str, Sequence[int]]
) -> list[FusionFiles]:
    """The files of the scenes to show: those that are named, or the most differing.

    Scenes without an entry in ``errors``, see :func:`most_differing`, are not looked at.
    Raises what :func:`find_scenes` raises.
    """
    files, problems = find_folders(args, folders)
    files = [item for item in files if item.image in errors]
    files = find_scenes(files, problems, args.scene)
    if args.scene:
        return files
    chosen = most_differing({item.image: errors[item.image] for item in files}, args.count)
    return [item for item in files if item.image in chosen]


def find_scenes(
    files: Sequence[FusionFiles], problems: Mapping[str, list[str]], wanted: Iterable[str]
) -> list[FusionFiles]:
    """The files of the wanted scenes in that order, or of all where none is wanted.

    Raises PairError where there is no such scene, or none at all; ``problems`` of
    :func:`~tsjnet_mm.evaluation.image_files.find_files` say why.
    """
    from tsjnet_mm.utils.words import format_problems

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


def write_figure(figure: Figure, paths: Sequence[str], scenes: Iterable[str]) -> None:
    """Write a figure; print its scenes as options, and the paths."""
    from tsjnet_mm.visualization import save_figure

    for path in paths:
        save_figure(figure, path)
    print(*(f'--scene {scene}' for scene in scenes), sep='\n')
    print(f'written: {", ".join(paths)}')


def read_scene(files: FusionFiles, recoloured: bool = False) -> list[np.ndarray]:
    """Infrared, visible and fused images of a scene, (H, W, 1 or 3) in [0, 1] each.

    Grey fused images get the visible image's chroma if ``recoloured``. Raises PairError where
    one cannot be read, or they differ in size.
    """
    import torch

    from tsjnet_mm.evaluation.image_files import read_files
    from tsjnet_mm.io.images import different_sizes
    from tsjnet_mm.utils import recolour

    ir, *images = (torch.from_numpy(image / 255.0) for image in read_files(files, 'plain'))
    for path, image in zip((files.vi, *files.fused.values()), images, strict=True):
        if image.shape[1:] != ir.shape[1:]:
            raise different_sizes(path, image.shape[1:], files.ir, ir.shape[1:])
    vi, *fused = images
    if recoloured:
        fused = [recolour(image, vi) if image.shape[0] == 1 else image for image in fused]
    return [image.permute(1, 2, 0).numpy() for image in (ir, vi, *fused)]
