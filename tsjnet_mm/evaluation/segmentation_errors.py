"""Regions and numbers of wrong pixels in segmentation masks."""

from typing import NamedTuple

import cv2
import numpy as np

# Shares of the image's diagonal and of its pixels, chosen by looking at road scenes of 640x480,
# where they are 5 pixels and 123.
_OPENING, _SMALLEST = 1 / 160, 0.0004


class ErrorRegion(NamedTuple):
    """A connected part of an image in which a mask is wrong.

    Attributes:
        kind (str): ``'missing'``: an object was taken for background; ``'incorrect'``:
            background, or an object of another class, was taken for an object.
        centre (tuple[float, float]): Of the smallest rectangle around it: x and y in pixels.
        size (tuple[float, float]): Width and height of that rectangle.
        angle (float): By which it is turned, degrees clockwise.
        area (int): Wrong pixels in it.
    """

    kind: str
    centre: tuple[float, float]
    size: tuple[float, float]
    angle: float
    area: int


def _check_masks(predicted, truth):
    if predicted.shape != truth.shape or truth.ndim != 2:
        raise ValueError(
            f'expected two masks (H, W) of one size, got {predicted.shape} and {truth.shape}'
        )


def error_regions(
    predicted: np.ndarray,
    truth: np.ndarray,
    background: int = 0,
    ignore_index: int = 255,
    opening: int | None = None,
    min_area: int | None = None,
) -> list[ErrorRegion]:
    """Find the larger regions in which a mask is wrong.

    A morphological opening of the wrong pixels removes narrow errors along borders. Close parts
    form one region.

    Args:
        predicted (np.ndarray): Class per pixel, (H, W) integer.
        truth (np.ndarray): The same, true.
        background (int): The class that is no object. Defaults to 0.
        ignore_index (int): Where the truth says this, nothing is wrong. Defaults to 255.
        opening (int, optional): Width of the opening in pixels: what is thinner is no region.
            Defaults to a 160th of the image's diagonal, at least 3.
        min_area (int, optional): Pixels that a region has at least. Defaults to 0.04 % of the
            image's.

    Returns:
        list[ErrorRegion]: The largest first.

    Raises:
        ValueError: The masks are not two of one size.

    Example:
        >>> truth = np.zeros((60, 80), np.uint8)
        >>> truth[10:30, 40:60] = 1
        >>> [(region.kind, region.centre) for region in error_regions(truth * 0, truth)]
        [('missing', (50.0, 20.0))]
    """
    _check_masks(predicted, truth)
    if opening is None:
        opening = max(3, round(np.hypot(*truth.shape) * _OPENING))
    if min_area is None:
        min_area = _SMALLEST * truth.size
    wrong = (predicted != truth) & (truth != ignore_index)
    missing = wrong & (predicted == background)
    regions = [
        *_regions('missing', missing, opening, min_area),
        *_regions('incorrect', wrong & ~missing, opening, min_area),
    ]
    return sorted(regions, key=lambda region: -region.area)


def _regions(kind, wrong, opening, min_area):
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (opening, opening))
    core = cv2.morphologyEx(wrong.astype(np.uint8), cv2.MORPH_OPEN, kernel)
    _, labels = cv2.connectedComponents(cv2.dilate(core, kernel, iterations=2))
    labels *= core
    areas = np.bincount(labels.ravel())
    for label in range(1, len(areas)):
        if areas[label] < max(1, min_area):
            continue
        y, x = np.nonzero(labels == label)
        # Of pixels' middles: the rectangle around the pixels is larger by one.
        centre, (w, h), angle = cv2.minAreaRect(np.stack([x, y], axis=1).astype(np.float32))
        middle = centre[0] + 0.5, centre[1] + 0.5
        yield ErrorRegion(kind, middle, (w + 1.0, h + 1.0), angle, int(areas[label]))


def confusion_matrix(
    predicted: np.ndarray, truth: np.ndarray, num_classes: int, ignore_index: int = 255
) -> np.ndarray:
    """Confusion matrix: count the pixels of each true class by their predicted class.

    Args:
        predicted (np.ndarray): Class per pixel, (H, W) integer.
        truth (np.ndarray): The same, true.
        num_classes (int): Number of classes.
        ignore_index (int): Pixels whose truth is this do not count. Defaults to 255.

    Returns:
        np.ndarray: (C, C) int64: true class, then predicted class. Those of several images
        add up.

    Raises:
        ValueError: The masks are not two of one size, or hold other classes.
    """
    _check_masks(predicted, truth)
    counted = truth != ignore_index
    pair = truth[counted].astype(np.int64), predicted[counted].astype(np.int64)
    for what, mask in zip(('true', 'predicted'), pair, strict=True):
        if mask.size and not 0 <= mask.min() <= mask.max() < num_classes:
            raise ValueError(
                f'expected {what} classes below {num_classes}, found {mask.min()} to '
                f'{mask.max()}'
            )
    counts = np.bincount(pair[0] * num_classes + pair[1], minlength=num_classes**2)
    return counts.reshape(num_classes, num_classes)


def class_ious(confusion: np.ndarray) -> np.ndarray:
    """Intersection over union of each class.

    Args:
        confusion (np.ndarray): See :func:`confusion_matrix`.

    Returns:
        np.ndarray: (C,) in [0, 1]; nan for a class that is neither there nor predicted. Their
        ``nanmean`` is the mIoU.
    """
    intersection = np.diag(confusion).astype(np.float64)
    union = confusion.sum(axis=0) + confusion.sum(axis=1) - intersection
    return np.divide(intersection, union, out=np.full(len(union), np.nan), where=union > 0)
