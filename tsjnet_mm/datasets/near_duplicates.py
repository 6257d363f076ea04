"""Find pairs that show the same place: frames of a video or of a fixed camera.

Each image is reduced to 32x32 cells. The value of a cell is its difference from its
surroundings, divided by the contrast there; so it depends on edges but not on brightness or
colour. The similarity of two pairs is the mean of two correlations: of the infrared and of the
visible images.
"""

from pathlib import Path

import cv2
import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from tsjnet_mm.io.images import read_image

#: Similarity from which pairs are near-duplicates; docs/datasets.md says how it was chosen.
THRESHOLD = 0.25
_SIDE = 32
_SIGMA = 2.0  # cells
_NOISE = 2.0  # grey levels: less contrast than this tells nothing
_BLOCK = 256


def describe_pair(ir_path: str | Path, vi_path: str | Path) -> np.ndarray:
    """Compute the descriptor of a pair.

    Args:
        ir_path (str | Path): Infrared image.
        vi_path (str | Path): Visible image.

    Returns:
        np.ndarray: (2048,) float32. The dot product of two descriptors is the similarity of
        the pairs, in -1 to 1: 1 for the same images, about 0 for different scenes.

    Raises:
        PairError: An image cannot be read.
    """
    both = np.concatenate([_describe(read_image(str(path))) for path in (ir_path, vi_path)])
    return (both / np.sqrt(2)).astype(np.float32)


def _describe(image):
    small = cv2.resize(_grey(image), (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
    detail = small - cv2.GaussianBlur(small, (0, 0), _SIGMA)
    contrast = np.sqrt(cv2.GaussianBlur(detail**2, (0, 0), _SIGMA))
    flat = (detail / (contrast + _NOISE)).ravel()
    flat -= flat.mean()
    return flat / max(np.linalg.norm(flat), 1e-6)


def _grey(image):
    if image.ndim == 3:
        image = image.mean(axis=2) if image.dtype != np.uint8 else _luma(image)
    grey = image.astype(np.float32)
    if image.dtype != np.uint8 and np.ptp(grey) > 0:
        # Raw thermal images fill any part of their range.
        grey = (grey - grey.min()) * np.float32(255 / np.ptp(grey))
    return grey


def _luma(image):
    return cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_RGB2GRAY)


def group_near_duplicates(descriptors: np.ndarray, threshold: float = THRESHOLD) -> np.ndarray:
    """Group pairs so that near-duplicates are in the same group.

    Two pairs are in one group if their similarity reaches the threshold, or if a chain of such
    pairs joins them.

    Args:
        descriptors (np.ndarray): (N, 2048) float32 of :func:`describe_pair`.
        threshold (float): Least similarity of near-duplicates; above 1 each pair is a group
            of its own. Defaults to 0.25.

    Returns:
        np.ndarray: (N,) int, the group of each pair, numbered by first member.
    """
    count = len(descriptors)
    groups = np.arange(count)
    for start in range(0, count, _BLOCK):
        block = descriptors[start : start + _BLOCK]
        rows, columns = np.nonzero(block @ descriptors[start:].T >= threshold)
        ends = groups[rows + start], groups[columns + start]
        links = coo_matrix((np.ones(len(rows), bool), ends), (count, count))
        # Joined at once: the links of a long video would fill the memory.
        groups = connected_components(links, directed=False)[1][groups]
    _, first = np.unique(groups, return_index=True)
    number = np.empty(len(first), int)
    number[np.argsort(first)] = np.arange(len(first))
    return number[groups]
