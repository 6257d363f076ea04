"""Estimate the mapping between two cameras from the edges in their images.

Infrared and visible images have common edges, but the sign and the strength of the edges
differ. So directions are compared: a gradient of angle a is represented by a vector of angle
2a, which does not change if dark and bright are swapped. Its length depends on the strength of
the gradient relative to its surroundings. First, small images are compared at a grid of scales
and angles and at all shifts (one Fourier transform each). Then the correlation is maximised
from the best few of these, coarse to fine, by the forward additive iteration of the enhanced
correlation coefficient (Evangelidis and Psarakis, Parametric image alignment using enhanced
correlation coefficient maximization, PAMI 2008). The difference from the paper is the sum over
two channels.
"""

from collections.abc import Callable

import cv2
import numpy as np

#: Long side of the images at each level, and how many starts are left after it.
LEVELS = ((128, 2), (256, 1))
_STARTS = 6
_SCALES = np.geomspace(0.5, 2, 21)
_ANGLES = np.arange(-6, 7, 2)
_ITERATIONS = 40
#: Likeness of images of one scene. Others were measured at 0.24 and below, but for two at 0.48.
_SAME_SCENE = 0.3


def edge_field(image: np.ndarray, side: int) -> np.ndarray:
    """Directions of the edges, doubled and weighted by how strong they are where they are.

    Args:
        image (np.ndarray): (H, W) float32.
        side (int): The result is no longer than this.

    Returns:
        np.ndarray: (h, w, 2) float32, of length 0 to 4.
    """
    factor = min(1, side / max(image.shape))
    size = [max(round(n * factor), 8) for n in image.shape[::-1]]
    small = cv2.GaussianBlur(cv2.resize(image, size, interpolation=cv2.INTER_AREA), (0, 0), 1.0)
    dx, dy = cv2.Sobel(small, cv2.CV_32F, 1, 0), cv2.Sobel(small, cv2.CV_32F, 0, 1)
    length = cv2.magnitude(dx, dy)
    around = cv2.GaussianBlur(length, (0, 0), max(size) / 24)
    strength = np.minimum(length / (around + 0.25 * length.mean() + 1e-6), 4)
    strength /= np.maximum(length, 1e-9) ** 2
    field = np.stack([strength * (dx * dx - dy * dy), strength * 2 * dx * dy], 2)
    return cv2.GaussianBlur(field, (0, 0), 1.0)


def resizing(size: tuple[int, ...], small: tuple[int, ...]) -> np.ndarray:
    """Matrix from pixels of an image (height, width) to those of its smaller copy."""
    x, y = small[1] / size[1], small[0] / size[0]
    return np.array([[x, 0, (x - 1) / 2], [0, y, (y - 1) / 2], [0, 0, 1]])


