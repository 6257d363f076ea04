"""Combine the masks of objects in one mask of class indices."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from tsjnet_mm.utils import whole_file

from .object_mask import ObjectMask
from .shapes import whole_box

IGNORED = 255
#: Share of a box inside another from which the smaller is taken to be in front.
_INSIDE = 0.8
#: Width of the uncertain band along outlines, as a share of an object's shorter side.
_BAND, _WIDEST_BAND = 0.04, 3


def compose_masks(
    size: tuple[int, int],
    boxes: Sequence[Sequence[float]] | np.ndarray,
    objects: Sequence[ObjectMask],
    indices: Sequence[int],
    ignored: Sequence[Sequence[float]] = (),
    scene: np.ndarray | None = None,
) -> np.ndarray:
    """Put the masks of all objects into one.

    Where two objects overlap, the pixel belongs to the one in front. That is the smaller object
    if at least four fifths of its box are inside the other's, else the object whose box ends
    lower. Uncertain pixels become 255, which training ignores: a band along each outline, of 1
    pixel up to 3 for objects of 75 and more pixels; the box outside the ellipse for objects
    that are a guess; and boxes in ``ignored``. All other pixels are 0, or as in ``scene``.

    Args:
        size (tuple[int, int]): Height and width.
        boxes (Sequence[Sequence[float]] | np.ndarray): N boxes xyxy in pixels.
        objects (Sequence[ObjectMask]): N masks.
        indices (Sequence[int]): N classes, 1 to 254.
        ignored (Sequence[Sequence[float]]): Boxes of what is not to be learnt, xyxy.
        scene (np.ndarray, optional): (H, W) uint8, class of each pixel without the objects.

    Returns:
        np.ndarray: (H, W) uint8.
    """
    boxes = [whole_box(box, size) for box in boxes]
    owners = _settle(boxes, [item.mask for item in objects])
    result = np.zeros(size, np.uint8) if scene is None else scene.copy()
    for box in (whole_box(box, size) for box in ignored):
        result[box[1] : box[3], box[0] : box[2]] = IGNORED
    for box, item in zip(boxes, objects, strict=True):
        if item.method == 'ellipse':
            result[box[1] : box[3], box[0] : box[2]] = IGNORED
    for box, mask in zip(boxes, owners, strict=True):
        result[_band(mask, box)] = IGNORED
    for box, mask, index in zip(boxes, owners, indices, strict=True):
        core = mask & ~_band(mask, box)
        result[core if core.any() else mask] = index
    return result


def _settle(boxes, masks):
    """Each mask without the pixels of objects in front of it."""
    owned = [mask.copy() for mask in masks]
    for one in range(len(masks)):
        for other in range(one):
            shared = masks[one] & masks[other]
            if shared.any():
                hidden = one if _in_front(boxes[other], boxes[one]) else other
                owned[hidden] &= ~shared
    return owned


def _in_front(box, other):
    areas = [(b[2] - b[0]) * (b[3] - b[1]) for b in (box, other)]
    width = min(box[2], other[2]) - max(box[0], other[0])
    height = min(box[3], other[3]) - max(box[1], other[1])
    if max(width, 0) * max(height, 0) >= _INSIDE * min(areas):
        return areas[0] < areas[1]
    return box[3] > other[3]


def _band(mask, box):
    """Pixels on both sides of an outline."""
    side = min(box[2] - box[0], box[3] - box[1])
    kernel = np.ones((3, 3), np.uint8)
    bits = mask.astype(np.uint8)
    if side * _BAND < 1:  # a pixel outside alone: small objects have none to lose
        return (cv2.dilate(bits, kernel) - bits).astype(bool)
    width = min(round(side * _BAND), _WIDEST_BAND)
    outer = cv2.dilate(bits, kernel, iterations=(width + 1) // 2)
    inner = cv2.erode(
        bits, kernel, iterations=width // 2, borderType=cv2.BORDER_CONSTANT, borderValue=1
    )
    return (outer - inner).astype(bool)


def save_mask(
    mask: np.ndarray, path: str | Path, palette: Sequence[tuple[int, int, int]]
) -> None:
    """Write a mask as a palette PNG that appears only when it is complete.

    Args:
        mask (np.ndarray): (H, W) uint8.
        path (str | Path): The file.
        palette (Sequence[tuple[int, int, int]]): RGB of each class; 255 is shown white.
    """
    image = Image.fromarray(mask, 'L').convert('L')
    colours = np.zeros((256, 3), np.uint8)
    colours[: len(palette)] = palette
    colours[IGNORED] = 255
    image.putpalette(colours.tobytes())
    with whole_file(path) as partial:
        image.save(partial)
