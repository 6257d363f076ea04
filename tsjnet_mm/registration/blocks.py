"""Match blocks of two edge fields, and fit a mapping to the blocks that agree."""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from .edges import map_corners

#: Side of blocks as a part of the longer side of the field; half a side lies between them.
_SIDE = 1 / 8
#: A block needs this part of the fields' mean power.
_POWER = 0.35
#: Blocks agree with a mapping that come this near to where it puts them, in parts of a side.
_NEAR = 3 / 64
#: A homography is taken for an affine mapping if it predicts blocks by this much better.
_BETTER = 0.97


@dataclass
class Blocks:
    """Blocks of an infrared field and where they are in the visible one.

    Attributes:
        ir (np.ndarray): (N, 2), x and y of their centres in the infrared field.
        vi (np.ndarray): (N, 2), where they fit best in the visible one.
        shifts (np.ndarray): (N, 2), from where the mapping puts them to there.
        near (float): How far from there blocks agree with the mapping, in pixels.
    """

    ir: np.ndarray
    vi: np.ndarray
    shifts: np.ndarray
    near: float

    @property
    def agree(self) -> np.ndarray:
        """(N,) bool: the blocks that agree with the mapping."""
        return np.linalg.norm(self.shifts, axis=1) <= self.near

    def take(self, chosen: np.ndarray | slice) -> 'Blocks':
        """Some of the blocks.

        Args:
            chosen (np.ndarray | slice): Which.

        Returns:
            Blocks: Those.
        """
        return Blocks(self.ir[chosen], self.vi[chosen], self.shifts[chosen], self.near)


