"""Writers of box labels: one structure to YOLO txt, VOC xml and COCO json.

They write mmdet's instances, ``dict(bbox=[x1, y1, x2, y2], bbox_label=int, ignore_flag=0 or
1)`` with absolute corners, and a ``score`` in [0, 1] if a detector found the object. The
readers of :mod:`.annotations` read these files. They do not return scores.
"""

import json
import os
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable, Sequence
from pathlib import Path

from tsjnet_mm.utils import whole_file, write_whole


def write_yolo(path: str | Path, instances: Iterable[dict], size: tuple[int, int]) -> None:
    """Write the labels of an image as lines ``class cx cy w h``, with a score after them.

    Centre and size are relative to the image's, with 10 digits. The score is a sixth column,
    only in the lines of instances that have one. Instances to be ignored are left out,
    because the format cannot mark them.

    Args:
        path (str | Path): The txt file; it is empty if there are no objects.
        instances (Iterable[dict]): The objects.
        size (tuple[int, int]): The image's height and width.
    """
    height, width = size
    lines = []
    for item in instances:
        if item.get('ignore_flag'):
            continue
        x1, y1, x2, y2 = item['bbox']
        numbers = [
            (x1 + x2) / 2 / width,
            (y1 + y2) / 2 / height,
            (x2 - x1) / width,
            (y2 - y1) / height,
        ]
        if 'score' in item:
            numbers.append(item['score'])
        columns = [f'{int(item["bbox_label"])}', *(f'{value:.10g}' for value in numbers)]
        lines.append(' '.join(columns) + '\n')
    write_whole(path, ''.join(lines))


def write_voc(
    path: str | Path,
    instances: Iterable[dict],
    size: tuple[int, int],
    classes: Sequence[str],
    file_name: str,
    for_mmdet: bool = False,
) -> None:
    """Write the labels of an image as Pascal VOC's xml.

    Instances to be ignored become ``difficult``; a score becomes ``confidence``. Corners are
    written unchanged, with fractions, and :class:`.annotations.VocReader` reads the
    same. mmdet's ``XMLDataset`` does not: it cuts fractions and takes 1 off each coordinate,
    as Pascal VOC counts pixels from 1. ``for_mmdet`` compensates for that.

    Args:
        path (str | Path): The xml file.
        instances (Iterable[dict]): The objects.
        size (tuple[int, int]): The image's height and width.
        classes (Sequence[str]): Names of the labels.
        file_name (str): The image's file name.
        for_mmdet (bool): Round corners to whole pixels and add 1 to each: mmdet then reads
            the rounded box, and a box to the right border ends at the width + 1 in the file.
            Defaults to False.

    Raises:
        ValueError: A label has no name in ``classes``.
    """
    root = ElementTree.Element('annotation')
    _add(root, 'filename', file_name)
    height, width = size
    shape = ElementTree.SubElement(root, 'size')
    for tag, value in (('width', width), ('height', height), ('depth', 3)):
        _add(shape, tag, int(value))
    for item in instances:
        element = ElementTree.SubElement(root, 'object')
        _add(element, 'name', classes[_checked_label(item, classes, path)])
        _add(element, 'difficult', int(item.get('ignore_flag', 0)))
        if 'score' in item:
            _add(element, 'confidence', _number(item['score']))
        box = ElementTree.SubElement(element, 'bndbox')
        corners = _counted_from_one(item['bbox'], size) if for_mmdet else item['bbox']
        for tag, value in zip(('xmin', 'ymin', 'xmax', 'ymax'), corners, strict=True):
            _add(box, tag, _number(value))
    ElementTree.indent(root)
    with whole_file(path) as partial:
        ElementTree.ElementTree(root).write(partial, encoding='utf-8', xml_declaration=True)


def coco_dict(images: Iterable[dict], classes: Sequence[str]) -> dict:
    """Put the labels of all images into the structure of a COCO json.

    Ids of images, annotations and categories count from 1; the category of label ``n`` has
    the id ``n + 1``, so that pycocotools and mmdet's ``CocoDataset`` with
    ``metainfo=dict(classes=classes)`` number the classes alike. Instances to be ignored
    become ``iscrowd``. mmdet leaves out boxes of less than a pixel in width or height.

    Args:
        images (Iterable[dict]): ``file_name``, ``height``, ``width`` and ``instances`` of
            each image; other keys are not looked at.
        classes (Sequence[str]): Names of the labels.

    Returns:
        dict: ``images``, ``annotations`` and ``categories``; an annotation has a ``score``
        where its instance has one.

    Raises:
        ValueError: A label has no name in ``classes``.
    """
    entries, annotations = [], []
    for image_id, image in enumerate(images, start=1):
        entry = {key: image[key] for key in ('file_name', 'height', 'width')}
        entries.append({'id': image_id, **entry})
        for item in image['instances']:
            x1, y1, x2, y2 = map(float, item['bbox'])
            label = _checked_label(item, classes, image['file_name'])
            annotation = {
                'id': len(annotations) + 1,
                'image_id': image_id,
                'category_id': label + 1,
                'bbox': [x1, y1, x2 - x1, y2 - y1],
                'area': (x2 - x1) * (y2 - y1),
                'iscrowd': int(item.get('ignore_flag', 0)),
            }
            if 'score' in item:
                annotation['score'] = float(item['score'])
            annotations.append(annotation)
    categories = [{'id': number, 'name': name} for number, name in enumerate(classes, start=1)]
    return {'images': entries, 'annotations': annotations, 'categories': categories}


def write_coco(path: str | Path, images: Iterable[dict], classes: Sequence[str]) -> None:
    """Write the labels of all images as one COCO json, see :func:`coco_dict`.

    Args:
        path (str | Path): The json file.
        images (Iterable[dict]): See :func:`coco_dict`.
        classes (Sequence[str]): Names of the labels.

    Raises:
        ValueError: A label has no name in ``classes``.
    """
    write_whole(path, json.dumps(coco_dict(images, classes)))


def _add(parent, tag, value):
    ElementTree.SubElement(parent, tag).text = str(value)


def _number(value):
    """The shortest text that reads back as this very number."""
    return repr(float(value)).removesuffix('.0')


def _checked_label(item, classes, path):
    label = int(item['bbox_label'])
    if not 0 <= label < len(classes):
        raise ValueError(
            f'{os.fspath(path)}: label {label} has no name among the {len(classes)} classes '
            f'{", ".join(classes)}'
        )
    return label


def _counted_from_one(box, size):
    """Whole pixels, never an empty box, of which mmdet takes 1 off each coordinate."""
    height, width = size
    x1, y1, x2, y2 = (round(value) for value in box)
    x1, y1 = min(x1, width - 1), min(y1, height - 1)
    return x1 + 1, y1 + 1, max(x2, x1 + 1) + 1, max(y2, y1 + 1) + 1
