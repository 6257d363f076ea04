"""Missed objects and wrong detections of a detector, image by image."""

import contextlib
import io
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from tsjnet_mm.io.text import LARGE_LIMIT, expect, read_json, shorten


class DetectedObject(NamedTuple):
    """A true object, or a detection.

    Attributes:
        name (str): Its class.
        box (tuple[float, float, float, float]): ``(x, y, w, h)`` in pixels.
        score (float | None): 0 to 1; None for a true object.
        crowd (bool): A true one that stands for several: it is never missed, and what is
            found in it is neither right nor wrong.
    """

    name: str
    box: tuple[float, float, float, float]
    score: float | None = None
    crowd: bool = False


class DetectionErrors(NamedTuple):
    """Correct and wrong detections and missed objects of an image.

    Attributes:
        correct (list[DetectedObject]): Found, and there; best score first.
        wrong (list[DetectedObject]): Found, but no object of the class is there.
        missed (list[DetectedObject]): There, but not found.
    """

    correct: list[DetectedObject]
    wrong: list[DetectedObject]
    missed: list[DetectedObject]


@dataclass(frozen=True)
class DetectionTruth:
    """The true objects of a set of images.

    Attributes:
        classes (dict): Number of each class in the file to its name.
        images (dict): Number of each image in the file to its name: the stem of its file, or
            the number itself where the file names none, as mmdet's ``*.gt.json``.
        objects (dict[str, list[DetectedObject]]): Those of each image by its name.
    """

    classes: dict
    images: dict
    objects: dict[str, list[DetectedObject]] = field(repr=False)


def _box(values):
    if not isinstance(values, list):
        raise TypeError(f'expected a bbox x, y, w, h, found {values!r}')
    box = tuple(float(value) for value in values)
    if len(box) != 4 or not all(map(math.isfinite, box)) or min(box[2:]) < 0:
        raise ValueError(f'expected a bbox x, y, w, h, found {values}')
    return box


def read_detection_truth(path: str | Path) -> DetectionTruth:
    """Read the true objects from a COCO json.

    Args:
        path (str | Path): The file, with ``images``, ``categories`` and ``annotations``.

    Returns:
        DetectionTruth: In the order of the file.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is of another kind, or two images share a name.
    """
    expected = 'a COCO json of images, categories and annotations'
    content = read_json(path, limit=LARGE_LIMIT, expected=expected)
    with expect(path, expected):
        classes = {item['id']: str(item['name']) for item in content['categories']}
        images = {
            item['id']: os.path.splitext(os.path.basename(item.get('file_name') or ''))[0]
            or str(item['id'])
            for item in content['images']
        }
        objects = {name: [] for name in images.values()}
        for item in content['annotations']:
            name = classes[item['category_id']]
            crowd = bool(item.get('iscrowd'))
            found = DetectedObject(name, _box(item['bbox']), crowd=crowd)
            objects[images[item['image_id']]].append(found)
    if len(objects) != len(images):
        raise ValueError(f'{path}: expected images with names of their own, found some twice')
    return DetectionTruth(classes, images, objects)


def read_detections(path: str | Path, truth: DetectionTruth) -> dict[str, list[DetectedObject]]:
    """Read detections from a COCO list of results.

    Args:
        path (str | Path): The file, a list of ``image_id``, ``category_id``, ``bbox``
            (``[x, y, w, h]``) and ``score``, as mmdet's ``CocoMetric`` writes it
            (``<outfile_prefix>.bbox.json``).
        truth (DetectionTruth): What the numbers in it stand for.

    Returns:
        dict[str, list[DetectedObject]]: Those of each image by its name, of all in ``truth``.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is of another kind, or names images or classes that ``truth`` lacks.
    """
    expected = 'a COCO list of results'
    content = read_json(path, limit=LARGE_LIMIT, expected=expected)
    if not isinstance(content, list):
        raise ValueError(f'{path}: expected {expected}, found a {type(content).__name__}')
    found = {name: [] for name in truth.images.values()}
    for index, item in enumerate(content):
        with expect(path, 'image_id, category_id, bbox and score', where=f' in entry {index}'):
            image, label, score = item['image_id'], item['category_id'], float(item['score'])
            box = _box(item['bbox'])
            if not math.isfinite(score):
                raise ValueError(f'the score {score}')
            strange = [
                (kind, number, known)
                for kind, number, known in (
                    ('image_id', image, truth.images),
                    ('category_id', label, truth.classes),
                )
                if number not in known
            ]
        for kind, number, known in strange:
            raise ValueError(
                f'{path}: expected a {kind} of the annotations, such as '
                f'{", ".join(map(str, [*known][:5]))}; found {shorten(repr(number))}'
            )
        found[truth.images[image]].append(DetectedObject(truth.classes[label], box, score))
    return found