def map_corners(matrix: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Positions of the corners of an image (height, width) under a matrix; (4, 2) float64."""
    bottom, right = size[0] - 1, size[1] - 1
    corners = np.float64([[0, 0], [right, 0], [right, bottom], [0, bottom]])
    return cv2.perspectiveTransform(corners[:, None], matrix)[:, 0]


def _similarity(scale, angle, source, target):
    """Fields of view on each other, then scaled and turned about the common centre."""
    matrix = np.eye(3)
    fit = scale * max(target[1] / source[1], target[0] / source[0])
    centre = ((source[1] - 1) / 2, (source[0] - 1) / 2)
    matrix[:2] = cv2.getRotationMatrix2D(centre, angle, fit)
    matrix[0, 2] += (target[1] - 1) / 2 - centre[0]
    matrix[1, 2] += (target[0] - 1) / 2 - centre[1]
    return matrix


def _reach(size):
    return size[0] // 4, size[1] // 4


def search(ir: np.ndarray, vi: np.ndarray) -> np.ndarray:
    """Correlate at all scales, angles and shifts up to a quarter of the image.

    Args:
        ir (np.ndarray): Field of :func:`edge_field`, (h, w, 2).
        vi (np.ndarray): The same of the visible image; the size may differ.

    Returns:
        np.ndarray: (scales, angles, shifts in y, shifts in x) float32: the fields'
        product over the roots of their powers in the overlap, so that a large one counts more.
    """
    height, width = vi.shape[:2]
    rows, columns = _reach(vi.shape)
    padded = tuple(cv2.getOptimalDFTSize(2 * n) for n in (height, width))
    vi = (vi - vi.mean((0, 1))).astype(np.float32)
    spectrum = np.fft.fft2(vi[..., 0] + 1j * vi[..., 1], padded)
    spectrum /= max(np.sqrt((vi**2).mean()), 1e-9)
    middle = np.array([[1, 0, width // 2], [0, 1, height // 2], [0, 0, 1.0]])
    ir = ir - ir.mean((0, 1))
    scores = np.empty((len(_SCALES), len(_ANGLES), 2 * rows + 1, 2 * columns + 1), np.float32)
    y = height // 2 + np.arange(rows, -rows - 1, -1)
    x = width // 2 + np.arange(columns, -columns - 1, -1)
    for i, scale in enumerate(_SCALES):
        for j, angle in enumerate(_ANGLES):
            matrix = middle @ _similarity(scale, angle, ir.shape, vi.shape)
            warped = cv2.warpAffine(ir, matrix[:2], padded[::-1])
            transform = np.fft.fft2(warped[..., 0] + 1j * warped[..., 1])
            # entry (y, x): the fields' product where vi's origin lies at (y, x) on the canvas
            product = np.fft.ifft2(transform * spectrum.conj()).real
            energy = cv2.integral((warped**2).sum(2))
            energy = (
                energy[np.ix_(y + height, x + width)]
                - energy[np.ix_(y, x + width)]
                - energy[np.ix_(y + height, x)]
                + energy[np.ix_(y, x)]
            )
            scores[i, j] = product[np.ix_(y, x)] / np.sqrt(np.maximum(energy, 1e-3))
    return scores


def best_starts(scores: np.ndarray, ir: tuple, vi: tuple) -> list[np.ndarray]:
    """The mappings that score best, each apart from the others.

    Args:
        scores (np.ndarray): What :func:`search` returns.
        ir (tuple): Height and width of the infrared field.
        vi (tuple): The same of the visible one.

    Returns:
        list[np.ndarray]: (3, 3) each, from infrared to visible field, best first.
    """
    rows, columns = _reach(vi)
    best = scores.reshape(len(_SCALES), len(_ANGLES), -1)
    where = best.argmax(2)
    starts, taken = [], []
    for index in np.argsort(-best.max(2), axis=None):
        i, j = np.unravel_index(index, where.shape)
        y, x = np.unravel_index(where[i, j], scores.shape[2:])
        shift = np.array([[1, 0, x - columns], [0, 1, y - rows], [0, 0, 1.0]])
        matrix = shift @ _similarity(_SCALES[i], _ANGLES[j], ir, vi)
        corners = map_corners(matrix, ir)
        if all(np.abs(corners - other).max() > 8 for other in taken):
            starts.append(matrix)
            taken.append(corners)
        if len(starts) == _STARTS:
            break
    return starts


def refine(ir: np.ndarray, vi: np.ndarray, matrix: np.ndarray) -> tuple[float, np.ndarray]:
    """Maximise the correlation of two fields under an affine mapping, from a start.

    Args:
        ir (np.ndarray): Field of :func:`edge_field`, (h, w, 2).
        vi (np.ndarray): The same of the visible image; the size may differ.
        matrix (np.ndarray): (3, 3), from infrared to visible field.

    Returns:
        tuple[float, np.ndarray]: Correlation times the root of the part of the visible image
        that the infrared one covers (a small part correlates by chance), and the matrix, where
        the correlation was highest. The score is -1 where less than a tenth is covered or there
        are no edges.
    """
    (high, wide), (height, width) = ir.shape[:2], vi.shape[:2]
    # parameters act on the visible field's coordinates in [-1, 1], for one order of magnitude
    half = max(height, width) / 2
    pixels = np.array([[half, 0, (width - 1) / 2], [0, half, (height - 1) / 2], [0, 0, 1.0]])
    right, down = np.meshgrid(
        np.float32((np.arange(width) - pixels[0, 2]) / half),
        np.float32((np.arange(height) - pixels[1, 2]) / half),
    )
    slopes = [cv2.Sobel(ir, -1, *axis, scale=1 / 8) for axis in ((1, 0), (0, 1))]
    slopes = np.concatenate(slopes, 2)
    back = (np.linalg.inv(matrix) @ pixels)[:2]
    best = -1.0, matrix, 1.0
    for _ in range(_ITERATIONS):
        x = back[0, 0] * right + back[0, 1] * down + back[0, 2]
        y = back[1, 0] * right + back[1, 1] * down + back[1, 2]
        seen = (x >= 1) & (x <= wide - 2) & (y >= 1) & (y <= high - 2)
        if seen.mean() < 0.1:
            break
        u, v = right[seen], down[seen]
        to_ir = back @ np.linalg.inv(pixels)
        size, flags = (width, height), cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        warped = cv2.warpAffine(ir, to_ir, size, flags=flags)[seen]
        slope = cv2.warpAffine(slopes, to_ir, size, flags=flags)[seen]
        warped, fixed = warped - warped.mean(0), vi[seen] - vi[seen].mean(0)
        norms = np.linalg.norm(warped), np.linalg.norm(fixed)
        if min(norms) < 1e-2:
            break
        warped, slope, fixed = warped / norms[0], slope / norms[0], fixed / norms[1]
        hessian, toward, away = np.zeros((6, 6)), np.zeros(6), np.zeros(6)
        for channel in range(2):
            gx, gy = slope[:, channel], slope[:, 2 + channel]
            parts = np.stack([gx * u, gx * v, gx, gy * u, gy * v, gy])
            hessian += parts @ parts.T
            toward += parts @ fixed[:, channel]
            away += parts @ warped[:, channel]
        cross = float((warped * fixed).sum())
        if cross > best[0]:
            whole = pixels @ np.linalg.inv(np.vstack([back, [0, 0, 1]]))
            best = cross, whole, seen.mean()
        hessian += np.eye(6) * (1e-4 * np.trace(hessian) / 6 + 1e-12)
        solved = np.linalg.solve(hessian, np.stack([toward, away], 1))
        below = cross - toward @ solved[:, 1]
        if below <= 0:
            break
        factor = (1 - away @ solved[:, 1]) / below
        step = (factor * solved[:, 0] - solved[:, 1]).reshape(2, 3)
        back = back + step
        if np.abs(step).max() < 0.005 or abs(np.linalg.det(back[:, :2])) < 1e-6:
            break
    correlation, matrix, covered = best
    return correlation * np.sqrt(covered), matrix


class Edges:
    """Edges of an image at every level.

    Args:
        image (np.ndarray): (H, W) float32.

    Attributes:
        size (tuple[int, int]): H and W.
        fields (list[np.ndarray]): One :func:`edge_field` for each of ``LEVELS``.
    """

    def __init__(self, image: np.ndarray) -> None:
        image = np.ascontiguousarray(image, np.float32)
        self.size = image.shape
        self.fields = [edge_field(image, side) for side, _ in LEVELS]

    def down(self, level: int) -> np.ndarray:
        """Matrix from pixels of the image to those of a level."""
        return resizing(self.size, self.fields[level].shape)


def estimate(ir: Edges, vi: Edges) -> tuple[float, np.ndarray]:
    """Estimate the mapping of one pair; it may be wrong.

    Args:
        ir (Edges): The infrared image's.
        vi (Edges): The visible image's.

    Returns:
        tuple[float, np.ndarray]: Score of :func:`refine` and affine matrix, from infrared to
        visible pixels.
    """
    sizes = ir.fields[0].shape[:2], vi.fields[0].shape[:2]
    starts = best_starts(search(ir.fields[0], vi.fields[0]), *sizes)
    found = [(0.0, np.linalg.inv(vi.down(0)) @ start @ ir.down(0)) for start in starts]
    for level, (_, kept) in enumerate(LEVELS):
        down, up = ir.down(level), np.linalg.inv(vi.down(level))
        into, out = np.linalg.inv(up), np.linalg.inv(down)
        fields = ir.fields[level], vi.fields[level]
        refined = [refine(*fields, into @ matrix @ out) for _, matrix in found]
        refined.sort(key=lambda entry: -entry[0])
        found = [(score, up @ matrix @ down) for score, matrix in refined[:kept]]
    return found[0]


def estimate_all(
    pairs: list[tuple[Edges, Edges]], progress: Callable = iter
) -> list[np.ndarray | None]:
    """Mapping of each of several pairs.

    Args:
        pairs (list[tuple[Edges, Edges]]): Infrared and visible.
        progress (Callable): ``progress(pairs)`` iterates over them. Defaults to no display.

    Returns:
        list[np.ndarray | None]: (3, 3) each; None where the images show no edges.
    """
    found = []
    for ir, vi in progress(pairs):
        score, matrix = estimate(ir, vi)
        found.append(matrix if score > 0 else None)
    return found


def remove_fixed(pairs: list[tuple[Edges, Edges]]) -> None:
    """Remove structures at the same place in all images of a camera: overlays, borders, mounts.

    They would agree between all pairs. Nothing remains of pairs of a static scene.

    Args:
        pairs (list[tuple[Edges, Edges]]): Infrared and visible, changed in place.
    """
    for camera in zip(*pairs, strict=True):
        for level in range(len(LEVELS)):
            mean = np.mean([edges.fields[level] for edges in camera], 0)
            for edges in camera:
                edges.fields[level] = edges.fields[level] - mean


def scene_score(one: Edges, other: Edges) -> float:
    """Similarity of two images of one camera, at the best shift up to a quarter.

    Args:
        one (Edges): Of the first image.
        other (Edges): Of the second one, of the same size.

    Returns:
        float: Correlation, at most 1; 0 where an image shows no edges.
    """
    fields = one.fields[0], other.fields[0]
    padded = [cv2.getOptimalDFTSize(n + n // 4) for n in fields[0].shape[:2]]
    spectra = [np.fft.fft2(field[..., 0] + 1j * field[..., 1], padded) for field in fields]
    product = np.fft.ifft2(spectra[0] * spectra[1].conj()).real
    norm = np.linalg.norm(fields[0]) * np.linalg.norm(fields[1])
    return float(product.max() / norm) if norm > 1 else 0.0


def different_scenes(pairs: list[tuple[Edges, Edges]]) -> list[int]:
    """Leave out pairs that show the scene of an earlier one, such as frames of a video.

    Such pairs could agree on the same mistake.

    Args:
        pairs (list[tuple[Edges, Edges]]): Infrared and visible.

    Returns:
        list[int]: Indices, ascending.
    """
    kept = []
    for i, pair in enumerate(pairs):
        again = (scene_score(pairs[k][camera], pair[camera]) for k in kept for camera in (0, 1))
        if all(value < _SAME_SCENE for value in again):
            kept.append(i)
    return kept


def find_group(corners: np.ndarray, limit: float) -> np.ndarray:
    """The largest group of mappings that lie close to one of them.

    Args:
        corners (np.ndarray): (N, 4, 2), where each puts the corners.
        limit (float): No corner lies farther than this from that one's.

    Returns:
        np.ndarray: Indices, ascending; of groups of one size, the closest.
    """
    if len(corners) == 0:
        return np.zeros(0, int)
    apart = np.linalg.norm(corners[:, None] - corners, axis=3).max(2)
    near = apart <= limit
    hub = max(range(len(near)), key=lambda i: (near[i].sum(), -apart[i][near[i]].sum()))
    return np.flatnonzero(near[hub])
