"""Readers of box labels: YOLO txt, VOC xml and COCO json to one structure.

A reader is called with the stem of an image and its size, and returns mmdet's instances:
``dict(bbox=[x1, y1, x2, y2], bbox_label=int, ignore_flag=0 or 1)`` with absolute corners.
Coordinates are not changed: a box over the whole image is 0, 0, W, H.
"""

import math
import os
from collections import defaultdict
from collections.abc import Mapping

from tsjnet_mm.io.errors import PairError
from tsjnet_mm.io.names import bare_name
from tsjnet_mm.io.text import (
    LARGE_LIMIT,
    expect,
    number_lines,
    read_json,
    read_lines,
    read_text,
    read_xml,
    shorten,
)
from tsjnet_mm.utils.words import name_some

from .label_reader import LabelReader, list_label_files

_FLAGS = {
    **dict.fromkeys(('', 'none', 'false', 'no', 'f', 'n'), False),
    **dict.fromkeys(('true', 'yes', 't', 'y'), True),
}


def _finite(texts):
    values = [float(text) for text in texts]
    if not all(math.isfinite(value) for value in values):
        raise ValueError(f'not finite: {values}')
    return values


def _flag(value):
    """Whether a flag is set, as a number, a word or nothing."""
    text = '' if value is None else str(value).strip().casefold()
    if text in _FLAGS:
        return _FLAGS[text]
    try:
        return bool(float(text))
    except ValueError:
        raise ValueError(f'neither true nor false: {shorten(repr(value))}') from None


class YoloReader(LabelReader):
    """Labels as ``<folder>/<stem>.txt``, a line ``class cx cy w h [confidence]`` an object.

    Centre and size are relative to the image's; ``class`` counts the known classes from 0.
    Labels that a detector found may have its confidence, in [0, 1]; it is checked and left.
    What follows ``#`` is a comment.
    """

    extension = '.txt'

    def _list_labels(self):
        names = os.path.join(self.path, 'classes.txt')
        if os.path.isfile(names):
            listed = [name for _, name in read_lines(names, self.encoding)]
            # Label tools write it; it may list more classes than have objects.
            known = [name.casefold() for name in self.label_map]
            if [name.casefold() for name in listed[: len(known)]] != known:
                self._notes.append(
                    f'{names}: names the classes {name_some(listed, 10)}, but they are read as '
                    f'{name_some(self.label_map, 10)}'
                )
        return super()._list_labels()

    def _objects(self, path, stem, size):
        height, width = size
        names = list(self.label_map)
        for number, line in number_lines(read_text(path, self.encoding)):
            where = f'line {number}'
            try:
                text, *numbers = line.partition('#')[0].split()
                (index,) = _finite([text])
                cx, cy, w, h, *confidence = _finite(numbers)
                if len(confidence) > 1 or not all(0 <= value <= 1 for value in confidence):
                    raise ValueError(f'no confidence in [0, 1]: {confidence}')
                if not index.is_integer():
                    raise ValueError(f'no class: {text}')
            except ValueError as error:
                raise PairError.of(
                    'malformed label',
                    path,
                    'class cx cy w h, an integer and 4 numbers, with at most a confidence '
                    'in 0..1 after them',
                    f'{shorten(line)!r} in {where}',
                ) from error
            name = names[int(index)] if 0 <= index < len(names) else f'class {text}'
            box = (
                (cx - w / 2) * width,
                (cy - h / 2) * height,
                (cx + w / 2) * width,
                (cy + h / 2) * height,
            )
            yield name, box, False, where


class VocReader(LabelReader):
    """Labels as ``<folder>/<stem>.xml`` in Pascal VOC's format.

    ``difficult`` objects are marked to be ignored. A ``size`` other than the image's is an
    error, another image's ``filename`` is noted.
    """

    extension = '.xml'

    def _list_labels(self):
        self._renamed = {}
        return super()._list_labels()

    def _objects(self, path, stem, size):
        root = read_xml(path, self.encoding, 'an XML document', 'malformed label')
        if root is None:
            return
        if root.tag != 'annotation':
            raise PairError.of(
                'malformed label', path, 'an <annotation>', f'<{shorten(root.tag)}>'
            )
        with expect(path, 'a size of whole numbers', 'malformed label'):
            sides = (root.findtext(f'size/{key}') or '' for key in ('width', 'height'))
            stated = tuple(_finite(side.strip() or '0' for side in sides))
        self._check_size(stated, size, path, 'its size')
        self._note_name(stem, (root.findtext('filename') or '').strip())
        for number, item in enumerate(root.iter('object'), start=1):
            where = f'object {number}'
            name = (item.findtext('name') or '').strip()
            corners = [
                item.findtext(f'bndbox/{key}', '') for key in ('xmin', 'ymin', 'xmax', 'ymax')
            ]
            try:
                box = _finite(corners)
            except ValueError as error:
                raise PairError.of(
                    'malformed label',
                    path,
                    'a bndbox of xmin, ymin, xmax, ymax',
                    f'{shorten(corners)} in {where}',
                ) from error
            with expect(path, f'a flag as <difficult> of {where}', 'malformed label'):
                difficult = _flag(item.findtext('difficult'))
            yield name, box, difficult, where

    def _note_name(self, stem, file_name):
        named = os.path.splitext(file_name.replace('\\', '/').rpartition('/')[2])[0]
        if named and bare_name(named) != bare_name(stem.rpartition('/')[2]):
            self._renamed[stem] = file_name

    def notes(self) -> list[str]:
        """See :meth:`LabelReader.notes`."""
        notes = super().notes()
        if self._renamed:
            some = name_some(f'{stem} names {other}' for stem, other in self._renamed.items())
            notes.append(
                f'{self.path}: labels that name another image, used all the same: '
                f'{len(self._renamed)} ({some})'
            )
        return notes


