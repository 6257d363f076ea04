"""Distortion of a lens, by a calibration of OpenCV."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from .errors import PairError

#: Names of the two parts of a calibration: those of OpenCV's sample, and others in use.
_MATRIX = ('camera_matrix', 'cameraMatrix', 'Camera_Matrix', 'K')
_COEFFICIENTS = ('distortion_coefficients', 'dist_coeffs', 'distCoeffs', 'D')
_EXPECTED = (
    'an OpenCV calibration: camera_matrix 3x3 and distortion_coefficients of 4, 5, 8, 12 or 14 '
    'numbers'
)


@dataclass(frozen=True)
class Lens:
    """A camera's calibration.

    Attributes:
        camera_matrix (tuple[tuple[float, ...], ...]): 3x3: focal lengths and centre in pixels.
        distortion_coefficients (tuple[float, ...]): 4, 5, 8, 12 or 14, as of OpenCV.
        size (tuple[int, int] | None): Width and height of the images it is for; None where
            that is not known.
        source (str): The file it was read from, for errors.

    Raises:
        ValueError: The numbers are no calibration.
    """

    camera_matrix: tuple[tuple[float, ...], ...]
    distortion_coefficients: tuple[float, ...]
    size: tuple[int, int] | None = None
    source: str = 'the calibration'

    def __post_init__(self) -> None:
        try:
            matrix = np.array(self.camera_matrix, np.float64)
            coefficients = np.array(self.distortion_coefficients, np.float64).ravel()
        except (TypeError, ValueError) as error:
            raise ValueError(f'{self.source}: expected {_EXPECTED} ({error})') from error
        numbers = np.append(matrix.ravel(), coefficients)
        is_known = matrix.shape == (3, 3) and len(coefficients) in (4, 5, 8, 12, 14)
        if (
            not is_known
            or not np.isfinite(numbers).all()
            or min(matrix[0, 0], matrix[1, 1]) <= 0
        ):
            raise ValueError(
                f'{self.source}: expected {_EXPECTED}, found {matrix.shape} and '
                f'{len(coefficients)} numbers'
            )
        object.__setattr__(self, 'camera_matrix', tuple(map(tuple, matrix.tolist())))
        object.__setattr__(self, 'distortion_coefficients', tuple(coefficients.tolist()))
        if self.size is not None:
            object.__setattr__(self, 'size', tuple(map(int, self.size)))

    @classmethod
    def of(cls, value: Lens | str | Path | Mapping | None) -> Lens | None:
        """A lens of what a function was given.

        Args:
            value (Lens | str | Path | Mapping | None): A lens, the path of its file for
                :func:`load_lens`, or what :meth:`to_note` made.

        Returns:
            Lens | None: None for None.

        Raises:
            FileNotFoundError: There is no such file.
            ValueError: It is no calibration.
        """
        if isinstance(value, str | Path):
            return load_lens(value)
        return cls(**value) if isinstance(value, Mapping) else value

    def to_note(self) -> dict:
        """Plain values for JSON, by the names of the attributes but ``source``."""
        return {
            'camera_matrix': [list(row) for row in self.camera_matrix],
            'distortion_coefficients': list(self.distortion_coefficients),
            'size': self.size and list(self.size),
        }

    def undistort(self, image: np.ndarray, name: str) -> np.ndarray:
        """Straighten what the lens bent; the camera matrix stays the same.

        Args:
            image (np.ndarray): (H, W) or (H, W, 3) float32.
            name (str): What an error calls it.

        Returns:
            np.ndarray: The same shape. Where the camera saw nothing, the nearest border pixel
            is repeated.

        Raises:
            PairError: Its size is not that of the calibration.
        """
        size = image.shape[1::-1]
        if self.size is not None and size != self.size:
            raise PairError.of(
                'different sizes',
                name,
                f'{self.size[0]}x{self.size[1]}, the size {self.source} was made for',
                f'{size[0]}x{size[1]}',
            )
        maps = _maps(self.camera_matrix, self.distortion_coefficients, size)
        return cv2.remap(image, *maps, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)

    def seen(self, size: tuple[int, int]) -> np.ndarray:
        """Where a straightened image shows what the camera saw.

        Args:
            size (tuple[int, int]): Height and width of the image.

        Returns:
            np.ndarray: (H, W) bool: False where :meth:`undistort` repeats the border.
        """
        height, width = size
        maps = _maps(self.camera_matrix, self.distortion_coefficients, (width, height))
        return (
            (maps[0] >= -0.5)
            & (maps[0] <= width - 0.5)
            & (maps[1] >= -0.5)
            & (maps[1] <= height - 0.5)
        )


@functools.lru_cache(2)
def _maps(matrix, coefficients, size):
    matrix, coefficients = np.array(matrix), np.array(coefficients)
    return cv2.initUndistortRectifyMap(matrix, coefficients, None, matrix, size, cv2.CV_32FC1)


def load_lens(path: str | Path) -> Lens:
    """Read a calibration that OpenCV's ``FileStorage`` wrote.

    Args:
        path (str | Path): YAML, XML or JSON file with ``camera_matrix`` and
            ``distortion_coefficients``; where it has ``image_width`` and ``image_height``, it
            is for images of this size alone.

    Returns:
        Lens: The calibration.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It holds something else.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f'no such file: {path}')
    try:
        storage = cv2.FileStorage(str(path), cv2.FILE_STORAGE_READ)
        parts = [_read_matrix(storage, names) for names in (_MATRIX, _COEFFICIENTS)]
        size = [int(storage.getNode(f'image_{side}').real()) for side in ('width', 'height')]
        storage.release()
    except (cv2.error, SystemError) as error:
        raise ValueError(f'{path}: expected {_EXPECTED}, found a file that is none') from error
    if any(part is None for part in parts):
        raise ValueError(f'{path}: expected {_EXPECTED}, found a file without them')
    return Lens(*parts, tuple(size) if min(size) > 0 else None, str(path))


def _read_matrix(storage, names):
    for name in names:
        node = storage.getNode(name)
        if not node.empty():
            return node.mat() if node.isMap() else None
    return None
