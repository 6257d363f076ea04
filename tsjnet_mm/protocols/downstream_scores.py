"""Scores of the paper's Table 2: a detector or a segmentor on a method's fused images."""

import contextlib
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from pycocotools.coco import COCO

from tsjnet_mm.evaluation.detection_errors import average_precision
from tsjnet_mm.evaluation.segmentation_errors import class_ious, confusion_matrix
from tsjnet_mm.io.images import read_mask
from tsjnet_mm.io.text import LARGE_LIMIT, read_json, shorten


def detection_scores(annotations: str | Path, results: str | Path) -> dict[str, float | None]:
    """AP at an intersection over union of 0.5, as COCO computes it.

    The precision is interpolated at 101 points of recall, over at most 100 objects an image.

    Args:
        annotations (str | Path): COCO json of the true objects.
        results (str | Path): COCO results json, as mmdet's ``CocoMetric`` writes it.

    Returns:
        dict[str, float | None]: Class to AP@0.5 in percent, None for a class without a true
        object; last ``'mAP@.5'``, the mean over the others.

    Raises:
        ValueError: A file is no such json.
    """
    content = read_json(annotations, limit=LARGE_LIMIT)
    found = read_json(results, limit=LARGE_LIMIT)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            truth = COCO()
            truth.dataset = content
            truth.createIndex()
            scores = average_precision(truth, truth.loadRes(found) if found else COCO())
    except Exception as error:  # pycocotools raises almost anything, also Exception itself
        raise ValueError(
            f'{results}: expected COCO results for {annotations}, found {shorten(repr(error))}'
        ) from error
    scores = {name: None if value is None else 100 * value for name, value in scores.items()}
    known = [value for value in scores.values() if value is not None]
    return {**scores, 'mAP@.5': float(np.mean(known)) if known else None}


def segmentation_scores(
    truth: str | Path, masks: str | Path, classes: Sequence[str], ignore_index: int = 255
) -> dict[str, float | None]:
    """Intersection over union of each class, over all pixels of all images.

    Args:
        truth (str | Path): Folder of true masks (index images).
        masks (str | Path): Folder of found ones, of the same names.
        classes (Sequence[str]): Names of the classes.
        ignore_index (int): True value of pixels that do not count. Defaults to 255.

    Returns:
        dict[str, float | None]: Class to IoU in percent, None for a class neither there nor
        found; last ``'mIoU'``, the mean over the others.

    Raises:
        ValueError: There is no true mask, or two do not fit each other.
        PairError: A mask cannot be read.
    """
    paths = sorted(Path(truth).glob('*.png'))
    if not paths:
        raise ValueError(f'{truth}: expected masks (*.png), found none')
    confusion = 0
    for path in paths:
        found = read_mask(str(Path(masks, path.name)))
        try:
            confusion = confusion + confusion_matrix(
                found, read_mask(str(path)), len(classes), ignore_index
            )
        except ValueError as error:
            raise ValueError(f'{Path(masks, path.name)} and {path}: {error}') from error
    ious = 100 * class_ious(confusion)
    scores = {
        name: None if np.isnan(value) else float(value)
        for name, value in zip(classes, ious, strict=True)
    }
    return {**scores, 'mIoU': float(np.nanmean(ious))}