class CocoReader(LabelReader):
    """Labels of all images in one COCO json; images are found by the stem of their name.

    ``iscrowd`` objects are marked to be ignored. A size other than the image's is an error;
    images that are not there, and annotations of no image, are noted.

    Raises:
        PairError: The file is no COCO json, or two images in it share a stem or an id.
    """

    def _list_labels(self):
        expected = 'a COCO json with images, categories and annotations'
        reason = 'malformed label'
        content = read_json(self.path, self.encoding, LARGE_LIMIT, expected, reason)
        with expect(self.path, expected, reason):
            categories = [(item['id'], item['name']) for item in content['categories']]
            images = [(item['id'], item) for item in content['images']]
            annotations = [(item['image_id'], item) for item in content['annotations']]
            self._categories = _unique(categories, 'categories')
            self._annotations = {image_id: [] for image_id in _unique(images, 'images')}
            if not all(isinstance(name, str) for _, name in categories):
                raise ValueError('a category whose name is no text')
            names = [(item['file_name'].replace('\\', '/'), item) for _, item in images]
            strange = defaultdict(int)
            for image_id, item in annotations:
                if image_id in self._annotations:
                    self._annotations[image_id].append(item)
                else:
                    strange[image_id] += 1
        if strange:
            self._notes.append(
                f'{self.path}: annotations of images that are not in it, not used: '
                f'{sum(strange.values())} (image_id {name_some(map(repr, strange))})'
            )
        # Names in folders of their own may be equal; else a stem tells one image.
        bare = defaultdict(list)
        for name, _ in names:
            folder, _, last = name.rpartition('/')
            bare[os.path.splitext(last)[0]].append(folder)
        for stem, folders in bare.items():
            if len(folders) > 1 and ('' in folders or len(set(folders)) < len(folders)):
                raise PairError.of(
                    'malformed label', self.path, 'one image of each name', f'{stem} twice'
                )
        return dict(names)

    def _path_of(self, stem):
        return self.path

    def _objects(self, path, stem, size):
        image = self._names.find(stem, self.path, f'{stem} among the images')
        with expect(self.path, f'numbers as the size of {stem}', 'malformed label'):
            stated = tuple(_finite([image.get('width') or 0, image.get('height') or 0]))
        self._check_size(stated, size, self.path, f'the entry of {stem}')
        for item in self._annotations[image['id']]:
            where = f'annotation {item.get("id")} of {stem}'
            with expect(
                self.path,
                f'bbox [x, y, w, h], a category_id of the file and a flag iscrowd in {where}',
                'malformed label',
            ):
                if not isinstance(item['bbox'], list):
                    raise TypeError(f'a bbox {item["bbox"]!r}')
                x, y, w, h = _finite(item['bbox'])
                crowd = _flag(item.get('iscrowd'))
                if item['category_id'] not in self._categories:
                    raise ValueError(f'the category_id {item["category_id"]!r}')
                name = self._categories[item['category_id']]
            yield name, (x, y, x + w, y + h), crowd, where


def _unique(items, kind):
    found = dict(items)
    if len(found) < len(items):
        raise ValueError(f'an id of {kind} twice')
    return found


_READERS = {'yolo': YoloReader, 'voc': VocReader, 'coco': CocoReader}


def detect_label_format(path: str) -> str:
    """Detect the label format from the files.

    Args:
        path (str): A ``.json`` file, or a folder of ``.txt`` or of ``.xml`` files.

    Returns:
        str: 'coco', 'yolo' or 'voc'.

    Raises:
        PairError: The path is neither, or the folder has files of both kinds.
    """
    if os.path.isfile(path) and path.lower().endswith('.json'):
        return 'coco'
    found = {os.path.splitext(name)[1].lower() for name in list_label_files(path)}
    if len(found) != 1:
        raise PairError.of(
            'unknown label format',
            path,
            'a folder of only .txt (YOLO) or only .xml (VOC) files, or a .json file (COCO); '
            'take the other files out of the folder, or set label_format',
            ' and '.join(sorted(found)) or 'none of these',
        )
    return {'.txt': 'yolo', '.xml': 'voc'}[found.pop()]


def build_label_reader(
    path: str,
    label_map: Mapping[str, int | None],
    label_format: str = 'auto',
    tolerance: float = 2.0,
    encoding: str | None = None,
) -> LabelReader:
    """Make the reader of a folder or file of labels.

    Args:
        path (str): The folder (YOLO, VOC) or the json file (COCO).
        label_map (Mapping[str, int | None]): See :class:`LabelReader`.
        label_format (str): 'yolo', 'voc', 'coco', or 'auto' to tell from the files.
        tolerance (float): See :class:`LabelReader`.
        encoding (str, optional): See :class:`LabelReader`.

    Returns:
        LabelReader: Called with a stem and a size, it returns instances.

    Raises:
        ValueError: ``label_format`` is none of these.
        PairError: The format cannot be detected, or the json file cannot be read.
    """
    if label_format != 'auto' and label_format not in _READERS:
        raise ValueError(
            f'label_format must be auto or one of {sorted(_READERS)}, got {label_format!r}'
        )
    if label_format == 'auto':
        label_format = detect_label_format(path)
    return _READERS[label_format](path, label_map, tolerance, encoding)
