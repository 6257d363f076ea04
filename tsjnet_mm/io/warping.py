"""A mapping from infrared to visible pixels: checked, read from a file, applied."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from .errors import PairError
from .lens import Lens
from .text import expect, read_json

#: Width of the band along the edge of the infrared camera's view in which its weight rises from
#: 0 to 1, as a share of the diagonal: 8 pixels of an image of 640x480.
_SOFT_EDGE = 0.01


@dataclass(frozen=True)
class Homography:
    """A mapping from infrared to visible pixel coordinates, and the sizes it was made for.

    Attributes:
        matrix (tuple[tuple[float, ...], ...]): 3x3.
        ir_size (tuple[int, int] | None): Width and height of the infrared images that it is
            for; None where that is not known.
        vi_size (tuple[int, int] | None): The same of the visible images.
        source (str): The file it was read from, for errors.

    Raises:
        ValueError: The matrix is not 3x3, holds other things than finite numbers, or cannot
            be inverted; or a size is not two whole numbers above 0.
    """

    matrix: tuple[tuple[float, ...], ...]
    ir_size: tuple[int, int] | None = None
    vi_size: tuple[int, int] | None = None
    source: str = 'the homography'

    def __post_init__(self) -> None:
        try:
            matrix = np.array(self.matrix, np.float64)
        except (OverflowError, TypeError, ValueError) as error:
            raise ValueError(
                f'{self.source}: expected a 3x3 list of numbers ({error})'
            ) from error
        if matrix.shape != (3, 3) or not np.isfinite(matrix).all():
            raise ValueError(
                f'{self.source}: expected a 3x3 matrix of numbers, found {matrix.shape}'
            )
        if abs(np.linalg.det(matrix)) < 1e-12:
            raise ValueError(f'{self.source}: the homography cannot be inverted')
        object.__setattr__(self, 'matrix', tuple(map(tuple, matrix.tolist())))
        for name in ('ir_size', 'vi_size'):
            size = getattr(self, name)
            if size is not None:
                object.__setattr__(self, name, self._check_size(name, size))

    def _check_size(self, name, size):
        is_list = isinstance(size, list | tuple) and len(size) == 2
        if not is_list or not all(type(side) is int and side > 0 for side in size):
            raise ValueError(
                f'{self.source}: expected {name} as two whole numbers, width and height, '
                f'found {size!r}'
            )
        return tuple(size)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.matrix, dtype or np.float64)

    def tolist(self) -> list[list[float]]:
        """The matrix as three lists of three numbers."""
        return [list(row) for row in self.matrix]

    def check_sizes(
        self, ir: tuple[int, int], vi: tuple[int, int], names: tuple[str, str]
    ) -> None:
        """Refuse images of other sizes than the mapping was made for.

        Args:
            ir (tuple[int, int]): Height and width of the infrared image.
            vi (tuple[int, int]): The same of the visible image.
            names (tuple[str, str]): What an error calls the two.

        Raises:
            PairError: A size differs.
        """
        for name, found, wanted in zip(
            names, (ir, vi), (self.ir_size, self.vi_size), strict=True
        ):
            if wanted is not None and found[::-1] != wanted:
                raise PairError.of(
                    'different sizes',
                    name,
                    f'{wanted[0]}x{wanted[1]}, the size {self.source} was made for (make one '
                    'for these images with tools/register.py)',
                    f'{found[1]}x{found[0]}',
                )


def load_homography(path: str | Path) -> Homography:
    """Read a homography.

    Args:
        path (str | Path): JSON file: an object whose ``homography`` is a 3x3 list, from
            infrared to visible pixel coordinates; where it has ``ir_size`` or ``vi_size``,
            width and height, it is for images of these sizes alone.

    Returns:
        Homography: The mapping.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It holds something else, or a matrix that cannot be inverted.
    """
    expected = 'a JSON object with "homography", a 3x3 list'
    content = read_json(path, expected=expected)
    with expect(path, expected):
        matrix = np.array(content['homography'], np.float64)
        sizes = content.get('ir_size'), content.get('vi_size')
    return Homography(matrix, *sizes, str(path))


def warp(
    ir: np.ndarray, homography: np.ndarray | Homography, size: tuple[int, ...]
) -> np.ndarray:
    """Bring an infrared image onto the visible image's pixels.

    Args:
        ir (np.ndarray): (H, W) float32.
        homography (np.ndarray | Homography): (3, 3), from infrared to visible pixel
            coordinates.
        size (tuple[int, ...]): Height and width of the visible image; a shape will do.

    Returns:
        np.ndarray: (height, width) float32. Where the infrared camera saw nothing, its
        nearest border pixel is repeated: see :func:`seen_weights`.
    """
    return cv2.warpPerspective(
        ir,
        np.asarray(homography, np.float64),
        (size[1], size[0]),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )


@functools.lru_cache(4)
def seen_weights(
    homography: Homography | None,
    lens: Lens | None,
    ir_size: tuple[int, int],
    size: tuple[int, int],
) -> np.ndarray | None:
    """Weights of the infrared image on the visible image's pixels.

    A pixel is seen if its centre is within an infrared pixel.

    Args:
        homography (Homography | None): From infrared to visible pixels. None: the fields of
            view are the same.
        lens (Lens | None): The infrared lens, whose distortion was taken out.
        ir_size (tuple[int, int]): Height and width of the infrared image.
        size (tuple[int, int]): Height and width of the visible image.

    Returns:
        np.ndarray | None: (height, width) float32 in [0, 1], read-only: 0 exactly where the
        infrared camera sees nothing, 1 where it sees, and in between in a narrow band along the
        edge of its view. None if it sees all.
    """
    (high, wide), (height, width) = ir_size, size
    if homography is None:
        matrix = np.diag([width / wide, height / high, 1.0])
        matrix[:2, 2] = matrix[0, 0] / 2 - 0.5, matrix[1, 1] / 2 - 0.5
    else:
        matrix = np.asarray(homography)
    # Signed, so that what is before the camera has a positive depth: a perspective maps points
    # behind it, too.
    back = np.linalg.inv(matrix) * np.sign(matrix[2] @ ((wide - 1) / 2, (high - 1) / 2, 1))
    right, down = np.arange(width), np.arange(height)[:, None]
    # A pixel is seen that is before the camera and on the inner side of the image's four edges.
    half = 0.5 + 1e-6
    edges = [back[2]]
    for row, last in zip(back[:2], (wide - 1, high - 1), strict=True):
        edges += [row + half * back[2], (last + half) * back[2] - row]
    seen = np.logical_and.reduce([a * right + (b * down + c) > 0 for a, b, c in edges])
    if lens is not None:
        x, y, depth = (row[0] * right + (row[1] * down + row[2]) for row in back)
        depth[~seen] = np.inf
        straight = np.float32(lens.seen(ir_size))
        at = np.float32(x / depth), np.float32(y / depth)
        seen &= cv2.remap(straight, *at, cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE) > 0
    if seen.all():
        return None
    distance = cv2.distanceTransform(np.uint8(seen), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    weights = np.minimum(distance / max(1, _SOFT_EDGE * np.hypot(*size)), 1).astype(np.float32)
    weights.flags.writeable = False
    return weights


def fill_unseen(ir: np.ndarray, vi: np.ndarray, seen: np.ndarray | None) -> np.ndarray:
    """Show the visible luma where the infrared camera sees nothing, as a fused image does.

    Args:
        ir (np.ndarray): (H, W) float32, on the visible image's pixels.
        vi (np.ndarray): (H, W, 3) float32 RGB.
        seen (np.ndarray | None): Weights of :func:`seen_weights`.

    Returns:
        np.ndarray: (H, W) float32; ``ir`` itself if all is seen.
    """
    if seen is None:
        return ir
    luma = cv2.cvtColor(np.ascontiguousarray(vi), cv2.COLOR_RGB2GRAY)
    return luma + seen * (ir - luma)
