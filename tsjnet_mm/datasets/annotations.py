"""Readers of box labels: YOLO txt, VOC xml and COCO json to one structure.

A reader is called with the stem of an image and its size, and returns mmdet's instances:
``dict(bbox=[x1, y1, x2, y2], bbox_label=int, ignore_flag=0 or 1)`` with absolute corners.
Coordinates are taken as they stand: a box that covers the whole image reads 0, 0, W, H.
"""

import json
import math
import os
import xml.etree.ElementTree as ElementTree
from abc import ABC, abstractmethod
from collections import defaultdict

from tsjnet_mm.io.errors import PairError

#: Label files of a folder that are no image's labels.
_CLASS_LISTS = ('classes.txt',)


class LabelReader(ABC):
    """What the readers have in common: class names and the check of boxes.

    Args:
        path (str): The folder of label files, or the file that holds them all.
        label_map (dict[str, int | None]): The label of each class name, in the order of the
            numbers that YOLO files use. Objects of a name mapped to None are left out.
        tolerance (float): How far, in pixels, a box may reach out of the image and be
            clipped. Defaults to 2.
    """

    def __init__(self, path, label_map, tolerance=2.0):
        self.path = path
        self.label_map = label_map
        self.tolerance = tolerance

    @abstractmethod
    def __call__(self, stem, size):
        """Read the labels of one image.

        Args:
            stem (str): The image's file name without its extension.
            size (tuple[int, int]): The image's height and width.

        Returns:
            list[dict]: Instances in the order of the file; empty for an empty file.

        Raises:
            PairError: No labels for this image, malformed ones, a class that is not known,
                or a box that lies outside the image or has no area.
        """

    def _require_file(self, stem, extension):
        path = os.path.join(self.path, stem + extension)
        if not os.path.isfile(path):
            raise PairError.of(
                'missing label file',
                path,
                f'labels of {stem} (an empty file where there is no object)',
                'no such file',
            )
        return path

    def _label(self, name, path, where):
        if name not in self.label_map:
            known = ', '.join(f'{index} {key}' for index, key in enumerate(self.label_map))
            raise PairError.of('unknown class', path, f'one of {known}', f'{name} in {where}')
        return self.label_map[name]

    def _instance(self, box, label, ignore, size, path, where):
        height, width = size
        x1, y1, x2, y2 = box
        shown = ', '.join(f'{value:.6g}' for value in box)
        limit = self.tolerance
        inside = -limit <= x1 and -limit <= y1 and x2 <= width + limit and y2 <= height + limit
        clipped = [max(x1, 0.0), max(y1, 0.0), min(x2, float(width)), min(y2, float(height))]
        if not inside or clipped[2] <= clipped[0] or clipped[3] <= clipped[1]:
            raise PairError.of(
                'label outside the image',
                path,
                f'a box with an area inside {width}x{height} (or up to {limit:g} px out)',
                f'corners ({shown}) in {where}',
            )
        return {'bbox': clipped, 'bbox_label': label, 'ignore_flag': int(ignore)}


def _malformed(path, expected, found):
    return PairError.of('malformed label', path, expected, found)


def _finite(texts):
    values = [float(text) for text in texts]
    if not all(math.isfinite(value) for value in values):
        raise ValueError(f'not finite: {values}')
    return values


class YoloReader(LabelReader):
    """Labels as ``<folder>/<stem>.txt``, a line ``class cx cy w h [confidence]`` an object.

    Centre and size are relative to the image's; ``class`` counts the known classes from 0.
    Labels that a detector found may have its confidence, in [0, 1]; it is checked and left.
    """

    def __call__(self, stem, size):
        """See :meth:`LabelReader.__call__`."""
        path = self._require_file(stem, '.txt')
        height, width = size
        names = list(self.label_map)
        instances = []
        with open(path, encoding='utf-8', errors='replace') as file:
            lines = file.read().splitlines()
        for number, line in enumerate(lines, start=1):
            fields = line.split()
            if not fields:
                continue
            where = f'line {number}'
            try:
                index, *numbers = fields
                index = int(index)
                cx, cy, w, h, *confidence = _finite(numbers)
                if len(confidence) > 1 or not all(0 <= value <= 1 for value in confidence):
                    raise ValueError(f'no confidence in [0, 1]: {confidence}')
            except ValueError as error:
                raise _malformed(
                    path,
                    'class cx cy w h, an integer and 4 numbers, with at most a confidence '
                    'in 0..1 after them',
                    f'{line!r} in {where}',
                ) from error
            name = names[index] if 0 <= index < len(names) else f'class {index}'
            label = self._label(name, path, where)
            box = (
                (cx - w / 2) * width,
                (cy - h / 2) * height,
                (cx + w / 2) * width,
                (cy + h / 2) * height,
            )
            instance = self._instance(box, label, False, size, path, where)
            if label is not None:
                instances.append(instance)
        return instances


