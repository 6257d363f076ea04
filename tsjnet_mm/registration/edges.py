"""Directions of the edges in an image, which both cameras see alike.

Infrared and visible images have common edges, but the sign and the strength of the edges
differ. So directions are compared: a gradient of angle a is represented by a vector of angle
2a, which does not change if dark and bright are swapped. Its length depends on the strength of
the gradient relative to its surroundings.
"""

from collections.abc import Sequence

import cv2
import numpy as np

#: Long sides of the images: searched and refined; matched by block, coarse; fine.
LEVELS = (128, 256, 512)
#: Likeness of images of one scene. Others were measured at 0.24 and below, but for two at 0.48.
_SAME_SCENE = 0.3


def edge_field(
    image: np.ndarray, side: int, smooth: float = 1.0, valid: np.ndarray | None = None
) -> np.ndarray:
    """Directions of the edges, doubled and weighted by how strong they are where they are.

    Args:
        image (np.ndarray): (H, W) float32.
        side (int): The result is no longer than this.
        smooth (float): Standard deviation in pixels of the Gaussian filter of the result.
            Defaults to 1.0.
        valid (np.ndarray, optional): (H, W) bool; where it is False, the image shows nothing.

    Returns:
        np.ndarray: (h, w, 2) float32, of length 0 to 3; 0 where the image is not valid.
    """
    size = field_size(image.shape, side)[::-1]
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), 0.6)
    dx, dy = cv2.Sobel(small, cv2.CV_32F, 1, 0), cv2.Sobel(small, cv2.CV_32F, 0, 1)
    length = cv2.magnitude(dx, dy)
    if valid is not None and not valid.all():
        inside = cv2.resize(valid.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)
        length *= cv2.erode(inside, np.ones((7, 7), np.uint8), borderValue=1)
    around = cv2.GaussianBlur(length, (0, 0), max(size) / 36)
    strength = np.minimum(length / (around + 0.2 * length.mean() + 1e-6), 4) ** 0.7
    strength /= np.maximum(length, 1e-9) ** 2
    field = np.stack([strength * (dx * dx - dy * dy), strength * 2 * dx * dy], 2)
    return cv2.GaussianBlur(field, (0, 0), smooth)


def field_size(size: tuple[int, ...], side: int) -> tuple[int, int]:
    """Height and width of the field of an image: its own, or with ``side`` as the longer one.

    Args:
        size (tuple[int, ...]): Height and width of the image.
        side (int): The field is no longer than this.

    Returns:
        tuple[int, int]: Height and width, at least 8.
    """
    factor = min(1, side / max(size))
    return max(round(size[0] * factor), 8), max(round(size[1] * factor), 8)


def seen_area(image: np.ndarray) -> np.ndarray:
    """Where an image shows the scene rather than a border of one value, as a warp leaves it.

    Args:
        image (np.ndarray): (H, W) float32.

    Returns:
        np.ndarray: (H, W) bool: all, unless areas of one value at the corners enclose an area
        of straight sides.
    """
    height, width = image.shape
    border = np.zeros((height + 2, width + 2), np.uint8)
    for x, y in ((0, 0), (width - 1, 0), (0, height - 1), (width - 1, height - 1)):
        if not border[y + 1, x + 1]:
            flags = 4 | cv2.FLOODFILL_MASK_ONLY | cv2.FLOODFILL_FIXED_RANGE | (1 << 8)
            cv2.floodFill(image.copy(), border, (x, y), 0, 1e-4, 1e-4, flags)
    inside = border[1:-1, 1:-1] == 0
    if not 0.1 < inside.mean() < 0.995:
        return np.ones_like(inside)
    hull = cv2.convexHull(cv2.findNonZero(inside.astype(np.uint8)))
    filled = cv2.fillConvexPoly(np.zeros((height, width), np.uint8), hull, 1)
    is_straight = filled.sum() - inside.sum() < 0.7 * cv2.arcLength(hull, True)
    return inside if is_straight else np.ones_like(inside)


def resizing(size: tuple[int, ...], small: tuple[int, ...]) -> np.ndarray:
    """Matrix from pixels of an image (height, width) to those of its smaller copy."""
    x, y = small[1] / size[1], small[0] / size[0]
    return np.array([[x, 0, (x - 1) / 2], [0, y, (y - 1) / 2], [0, 0, 1]])


def map_corners(matrix: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Positions of the corners of an image (height, width) under a matrix; (4, 2) float64."""
    bottom, right = size[0] - 1, size[1] - 1
    corners = np.float64([[0, 0], [right, 0], [right, bottom], [0, bottom]])
    return cv2.perspectiveTransform(corners[:, None], matrix)[:, 0]


class Edges:
    """An image and its edges at every level.

    Args:
        image (np.ndarray): (H, W) float32.

    Attributes:
        image (np.ndarray): The image.
        size (tuple[int, int]): H and W.
        valid (np.ndarray): (H, W) bool, see :func:`seen_area`.
        sharp (np.ndarray): :func:`edge_field` of the first level, to be searched.
        fields (list[np.ndarray]): A smoother one for each of ``LEVELS``, to be refined.
    """

    def __init__(self, image: np.ndarray) -> None:
        self.image = np.ascontiguousarray(image, np.float32)
        self.size = self.image.shape
        self.valid = seen_area(self.image)
        self.sharp = edge_field(self.image, LEVELS[0], 0.7, self.valid)
        self.fields = [edge_field(self.image, side, 1.0, self.valid) for side in LEVELS]

    def down(self, level: int) -> np.ndarray:
        """Matrix from pixels of the image to those of a level."""
        return resizing(self.size, self.fields[level].shape)


def remove_fixed(pairs: Sequence[tuple[Edges, Edges]]) -> None:
    """Remove structures at the same place in all images of a camera: overlays, borders, mounts.

    They would agree between all pairs. Nothing remains of pairs of a static scene.

    Args:
        pairs (Sequence[tuple[Edges, Edges]]): Infrared and visible, changed in place.
    """
    for camera in zip(*pairs, strict=True):
        mean = np.mean([edges.sharp for edges in camera], 0)
        for edges in camera:
            edges.sharp = edges.sharp - mean
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


def different_scenes(pairs: Sequence[tuple[Edges, Edges]]) -> list[int]:
    """Leave out pairs that show the scene of an earlier one, such as frames of a video.

    Such pairs could agree on the same mistake.

    Args:
        pairs (Sequence[tuple[Edges, Edges]]): Infrared and visible.

    Returns:
        list[int]: Indices, ascending.
    """
    kept = []
    for i, pair in enumerate(pairs):
        again = (scene_score(pairs[k][camera], pair[camera]) for k in kept for camera in (0, 1))
        if all(value < _SAME_SCENE for value in again):
            kept.append(i)
    return kept
