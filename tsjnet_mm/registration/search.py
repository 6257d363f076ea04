"""Search scales, angles and shifts for the mappings under which edges coincide best.

For each scale and angle one Fourier transform correlates the edge fields at all shifts.
"""

import cv2
import numpy as np

from .edges import map_corners

_SCALES = np.geomspace(0.5, 2, 21)
_ANGLES = np.arange(-16, 17, 2)
#: Largest shift, as a part of the visible image's sides.
_REACH = 0.35
#: Mappings are apart that put a corner this many pixels of the field away from each other.
_APART = 8


def _similarity(scale, angle, source, target):
    """Fields of view on each other, then scaled and turned about the common centre."""
    matrix = np.eye(3)
    fit = scale * max(target[1] / source[1], target[0] / source[0])
    centre = ((source[1] - 1) / 2, (source[0] - 1) / 2)
    matrix[:2] = cv2.getRotationMatrix2D(centre, angle, fit)
    matrix[0, 2] += (target[1] - 1) / 2 - centre[0]
    matrix[1, 2] += (target[0] - 1) / 2 - centre[1]
    return matrix


def _turned(field, matrix, angle, size):
    """The field under a mapping that turns it, and its directions with it, by an angle."""
    c, s = np.cos(np.deg2rad(2 * angle)), np.sin(np.deg2rad(2 * angle))
    warped = cv2.warpAffine(field, matrix[:2], size)
    return cv2.transform(warped, np.float32([[c, s], [-s, c]]))


def search(ir: np.ndarray, vi: np.ndarray, count: int) -> list[np.ndarray]:
    """Find the mappings that score best, each apart from the others.

    A score is the fields' product over the roots of their powers in the overlap, and so a
    large overlap counts more. The search covers scales from a half to twice the one at which
    the fields of view coincide, angles up to 16 degrees and shifts up to 0.35 of the image.

    Args:
        ir (np.ndarray): Field of :func:`.edge_field`, (h, w, 2).
        vi (np.ndarray): The same of the visible image; the size may differ.
        count (int): How many mappings are wanted.

    Returns:
        list[np.ndarray]: (3, 3) each, from infrared to visible field, best first.
    """
    height, width = vi.shape[:2]
    rows, columns = int(height * _REACH), int(width * _REACH)
    padded = tuple(cv2.getOptimalDFTSize(2 * n) for n in (height, width))
    canvas = np.zeros((*padded, 2), np.float32)
    canvas[:height, :width] = vi - vi.mean((0, 1))
    spectrum = cv2.dft(canvas)
    ir = np.float32(ir - ir.mean((0, 1)))
    top, left = height // 2, width // 2
    middle = np.array([[1, 0, left], [0, 1, top], [0, 0, 1.0]])
    # entry (y, x) of a product: the fields' product where vi's origin lies at (y, x)
    y, x = slice(top - rows, top + rows + 1), slice(left - columns, left + columns + 1)
    below = slice(y.start + height, y.stop + height)
    right = slice(x.start + width, x.stop + width)
    found = []
    for scale in _SCALES:
        for angle in _ANGLES:
            similarity = _similarity(scale, angle, ir.shape, vi.shape)
            warped = _turned(ir, middle @ similarity, angle, padded[::-1])
            product = cv2.mulSpectrums(cv2.dft(warped), spectrum, 0, conjB=True)
            product = cv2.dft(product, flags=cv2.DFT_INVERSE | cv2.DFT_SCALE)[y, x, 0]
            power = cv2.integral(warped[..., 0] ** 2 + warped[..., 1] ** 2)
            power = power[below, right] - power[y, right] - power[below, x] + power[y, x]
            scores = product / np.sqrt(np.maximum(power, 1e-3))
            row, column = np.unravel_index(scores.argmax(), scores.shape)
            similarity[:2, 2] += columns - column, rows - row
            found.append((float(scores[row, column]), similarity))
    found.sort(key=lambda entry: -entry[0])
    starts, taken = [], []
    for _, matrix in found:
        corners = map_corners(matrix, ir.shape[:2])
        if all(np.abs(corners - other).max() > _APART for other in taken):
            starts.append(matrix)
            taken.append(corners)
        if len(starts) == count:
            break
    return starts
