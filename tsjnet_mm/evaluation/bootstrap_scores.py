"""AP and IoU over images that are drawn with replacement, for paired intervals."""

import contextlib
import io
import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from pycocotools.cocoeval import COCOeval

from .detection_errors import DetectedObject, to_coco

#: COCO's sizes of objects by name: least and greatest area in pixels.
SIZES = {
    'all': (0.0, math.inf),
    'small': (0.0, 32.0**2),
    'medium': (32.0**2, 96.0**2),
    'large': (96.0**2, math.inf),
}
#: COCO's: detections of one class in an image that count.
_MOST = 100
_RECALLS = np.linspace(0, 1, 101)
#: Resamples that are computed at once, to bound the memory.
_BATCH = 200


class Matches(NamedTuple):
    """Detections of one class, matched to the true objects.

    Attributes:
        images (np.ndarray): (D,) number of the image of each detection, the best score first.
        hits (np.ndarray): (D,) bool, whether it is a true object.
        objects (np.ndarray): (N,) number of true objects in each image.
    """

    images: np.ndarray
    hits: np.ndarray
    objects: np.ndarray


def match_detections(
    truth: Mapping[str, Sequence[DetectedObject]],
    found: Mapping[str, Sequence[DetectedObject]],
    classes: Sequence[str],
    iou_thr: float = 0.5,
) -> dict[tuple[str, str], Matches]:
    """Match detections to true objects of every class and size, as COCO's evaluation does.

    Args:
        truth (Mapping[str, Sequence[DetectedObject]]): The true objects of each image.
        found (Mapping[str, Sequence[DetectedObject]]): Those found, of the same images.
        classes (Sequence[str]): Names of the classes.
        iou_thr (float): IoU from which an object counts as found. Defaults to 0.5.

    Returns:
        dict[tuple[str, str], Matches]: By class and size, see :data:`SIZES`. Objects of other
        sizes, and what is found there, do not count.
    """
    labels = {name: number for number, name in enumerate(classes, start=1)}
    images = {name: number for number, name in enumerate(truth, start=1)}
    matches = {}
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation = COCOeval(
            to_coco(truth, labels, images)[0], to_coco(found, labels, images)[0], 'bbox'
        )
        evaluation.params.iouThrs = np.array([iou_thr])
        evaluation.params.areaRng = [[*limits] for limits in SIZES.values()]
        evaluation.params.areaRngLbl = [*SIZES]
        evaluation.params.maxDets = [_MOST]
        evaluation.params.imgIds = [*images.values()]
        evaluation.params.catIds = [*labels.values()]
        evaluation.evaluate()
    parts = iter(evaluation.evalImgs)
    for name in classes:
        for size in SIZES:
            matches[name, size] = _join([next(parts) for _ in images])
    return matches


def _join(parts):
    scores, images, hits = [], [], []
    objects = np.zeros(len(parts), np.int64)
    for number, part in enumerate(parts):
        if part is None:
            continue
        counted = ~part['dtIgnore'][0].astype(bool)
        scores.append(np.asarray(part['dtScores'], np.float64)[counted])
        hits.append((part['dtMatches'][0] > 0)[counted])
        images.append(np.full(counted.sum(), number))
        objects[number] = np.sum(np.asarray(part['gtIgnore']) == 0)
    if not scores:
        empty = np.zeros(0, np.int64)
        return Matches(empty, empty.astype(bool), objects)
    order = np.argsort(-np.concatenate(scores), kind='mergesort')
    return Matches(np.concatenate(images)[order], np.concatenate(hits)[order], objects)


def resample_images(images: int, resamples: int, seed: int = 0) -> np.ndarray:
    """Draw images with replacement.

    Args:
        images (int): Number of images, N.
        resamples (int): Number of resamples, R.
        seed (int): Of the draws. Defaults to 0.

    Returns:
        np.ndarray: (1 + R, N) how often each image counts; once each in the first row.
    """
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(images, np.full(images, 1 / images), resamples)
    return np.concatenate([np.ones((1, images), np.int64), drawn])


def average_precisions(matches: Matches, weights: np.ndarray) -> np.ndarray:
    """AP of every resample, as COCO computes it over images that come several times.

    Args:
        matches (Matches): Of a class and size.
        weights (np.ndarray): (R, N), see :func:`resample_images`; 0 for images that do not
            count.

    Returns:
        np.ndarray: (R,) in [0, 1]; nan where no true object is among the images.

    Example:
        >>> matches = Matches(np.array([0, 1]), np.array([True, False]), np.array([1, 1]))
        >>> average_precisions(matches, np.array([[1, 1], [1, 0]])).round(3).tolist()
        [0.505, 1.0]
    """
    total = weights @ matches.objects
    found = np.full(len(weights), np.nan)
    for start in range(0, len(weights), _BATCH):
        rows = slice(start, start + _BATCH)
        counts = weights[rows][:, matches.images]
        ends = np.flatnonzero(matches.hits)
        hits = np.cumsum(counts * matches.hits, axis=1)[:, ends]
        seen = np.cumsum(counts, axis=1)[:, ends]
        precision = hits / np.maximum(seen, 1)
        precision = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
        for index, objects in enumerate(total[rows]):
            if objects:
                places = np.searchsorted(hits[index] / objects, _RECALLS, side='left')
                reached = places < len(ends)
                found[start + index] = precision[index, places[reached]].sum() / len(_RECALLS)
    return found


def resampled_ious(confusions: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """IoU of each class in every resample.

    Args:
        confusions (np.ndarray): (N, C, C) of each image, see :func:`.confusion_matrix`.
        weights (np.ndarray): (R, N), see :func:`resample_images`.

    Returns:
        np.ndarray: (R, C) in [0, 1]; nan for a class that is neither there nor predicted.
    """
    images, classes, _ = confusions.shape
    total = weights @ confusions.reshape(images, classes**2)
    total = total.reshape(-1, classes, classes).astype(np.float64)
    common = np.diagonal(total, axis1=1, axis2=2)
    union = total.sum(1) + total.sum(2) - common
    return np.divide(common, union, out=np.full(union.shape, np.nan), where=union > 0)