class VocReader(LabelReader):
    """Labels as ``<folder>/<stem>.xml`` in Pascal VOC's format.

    ``difficult`` objects are marked to be ignored.
    """

    def __call__(self, stem, size):
        """See :meth:`LabelReader.__call__`."""
        path = self._require_file(stem, '.xml')
        try:
            root = ElementTree.parse(path).getroot()
        except ElementTree.ParseError as error:
            if os.path.getsize(path) == 0:
                return []
            raise _malformed(path, 'an XML document', str(error)) from error
        instances = []
        for number, item in enumerate(root.iter('object'), start=1):
            where = f'object {number}'
            name = (item.findtext('name') or '').strip()
            corners = [
                item.findtext(f'bndbox/{key}', '') for key in ('xmin', 'ymin', 'xmax', 'ymax')
            ]
            try:
                box = _finite(corners)
                difficult = bool(int(item.findtext('difficult') or 0))
            except ValueError as error:
                raise _malformed(
                    path, 'a bndbox of xmin, ymin, xmax, ymax', f'{corners} in {where}'
                ) from error
            label = self._label(name, path, where)
            instance = self._instance(box, label, difficult, size, path, where)
            if label is not None:
                instances.append(instance)
        return instances


class CocoReader(LabelReader):
    """Labels of all images in one COCO json; images are found by the stem of their name.

    ``iscrowd`` objects are marked to be ignored.

    Raises:
        PairError: The file is no COCO json, or two images in it share a stem.
    """

    def __init__(self, path, label_map, tolerance=2.0):
        super().__init__(path, label_map, tolerance)
        try:
            with open(path, encoding='utf-8') as file:
                content = json.load(file)
            self._names = {item['id']: item['name'] for item in content['categories']}
            images = [
                (item['id'], os.path.splitext(os.path.basename(item['file_name']))[0])
                for item in content['images']
            ]
            self._objects = defaultdict(list)
            for item in content['annotations']:
                self._objects[item['image_id']].append(item)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise _malformed(
                path, 'a COCO json with images, categories and annotations', repr(error)
            ) from error
        self._ids = {}
        for image_id, stem in images:
            if stem in self._ids:
                raise _malformed(path, 'one image of each name', f'{stem} twice')
            self._ids[stem] = image_id

    def __call__(self, stem, size):
        """See :meth:`LabelReader.__call__`."""
        if stem not in self._ids:
            raise PairError.of(
                'missing label file', self.path, f'{stem} among the images', 'no such entry'
            )
        instances = []
        for item in self._objects.get(self._ids[stem], ()):
            where = f'annotation {item.get("id")} of {stem}'
            try:
                x, y, w, h = _finite(item['bbox'])
                name = self._names[item['category_id']]
            except (KeyError, TypeError, ValueError) as error:
                raise _malformed(
                    self.path,
                    'bbox [x, y, w, h] and a category_id of the file',
                    f'{error!r} in {where}',
                ) from error
            label = self._label(name, self.path, where)
            instance = self._instance(
                (x, y, x + w, y + h), label, item.get('iscrowd', 0), size, self.path, where
            )
            if label is not None:
                instances.append(instance)
        return instances


_READERS = {'yolo': YoloReader, 'voc': VocReader, 'coco': CocoReader}


def detect_label_format(path):
    """Tell the label format from what the files are.

    Args:
        path (str): A ``.json`` file, or a folder of ``.txt`` or of ``.xml`` files.

    Returns:
        str: 'coco', 'yolo' or 'voc'.

    Raises:
        PairError: The path is neither, or holds both kinds.
    """
    if os.path.isfile(path) and path.lower().endswith('.json'):
        return 'coco'
    found = set()
    if os.path.isdir(path):
        names = [name for name in os.listdir(path) if name not in _CLASS_LISTS]
        found = {os.path.splitext(name)[1].lower() for name in names} & {'.txt', '.xml'}
    if len(found) != 1:
        raise PairError.of(
            'unknown label format',
            path,
            'a folder of either .txt (YOLO) or .xml (VOC) files, or a .json file (COCO); '
            'set label_format to choose',
            ' and '.join(sorted(found)) or 'none of these',
        )
    return {'.txt': 'yolo', '.xml': 'voc'}[found.pop()]


def build_label_reader(path, label_map, label_format='auto', tolerance=2.0):
    """Make the reader of a folder or file of labels.

    Args:
        path (str): The folder (YOLO, VOC) or the json file (COCO).
        label_map (dict[str, int | None]): See :class:`LabelReader`.
        label_format (str): 'yolo', 'voc', 'coco', or 'auto' to tell from the files.
        tolerance (float): See :class:`LabelReader`.

    Returns:
        LabelReader: Called with a stem and a size, it returns instances.

    Raises:
        ValueError: ``label_format`` is none of these.
        PairError: The format cannot be told, or the json file cannot be read.
    """
    if label_format != 'auto' and label_format not in _READERS:
        raise ValueError(
            f'label_format must be auto or one of {sorted(_READERS)}, got {label_format!r}'
        )
    if label_format == 'auto':
        label_format = detect_label_format(path)
    return _READERS[label_format](path, label_map, tolerance)
