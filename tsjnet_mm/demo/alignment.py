"""Align the two uploads of the web page, and show how they lie on each other."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

from tsjnet_mm.io.pairs import Pair
from tsjnet_mm.io.warping import Homography, seen_weights, warp
from tsjnet_mm.registration.blocks import is_plausible
from tsjnet_mm.registration.edges import map_corners, resizing
from tsjnet_mm.registration.homography import (
    Registration,
    RegistrationError,
    register_pairs,
    register_points,
    to_luma,
)
from tsjnet_mm.registration.parallax import measure_parallax

from .uploads import DemoError

#: Where the four points of a visitor begin, as parts of the infrared image.
_STARTS = ((0.25, 0.25), (0.75, 0.25), (0.75, 0.75), (0.25, 0.75))
#: An infrared image that covers this much of the visible one covers it.
_WHOLE = 0.98
#: In 28 pairs of two registered data sets the edges coincide in 4 % of the image or more.
#: After a warp or a shift by 14 pixels they do so in 1.4 % at most.
_FEW = 0.025
#: Longest side, in pixels, of the picture of misaligned regions.
_MASK_SIDE = 768


@dataclass(frozen=True)
class Alignment:
    """How the infrared image of two uploads is brought onto the visible one.

    Attributes:
        sources (tuple[str | None, str | None]): The uploaded files that it is of.
        found (Registration | None): The mapping; None leaves the pair as it is.
        sizes (tuple[tuple[int, int], tuple[int, int]]): Height and width of the infrared and
            of the visible image.
        words (str): What became of the registration.
        is_refused (bool): Whether none was found that can be trusted.
        points (tuple[tuple[float, ...], ...]): x and y in the infrared and x and y in the
            visible image of each point that the visitor chose; empty without any.
    """

    sources: tuple[str | None, str | None]
    found: Registration | None
    sizes: tuple[tuple[int, int], tuple[int, int]]
    words: str
    is_refused: bool = False
    points: tuple[tuple[float, ...], ...] = ()

    @property
    def matrix(self) -> np.ndarray:
        """(3, 3), from infrared to visible pixels; without a mapping that of resizing."""
        return resizing(*self.sizes) if self.found is None else self.found.homography

    @property
    def homography(self) -> Homography | None:
        """What a :class:`.Preparation` takes."""
        if self.found is None:
            return None
        sizes = (size[::-1] for size in self.sizes)
        return Homography(self.found.homography, *sizes, 'the alignment')

    def save(self, path: str | Path) -> Path:
        """Write the mapping as ``tools/register.py`` does; gives the path."""
        self.found.save(path, *(size[::-1] for size in self.sizes))
        return Path(path)


def leave_as_is(sources: tuple[str | None, str | None], pair: Pair) -> Alignment:
    """The alignment of a pair that nobody has registered.

    Args:
        sources (tuple[str | None, str | None]): See :class:`Alignment`.
        pair (Pair): Infrared (H, W) and visible (h, w[, 3]), float32 in [0, 1], each in its
            own size.

    Returns:
        Alignment: Without a mapping.
    """
    sizes = pair.ir.shape, pair.vi.shape[:2]
    words = 'As uploaded.'
    if sizes[0] != sizes[1]:
        shown = ['x'.join(map(str, size[::-1])) for size in sizes]
        words = f'As uploaded: {shown[0]} infrared pixels over {shown[1]} visible ones.'
    return Alignment(sources, None, sizes, words)


def keep_or_leave(
    alignment: Alignment | None, sources: tuple[str | None, str | None], pair: Pair
) -> Alignment:
    """An alignment that was found, if it is of this pair.

    Args:
        alignment (Alignment | None): What was found before.
        sources (tuple[str | None, str | None]): See :class:`Alignment`.
        pair (Pair): See :func:`leave_as_is`. Another range may read another picture of a
            radiometric JPEG, which has another size.

    Returns:
        Alignment: It, or that of :func:`leave_as_is`.
    """
    found = leave_as_is(sources, pair)
    if alignment is None or alignment.sources != sources or alignment.sizes != found.sizes:
        return found
    return alignment


def register(sources: tuple[str | None, str | None], pair: Pair) -> Alignment:
    """Register a pair by its edges.

    Args:
        sources (tuple[str | None, str | None]): See :class:`Alignment`.
        pair (Pair): See :func:`leave_as_is`.

    Returns:
        Alignment: With the mapping, or the words why none is trusted.
    """
    sizes = pair.ir.shape, pair.vi.shape[:2]
    try:
        found = register_pairs([pair])
    except RegistrationError as error:
        words = (
            f'Refused: {error.reason}. Choose four points by hand, or fuse the pair as it is.'
        )
        return Alignment(sources, None, sizes, words, is_refused=True)
    return Alignment(sources, found, sizes, f'Registered: {found}.')


def align_by_points(
    sources: tuple[str | None, str | None], pair: Pair, points: Any
) -> Alignment:
    """Align a pair by corresponding points.

    Args:
        sources (tuple[str | None, str | None]): See :class:`Alignment`.
        pair (Pair): See :func:`leave_as_is`.
        points (Any): (N, 4), see :func:`.register_points`; what a browser sent.

    Returns:
        Alignment: With the mapping.

    Raises:
        DemoError: They are no such points, or the mapping turns the image over.
    """
    sizes = pair.ir.shape, pair.vi.shape[:2]
    try:
        array = np.array(points, np.float64)
        if array.ndim != 2 or array.shape[1] != 4 or len(array) > 64:
            raise RegistrationError('expected x and y in both images of each of four points')
        found = register_points(array)
    except (RegistrationError, TypeError, ValueError) as error:
        raise DemoError(f'The points give no mapping: {error}.') from error
    if not is_plausible(found.homography, map_corners(np.eye(3), sizes[0])):
        raise DemoError(
            'The points give no mapping of a camera: they turn the infrared image over or '
            'stretch it oddly, so compare them one by one.'
        )
    words = f'Aligned by {len(array)} points.'
    return Alignment(sources, found, sizes, words, points=tuple(map(tuple, array.tolist())))


def describe_overlay(alignment: Alignment, pair: Pair, folder: str | Path) -> dict:
    """What the page shows of an alignment, in addition to the two images.

    Args:
        alignment (Alignment): Of the pair.
        pair (Pair): See :func:`leave_as_is`.
        folder (str | Path): Gets a PNG of the regions that stay misaligned.

    Returns:
        dict: Plain values: ``sizes`` and ``matrix`` as of the alignment, ``points`` to begin
        with, ``words``, whether it is ``refused``, and ``mask``, the path of the PNG or None.
    """
    size, matrix = pair.vi.shape[:2], alignment.matrix
    seen = seen_weights(Homography(matrix), None, pair.ir.shape, size)
    left = measure_parallax(warp(pair.ir, matrix, size), to_luma(pair.vi), seen)
    words = alignment.words
    if not alignment.is_refused:
        share = 1.0 if seen is None else float((seen > 0).mean())
        if share < _WHOLE:
            words += (
                f' The infrared image covers {share:.0%} of the visible one; around it, the '
                'fused image is the visible one.'
            )
    if left.coincident >= _FEW:
        rest = left if left.share else 'no region is known to be misaligned'
        words += f' Edges coincide in {left.coincident:.0%} of the image; {rest}.'
    elif not alignment.is_refused:
        words += (
            ' The edges hardly coincide: look at the overlay, and register the pair or choose '
            'four points by hand if it shows things twice.'
        )
    points = alignment.points
    if not points:
        height, width = pair.ir.shape
        starts = np.array(_STARTS) * (width - 1, height - 1)
        mapped = cv2.perspectiveTransform(starts[:, None], matrix)[:, 0]
        mapped = mapped.clip(0, np.array(size[::-1]) - 1)
        points = np.hstack([starts, mapped]).round(2).tolist()
    return {
        'sizes': [list(size[::-1]) for size in alignment.sizes],
        'matrix': matrix.tolist(),
        'points': [list(point) for point in points],
        'words': words,
        'refused': alignment.is_refused,
        'mask': _save_mask(left.mask, folder)
        if left.share and left.coincident >= _FEW
        else None,
    }


def _save_mask(mask, folder):
    path = Path(folder) / 'misaligned.png'
    scale = min(1, _MASK_SIDE / max(mask.shape))
    mask = cv2.resize(mask, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    picture = np.zeros((*mask.shape, 4), np.uint8)
    picture[..., 0] = 255
    picture[..., 3] = np.rint(mask * 128)
    Image.fromarray(picture).save(path)
    return str(path)
