"""Pairs to fuse, whatever they come as: files, folders, globs, arrays, tensors, streams."""

import glob
import os
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch

from .errors import PairError
from .images import (
    IMAGE_EXTENSIONS,
    OTHER_SIZE,
    check_finite,
    check_sizes,
    different_sizes,
    infrared_to_unit,
    read_image,
    visible_to_unit,
)


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


def _list_folder(folder):
    return [
        path
        for path in sorted(folder.iterdir())
        if path.suffix.lower() in IMAGE_EXTENSIONS and not path.name.startswith('.')
    ]


def _list_files(source):
    """Files that a folder or a glob names, or None where it names a single file."""
    path = Path(source)
    if path.is_dir():
        files, kind = _list_folder(path), 'folder'
    elif path.exists():
        return None
    elif not glob.has_magic(str(source)):
        raise FileNotFoundError(f'no such file or folder: {path}')
    else:
        files = sorted(map(Path, glob.glob(str(source), recursive=True)))
        files = [file for file in files if file.suffix.lower() in IMAGE_EXTENSIONS]
        kind = 'pattern'
    if not files:
        raise FileNotFoundError(
            f'no images ({", ".join(IMAGE_EXTENSIONS)}) in the {kind} {source}'
        )
    return files


def _by_stem(files):
    stems = {}
    for file in files:
        if file.stem in stems:
            raise PairError.of(
                'ambiguous name', file, 'one file of each stem', f'also {stems[file.stem]}'
            )
        stems[file.stem] = file
    return stems


def find_pairs(ir, vi):
    """Pairs of image files.

    Args:
        ir (str | Path): An image, a folder of them, or a glob pattern (``**`` recurses).
        vi (str | Path): The same of the visible images, which pair by file stem.

    Returns:
        list[tuple[str, str, str]]: Stem of the visible image, infrared path, visible path,
        sorted by stem.

    Raises:
        FileNotFoundError: There is no such file or folder, or it holds no images.
        ValueError: Several files come with a single one.
        PairError: A file has no partner, two files have one stem, or one is no image.
    """
    lists = [_list_files(source) for source in (ir, vi)]
    if (lists[0] is None) != (lists[1] is None):
        raise ValueError(f'give two files or two folders, got {ir} and {vi}')
    if lists[0] is None:
        for path in map(Path, (ir, vi)):
            if path.suffix.lower() not in IMAGE_EXTENSIONS:
                raise PairError.of(
                    'not an image', path, f'one of {", ".join(IMAGE_EXTENSIONS)}', path.suffix
                )
        return [(Path(vi).stem, str(ir), str(vi))]
    irs, vis = map(_by_stem, lists)
    for ours, others, where in ((irs, vis, vi), (vis, irs, ir)):
        lonely = sorted(set(ours) - set(others))
        if lonely:
            more = f' (and {len(lonely) - 1} more)' if len(lonely) > 1 else ''
            raise PairError.of(
                'no partner',
                ours[lonely[0]],
                f'an image {lonely[0]}.* in {where}',
                f'none{more}',
            )
    return [(stem, str(irs[stem]), str(vis[stem])) for stem in sorted(vis)]


def is_path(source):
    """Whether a source is a path or pattern rather than an image or a stream of images."""
    return isinstance(source, str | os.PathLike)


def _is_image(source):
    return is_path(source) or isinstance(source, np.ndarray | torch.Tensor)


def to_array(image, name):
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


def _named_sources(ir, vi):
    """Yield (name, ir, vi) of single images, lazily."""
    if is_path(ir) and is_path(vi):
        yield from find_pairs(ir, vi)
        return
    if _is_image(ir) != _is_image(vi):
        raise TypeError(
            'give two images or two sequences of images, got '
            f'{type(ir).__name__} and {type(vi).__name__}'
        )
    batches = isinstance(ir, torch.Tensor) and ir.dim() == 4
    if _is_image(ir) and not batches:
        ir, vi = [ir], [vi]
    for index, (one, other) in enumerate(zip(ir, vi, strict=True)):
        name = Path(other).stem if is_path(other) else f'{index:06d}'
        yield name, one, other


def _describe(source, modality, name):
    return str(source) if is_path(source) else f'{modality} image {name}'


def warp(ir, homography, size):
    """Bring an infrared image onto the visible image's pixels.

    Args:
        ir (np.ndarray): (H, W) float32.
        homography (np.ndarray): (3, 3), from infrared to visible pixel coordinates.
        size (tuple[int, int]): Height and width of the visible image.

    Returns:
        np.ndarray: (height, width) float32. Where the infrared camera saw nothing, its
        nearest border pixel is repeated.
    """
    return cv2.warpPerspective(
        ir,
        np.asarray(homography, np.float64),
        (size[1], size[0]),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )


def _fit(ir, vi, resize, names):
    if ir.shape == vi.shape[:2]:
        return ir
    if not resize:
        raise different_sizes(names[0], ir.shape, names[1], vi.shape[:2], OTHER_SIZE)
    shrinks = ir.shape[0] > vi.shape[0]
    flags = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return cv2.resize(ir, (vi.shape[1], vi.shape[0]), interpolation=flags)


def iterate_pairs(
    ir, vi, ir_range=None, ir_percentiles=None, resize=False, homography=None, skip=None
):
    """Read pairs one after the other, so that a thousand need no more memory than one.

    Args:
        ir: Infrared images: a path of an image, a folder or a glob pattern; an array
            (H, W[, 1 or 3]); a tensor (H, W), (1 or 3, H, W) or (B, 1 or 3, H, W); or an
            iterable of paths, arrays and tensors, which may be a generator.
        vi: Visible images, the same way; arrays are RGB.
        ir_range (tuple[float, float], optional): See
            :func:`~tsjnet_mm.io.images.infrared_to_unit`.
        ir_percentiles (tuple[float, float], optional): See there.
        resize (bool): Resize infrared images to their visible partner's size; otherwise a
            difference is an error. Defaults to False.
        homography (np.ndarray, optional): (3, 3), from infrared to visible pixels: every
            infrared image is warped by it.
        skip (Callable, optional): ``skip(name)``: leave the pair out, unread.

    Yields:
        Pair: The next pair; arrays without a name are numbered from ``000000`` on.

    Raises:
        FileNotFoundError: A path does not exist.
        PairError: A pair cannot be used; the message names it.
        TypeError: A source is of an unknown type, or the two do not match in kind.
        ValueError: The two iterables differ in length.
    """
    for name, one, other in _named_sources(ir, vi):
        if skip is not None and skip(name):
            continue
        names = _describe(one, 'infrared', name), _describe(other, 'visible', name)
        if is_path(one) and is_path(other) and not resize and homography is None:
            check_sizes(one, other, OTHER_SIZE)  # before either is decoded
        infrared = infrared_to_unit(to_array(one, names[0]), names[0], ir_range, ir_percentiles)
        visible = visible_to_unit(to_array(other, names[1]), names[1])
        if homography is not None:
            infrared = warp(infrared, homography, visible.shape[:2])
        yield Pair(name, _fit(infrared, visible, resize, names), visible)


def count_pairs(ir, vi):
    """Number of pairs, for a progress bar.

    Args:
        ir: See :func:`iterate_pairs`.
        vi: See there.

    Returns:
        int | None: None for streams, which do not know their length.
    """
    if is_path(ir) and is_path(vi):
        files = _list_files(vi)
        return 1 if files is None else len(files)
    if isinstance(vi, np.ndarray) or (isinstance(vi, torch.Tensor) and vi.dim() < 4):
        return 1
    return len(vi) if hasattr(vi, '__len__') else None