def warp_field(field: np.ndarray, matrix: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """An edge field under a mapping, its directions turned as the mapping turns its middle.

    Args:
        field (np.ndarray): (h, w, 2).
        matrix (np.ndarray): (3, 3).
        size (tuple[int, int]): Height and width of the result.

    Returns:
        np.ndarray: (height, width, 2); 0 outside the field.
    """
    x, y = field.shape[1] / 2, field.shape[0] / 2
    ends = np.float64([[x, y], [x + 1, y], [x, y + 1]])[:, None]
    centre, right, down = cv2.perspectiveTransform(ends, matrix)[:, 0]
    right, down = right - centre, down - centre
    double = 2 * np.arctan2(right[1] - down[0], right[0] + down[1])
    c, s = np.cos(double), np.sin(double)
    warped = cv2.warpPerspective(field, matrix, size[::-1])
    return cv2.transform(warped, np.float32([[c, -s], [s, c]]))


def match_blocks(ir: np.ndarray, vi: np.ndarray, matrix: np.ndarray, radius: int) -> Blocks:
    """Find each block of the infrared field around where a mapping puts it.

    Args:
        ir (np.ndarray): Field of :func:`.edge_field`, (h, w, 2).
        vi (np.ndarray): The same of the visible image; the size may differ.
        matrix (np.ndarray): (3, 3), from infrared to visible field.
        radius (int): Largest shift in pixels.

    Returns:
        Blocks: Those with edges in both fields.
    """
    side = max(16, round(_SIDE * max(vi.shape)))
    target, shifts = [], []
    for x, y, fits in iterate_fits(warp_field(ir, matrix, vi.shape[:2]), vi, side, radius):
        row, column = np.unravel_index(fits.argmax(), fits.shape)
        target.append((x + (side - 1) / 2, y + (side - 1) / 2))
        shifts.append((_peak(fits[row], column), _peak(fits[:, column], row)))
    target = np.reshape(target, (-1, 2)).astype(np.float64)
    shifts = np.reshape(shifts, (-1, 2)).astype(np.float64) - radius
    source = target[:, None]
    if len(target):
        source = cv2.perspectiveTransform(source, np.linalg.inv(matrix))
    return Blocks(source[:, 0], target + shifts, shifts, _NEAR * side)


def iterate_fits(
    ir: np.ndarray, vi: np.ndarray, side: int, radius: int
) -> Iterator[tuple[int, int, np.ndarray]]:
    """Correlate blocks of one field, half a side apart, with another around their place.

    Args:
        ir (np.ndarray): Field of :func:`.edge_field`, (h, w, 2).
        vi (np.ndarray): The other one, of the same size.
        side (int): Of a block, in pixels.
        radius (int): Largest shift in pixels.

    Yields:
        tuple[int, int, np.ndarray]: Left and top of a block with edges in both fields, and its
        correlation, at most 1, at each shift down and to the right: (2 radius + 1,
        2 radius + 1).
    """
    height, width = vi.shape[:2]
    around = cv2.copyMakeBorder(vi, *[radius] * 4, cv2.BORDER_CONSTANT)
    power = [(field**2).sum(2) for field in (ir, vi)]
    sums = [cv2.integral(values) for values in power]
    both = (power[0] > 0) & (power[1] > 0)
    if not both.any():
        return
    enough = [_POWER * side**2 * values[both].mean() for values in power]
    for y in range(0, height - side + 1, side // 2):
        for x in range(0, width - side + 1, side // 2):
            ends = y + side, x + side
            inside = [s[ends] - s[y, ends[1]] - s[ends[0], x] + s[y, x] for s in sums]
            if any(value < least for value, least in zip(inside, enough, strict=True)):
                continue
            window = around[y : ends[0] + 2 * radius, x : ends[1] + 2 * radius]
            block = ir[y : ends[0], x : ends[1]]
            yield x, y, cv2.matchTemplate(window, block, cv2.TM_CCORR_NORMED)


def _peak(values, index):
    """Place of a maximum between samples, by a parabola through three of them."""
    if not 0 < index < len(values) - 1:
        return float(index)
    before, at, after = values[index - 1 : index + 2]
    curve = before - 2 * at + after
    return index + (0.5 * float(before - after) / curve if curve < -1e-9 else 0.0)


def join(parts: list[Blocks]) -> Blocks:
    """Blocks of several pairs of one rig, in one."""
    fields = ('ir', 'vi', 'shifts')
    joined = (np.concatenate([getattr(part, name) for part in parts]) for name in fields)
    return Blocks(*joined, parts[0].near)


def _fit_affine(source, target):
    columns = np.linalg.lstsq(np.c_[source, np.ones(len(source))], target, rcond=None)[0]
    return np.vstack([columns.T, [0, 0, 1]])


def _fit_homography(source, target):
    return cv2.findHomography(source[:, None], target[:, None], 0)[0]


def _error(matrix, source, target):
    if matrix is None:
        return np.full(len(source), np.inf)
    return np.linalg.norm(
        cv2.perspectiveTransform(source[:, None], matrix)[:, 0] - target, axis=1
    )


def fit(blocks: Blocks) -> tuple[np.ndarray, str] | None:
    """Fit a mapping to blocks, most of which may be wrong (MAGSAC++, by OpenCV).

    It is affine, unless a homography of one half of the blocks that agree predicts the other
    half better than an affine mapping does.

    Args:
        blocks (Blocks): At least 8.

    Returns:
        tuple[np.ndarray, str] | None: (3, 3) from infrared to visible field, and ``'affine'``
        or ``'homography'``; None if none fits.
    """
    source, target = blocks.ir, blocks.vi
    if len(source) < 8:
        return None
    cv2.setRNGSeed(0)
    _, agree = cv2.findHomography(
        source[:, None], target[:, None], cv2.USAC_MAGSAC, blocks.near, None, 2000, 0.999
    )
    if agree is None or agree.sum() < 8:
        return None
    source, target = source[agree[:, 0] > 0], target[agree[:, 0] > 0]
    errors = []
    for model in (_fit_affine, _fit_homography):
        apart = []
        for half in (0, 1):
            here, there = slice(half, None, 2), slice(1 - half, None, 2)
            matrix = model(source[here], target[here])
            apart.append(_error(matrix, source[there], target[there]))
        errors.append(np.sqrt((np.concatenate(apart) ** 2).mean()))
    is_affine = errors[1] > _BETTER * errors[0]
    matrix = (_fit_affine if is_affine else _fit_homography)(source, target)
    if matrix is None or not is_plausible(matrix, source):
        return None
    return matrix, 'affine' if is_affine else 'homography'


def is_plausible(matrix: np.ndarray, points: np.ndarray) -> bool:
    """Whether a mapping keeps the orientation and scales no part of the points' area oddly.

    Args:
        matrix (np.ndarray): (3, 3).
        points (np.ndarray): (N, 2), where it is used.

    Returns:
        bool: False where lengths change by more than 1:3 between parts or directions.
    """
    low, high = points.min(0), points.max(0)
    if (high - low).min() < 1:
        return False
    shift = np.array([[1, 0, low[0]], [0, 1, low[1]], [0, 0, 1.0]])
    size = tuple(np.ceil(high - low).astype(int)[::-1] + 1)
    corners = map_corners(matrix @ shift, size)
    sides = np.roll(corners, -1, 0) - corners
    turns = sides[:, 0] * np.roll(sides[:, 1], -1) - sides[:, 1] * np.roll(sides[:, 0], -1)
    if not np.isfinite(corners).all() or (turns <= 0).any():
        return False
    scales = np.linalg.norm(sides, axis=1) / np.tile((size[1] - 1, size[0] - 1), 2)
    return bool(scales.max() < 3 * scales.min())
