"""How the infrared camera's pixels map to the visible camera's, from corresponding points."""

import csv
import json
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from tsjnet_mm.utils import whole_file


class RegistrationError(ValueError):
    """The points give no homography; the message says why."""


@dataclass(frozen=True)
class Registration:
    """What :func:`register_points` finds.

    Attributes:
        homography (np.ndarray): (3, 3) float64, from infrared to visible pixel coordinates.
        error (float): Root mean square distance from the points, in visible pixels.
    """

    homography: np.ndarray
    error: float

    def save(self, path, ir_size, vi_size):
        """Write it as :func:`.load_homography` reads it.

        Args:
            path (str | Path): JSON file; whole or not at all.
            ir_size (tuple[int, int]): Width and height of the infrared image.
            vi_size (tuple[int, int]): The same of the visible image.
        """
        content = {
            'homography': self.homography.tolist(),
            'ir_size': list(ir_size),
            'vi_size': list(vi_size),
            'error': self.error,
        }
        with whole_file(path) as partial:
            Path(partial).write_text(json.dumps(content, indent=2) + '\n')


def read_points(path):
    """Read corresponding points.

    Args:
        path (str | Path): CSV file with a line ``x_ir,y_ir,x_vi,y_vi`` a point; a first line
            of names is skipped.

    Returns:
        np.ndarray: (N, 4) float64.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: A line is not four numbers.
    """
    points = []
    with open(path, newline='', encoding='utf-8') as file:
        for number, row in enumerate(csv.reader(file), 1):
            if not row or (number == 1 and row[0].strip() == 'x_ir'):
                continue
            try:
                x_ir, y_ir, x_vi, y_vi = map(float, row)
            except ValueError:
                raise ValueError(
                    f'{path}: line {number}: expected x_ir,y_ir,x_vi,y_vi, '
                    f'found {",".join(row)}'
                ) from None
            points.append((x_ir, y_ir, x_vi, y_vi))
    return np.array(points, np.float64).reshape(-1, 4)


def register_points(points):
    """Fit the mapping to corresponding points, by least squares.

    Args:
        points (np.ndarray): (N, 4): x and y in the infrared image, x and y in the visible.

    Returns:
        Registration: A full homography.

    Raises:
        RegistrationError: There are fewer than four points, or they lie on a line.
    """
    if len(points) < 4:
        raise RegistrationError(f'expected at least 4 points, found {len(points)}')
    source, target = points[:, None, :2], points[:, None, 2:]
    for side in (source, target):
        spread = np.linalg.svd(side[:, 0] - side.mean(0), compute_uv=False)
        if spread[1] < 1e-3 * spread[0] or spread[0] == 0:
            raise RegistrationError('the points lie on a line: spread them over the image')
    matrix, _ = cv2.findHomography(source, target, 0)
    if matrix is None or not np.isfinite(matrix).all() or abs(np.linalg.det(matrix)) < 1e-9:
        raise RegistrationError('no homography fits the points: three of them lie on a line?')
    error = cv2.perspectiveTransform(source, matrix) - target
    return Registration(matrix, float(np.sqrt((error**2).sum(2).mean())))


def draw_checkerboard(ir, vi, tiles=8):
    """Tiles of either image in turn: edges that run on show that the two fit.

    Args:
        ir (np.ndarray): Infrared on the visible image's pixels, (H, W) float32 in [0, 1].
        vi (np.ndarray): Luma of the visible image, (H, W) float32 in [0, 1].
        tiles (int): Tiles along the longer side. Defaults to 8.

    Returns:
        np.ndarray: (H, W) uint8.
    """
    side = -(-max(vi.shape) // tiles)
    y, x = np.indices(vi.shape) // side
    return np.uint8(np.rint(np.where((x + y) % 2 == 0, ir, vi).clip(0, 1) * 255))