def to_coco(
    objects: Mapping[str, Sequence[DetectedObject]],
    labels: Mapping[str, int],
    images: Mapping[str, int],
) -> tuple[COCO, dict[int, DetectedObject]]:
    """An index of COCO over objects.

    Args:
        objects (Mapping[str, Sequence[DetectedObject]]): Those of each image.
        labels (Mapping[str, int]): Number of each class, from 0 or 1.
        images (Mapping[str, int]): Number of each image.

    Returns:
        tuple[COCO, dict[int, DetectedObject]]: The index, and the objects by their numbers,
        which start at 1: COCO's evaluation takes 0 for no object.
    """
    flat = [(images[image], item) for image, items in objects.items() for item in items]
    coco = COCO()
    coco.dataset = {
        'images': [{'id': number} for number in images.values()],
        'categories': [{'id': number, 'name': name} for name, number in labels.items()],
        'annotations': [
            {
                'id': number,
                'image_id': image,
                'category_id': labels[item.name],
                'bbox': list(item.box),
                'area': item.box[2] * item.box[3],
                'score': item.score,
                'iscrowd': int(item.crowd),
            }
            for number, (image, item) in enumerate(flat, start=1)
        ],
    }
    with contextlib.redirect_stdout(io.StringIO()):
        coco.createIndex()
    return coco, {number: item for number, (_, item) in enumerate(flat, start=1)}


def detection_errors(
    truth: Mapping[str, Sequence[DetectedObject]],
    found: Mapping[str, Sequence[DetectedObject]],
    score_thr: float = 0.3,
    iou_thr: float = 0.5,
) -> dict[str, DetectionErrors]:
    """Match detections to true objects, as COCO's evaluation does.

    In each image and class the detections are matched in the order of their scores. Each takes
    the unmatched true object with the largest IoU, if that reaches the threshold. pycocotools
    does the matching.

    Args:
        truth (Mapping[str, Sequence[DetectedObject]]): The true objects of each image.
        found (Mapping[str, Sequence[DetectedObject]]): Those found, of the same images.
        score_thr (float): What scores less is not looked at. Defaults to 0.3.
        iou_thr (float): IoU from which an object counts as found. Defaults to 0.5.

    Returns:
        dict[str, DetectionErrors]: Of each image in ``truth``.

    Raises:
        ValueError: ``found`` has an image that ``truth`` lacks.

    Example:
        >>> there = {'1': [DetectedObject('car', (0, 0, 10, 10))]}
        >>> found = {'1': [DetectedObject('car', (0, 0, 10, 4), 0.9)]}
        >>> [len(part) for part in detection_errors(there, found)['1']]
        [0, 1, 1]
    """
    strange = [image for image in found if image not in truth]
    if strange:
        raise ValueError(f'found objects in images without truth: {", ".join(strange[:10])}')
    found = {
        image: [item for item in items if item.score >= score_thr]
        for image, items in found.items()
    }
    images = {image: number for number, image in enumerate(truth)}
    names = [item.name for part in (truth, found) for items in part.values() for item in items]
    labels = {name: number for number, name in enumerate(dict.fromkeys(names))}
    errors = {image: DetectionErrors([], [], []) for image in truth}
    coco, true_items = to_coco(truth, labels, images)
    results, found_items = to_coco(found, labels, images)
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation = COCOeval(coco, results, 'bbox')
        evaluation.params.iouThrs = [iou_thr]
        evaluation.params.areaRng = [[0, math.inf]]
        evaluation.params.maxDets = [max(1, len(found_items))]
        evaluation.evaluate()
    by_number = {number: image for image, number in images.items()}
    for part in evaluation.evalImgs:
        if part is None:
            continue
        image = errors[by_number[part['image_id']]]
        for number, match, ignored in zip(
            part['dtIds'], part['dtMatches'][0], part['dtIgnore'][0], strict=True
        ):
            if not ignored:
                (image.correct if match else image.wrong).append(found_items[number])
        for number, match, ignored in zip(
            part['gtIds'], part['gtMatches'][0], part['gtIgnore'], strict=True
        ):
            if not match and not ignored:
                image.missed.append(true_items[number])
    for image in errors.values():
        for items in (image.correct, image.wrong):
            items.sort(key=lambda item: -item.score)
    return errors


def average_precision(
    truth: COCO, found: COCO, iou_thr: float = 0.5
) -> dict[str, float | None]:
    """AP of each class at one intersection over union, as COCO computes it.

    The precision is interpolated at 101 points of recall, over at most 100 objects an image.

    Args:
        truth (COCO): The true objects.
        found (COCO): Those found, with scores, in the same images and classes.
        iou_thr (float): IoU from which an object counts as found. Defaults to 0.5.

    Returns:
        dict[str, float | None]: Class to AP in [0, 1]; None for a class without a true object.
    """
    names = {number: item['name'] for number, item in sorted(truth.cats.items())}
    there = {number for number in names if truth.getAnnIds(catIds=[number], iscrowd=False)}
    if not found.anns:
        return {name: 0.0 if number in there else None for number, name in names.items()}
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation = COCOeval(truth, found, 'bbox')
        evaluation.params.iouThrs = np.array([iou_thr])
        evaluation.evaluate()
        evaluation.accumulate()
    # Threshold, recall, class, area, detections: all sizes, 100 an image.
    precision = evaluation.eval['precision'][0, :, :, 0, -1]
    return {
        name: float(precision[:, index].mean()) if number in there else None
        for index, (number, name) in enumerate(names.items())
    }
