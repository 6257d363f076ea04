"""Shapes of objects from their boxes and classes: boxes, ovals, outlines."""

from collections.abc import Sequence

import cv2
import numpy as np

#: Classes whose outline has no deep bays: they nearly fill their boxes.
SOLID_CLASSES = ('car', 'bus', 'truck', 'van', 'train', 'tram')


def is_solid(name: str) -> bool:
    """Whether a class is a vehicle with a body, by its name.

    Args:
        name (str): Of the class, in any case.

    Returns:
        bool: True for cars, buses, trucks, vans, trains and trams.
    """
    return name.lower() in SOLID_CLASSES


def whole_box(
    box: Sequence[float] | np.ndarray, size: tuple[int, int]
) -> tuple[int, int, int, int]:
    """A box on whole pixels inside the image, at least one pixel large.

    Args:
        box (Sequence[float] | np.ndarray): Corners xyxy.
        size (tuple[int, int]): Height and width of the image.

    Returns:
        tuple[int, int, int, int]: Corners xyxy, right and bottom edge exclusive.
    """
    height, width = size
    left, top, right, bottom = (round(float(edge)) for edge in box)
    left, top = min(max(left, 0), width - 1), min(max(top, 0), height - 1)
    return left, top, min(max(right, left + 1), width), min(max(bottom, top + 1), height)


def oval(
    size: tuple[int, int], box: Sequence[float], scale: float = 1.0, solid: bool = False
) -> np.ndarray:
    """The oval in a box: an ellipse, or for solid things a rounded rectangle.

    Args:
        size (tuple[int, int]): Height and width of the image.
        box (Sequence[float]): Corners xyxy in pixels.
        scale (float): Of the oval's axes. Defaults to 1.
        solid (bool): Rounded rectangle instead of ellipse. Defaults to False.

    Returns:
        np.ndarray: (H, W) bool; at least one pixel of a box inside the image.
    """
    mask = np.zeros(size, bool)
    x1, y1, x2, y2 = whole_box(box, size)
    left, top, right, bottom = (float(edge) for edge in box)
    y, x = np.ogrid[y1:y2, x1:x2]
    x = (x + 0.5 - (left + right) / 2) / max(scale * (right - left) / 2, 0.71)
    y = (y + 0.5 - (top + bottom) / 2) / max(scale * (bottom - top) / 2, 0.71)
    power = 4 if solid else 2
    mask[y1:y2, x1:x2] = x**power + y**power <= 1
    return mask


def tidy(mask: np.ndarray, solid: bool = False) -> np.ndarray:
    """Smooth an outline, drop specks and close small holes.

    Args:
        mask (np.ndarray): (H, W) bool.
        solid (bool): Take the convex hull. Defaults to False.

    Returns:
        np.ndarray: (H, W) bool; empty where nothing is left.
    """
    mask = cv2.medianBlur(mask.astype(np.uint8), 5)
    count, pieces, stats, _ = cv2.connectedComponentsWithStats(mask)
    if count > 2:
        areas = stats[1:, cv2.CC_STAT_AREA]
        mask = np.isin(pieces, 1 + np.flatnonzero(areas >= 0.1 * areas.max())).astype(np.uint8)
    outlines, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    if not outlines:
        return mask.astype(bool)
    if solid:
        hull = cv2.convexHull(np.concatenate(outlines))
        return cv2.fillPoly(mask, [hull], 1).astype(bool)
    filled = cv2.drawContours(np.zeros_like(mask), outlines, -1, 1, cv2.FILLED)
    _, pieces, stats, _ = cv2.connectedComponentsWithStats(filled - mask, connectivity=4)
    small = np.flatnonzero(stats[:, cv2.CC_STAT_AREA] < 0.05 * mask.sum())
    mask[np.isin(pieces, small[small > 0])] = 1
    return mask.astype(bool)
