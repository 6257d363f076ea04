"""Pairs from files, folders, patterns, arrays, tensors and streams."""

import functools
import math
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tsjnet_mm.utils.moved import moved_names
from tsjnet_mm.utils.parallel import thread_map

from .errors import PairError
from .images import OTHER_SIZE, check_finite, check_sizes, image_size, read_image
from .matching import find_pairs, name_all
from .preparation import Preparation
from .thermal import ThermalMap, read_measured, thermal_map
from .warping import fill_unseen

#: Larger images are not read ahead: several of them would need gigabytes.
_MOST_PIXELS_AHEAD = 2**23
#: The images of one modality: a path of an image, a folder or a glob pattern; an array
#: (H, W[, 1 or 3]); a tensor (H, W), (1 or 3, H, W) or (B, 1 or 3, H, W); or an iterable of
#: paths, arrays and tensors, which may be a generator.
Images = str | Path | np.ndarray | torch.Tensor | Iterable


@dataclass
class Pair:
    """One pair, ready to be fused.

    Attributes:
        name (str): Stem of the file that its fused image is written to.
        ir (np.ndarray): Infrared, (H, W) float32 in [0, 1]. Where the camera sees nothing, the
            nearest border pixel is repeated, so that fusors find no edge there.
        vi (np.ndarray): Visible, (H, W, 3) float32 RGB in [0, 1].
        thermal (Callable[[], ThermalMap] | None): Makes the measured infrared values, where
            they are known, for those who need them.
        seen (np.ndarray | None): (H, W) float32 in [0, 1], 0 where the infrared camera sees
            nothing, with soft edges; None if it sees all. See :meth:`.Preparation.seen`.
    """

    name: str
    ir: np.ndarray
    vi: np.ndarray
    thermal: Callable[[], ThermalMap] | None = None
    seen: np.ndarray | None = None

    @property
    def filled(self) -> np.ndarray:
        """Infrared as metrics and losses compare it, see :func:`.fill_unseen`."""
        return fill_unseen(self.ir, self.vi, self.seen)

    @property
    def covered(self) -> float:
        """Share of the visible image that the infrared camera sees, in [0, 1]."""
        return 1.0 if self.seen is None else float((self.seen > 0).mean())


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
        names = dict(zip(paths, name_all(_below_common_folder(paths), ()), strict=True))
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
            ``ir_celsius``, ``ir_unit``, ``resize``, ``homography``.

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


def read_pairs(
    sources: Iterable, preparation: Preparation | None = None, workers: int = 0
) -> Iterator[Pair]:
    """Read pairs in their order.

    Args:
        sources (Iterable): Name, infrared and visible image of each, such as
            :class:`PairSource`.
        preparation (Preparation, optional): How the images are prepared.
        workers (int): Number of threads that read ahead, at most two pairs each; none reads a
            large pair of files ahead. With 0, each pair is read when it is asked for. Defaults
            to 0.

    Yields:
        Pair: The next pair.

    Raises:
        PairError: A pair cannot be used; the message names it.
    """
    preparation = preparation or Preparation()
    if not workers:
        yield from (_read_pair(source, preparation) for source in sources)
        return

    def read(source):
        files = [path for path in source[1:] if is_path(path)]
        if any(math.prod(image_size(path)) > _MOST_PIXELS_AHEAD for path in files):
            return source, None
        return source, _read_pair(source, preparation)

    for source, pair in thread_map(read, sources, workers):
        yield _read_pair(source, preparation) if pair is None else pair


def _read_pair(source, preparation):
    name, one, other = source
    names = _describe(one, 'infrared', name), _describe(other, 'visible', name)
    return read_pair(name, one, other, preparation, names)


def read_pair(
    name: str,
    ir: str | Path | np.ndarray | Tensor,
    vi: str | Path | np.ndarray | Tensor,
    preparation: Preparation,
    names: tuple[str, str],
) -> Pair:
    """Read one pair.

    Args:
        name (str): Of the pair.
        ir (str | Path | np.ndarray | Tensor): Infrared image, see :func:`to_array`.
        vi (str | Path | np.ndarray | Tensor): Visible image.
        preparation (Preparation): How the two are prepared.
        names (tuple[str, str]): What an error or a warning calls them.

    Returns:
        Pair: The pair, prepared.

    Raises:
        PairError: It cannot be used; the message names the image.
    """
    measured, preparation = read_measured(ir, preparation)
    if measured is None and is_path(ir) and is_path(vi) and not preparation.moves_infrared:
        check_sizes(ir, vi, OTHER_SIZE)  # before either is decoded
    path = ir if is_path(ir) else None
    stored = to_array(ir if measured is None else measured, names[0])
    images = preparation(stored, to_array(vi, names[1]), names)
    size = images[1].shape[:2]
    thermal = functools.partial(thermal_map, stored, preparation, size, names, path)
    return Pair(name, *images, thermal, preparation.seen(stored.shape[:2], size))


__getattr__ = moved_names(
    __name__, dict.fromkeys(('PairList', 'PairSource', 'match_pairs'), 'tsjnet_mm.io.matching')
)
