"""The classes of labels and masks, read from the files themselves."""

import os
from collections.abc import Iterable

from tsjnet_mm.io.images import read_mask
from tsjnet_mm.io.text import LARGE_LIMIT, expect, read_json, read_lines, read_xml, shorten
from tsjnet_mm.utils.parallel import available_cores, thread_map

from .annotations import detect_label_format
from .label_reader import list_label_files
from .mask_check import IGNORE_INDEX

#: A larger number in a YOLO file is no class, but a damaged or another file.
_MOST_CLASSES = 10_000


def found_classes(
    path: str, label_format: str = 'auto', encoding: str | None = None
) -> tuple[str, ...]:
    """Classes of the boxes in label files.

    COCO files list the names. For VOC these are the sorted names of all objects. YOLO files
    have only numbers: the names come from a ``classes.txt`` in the folder, or are ``class_0``
    and so on.

    Args:
        path (str): Folder of the files, or a COCO json.
        label_format (str): See :func:`.build_label_reader`.
        encoding (str, optional): Encoding of files that do not say their own.

    Returns:
        tuple[str, ...]: Names in the order of their numbers.

    Raises:
        PairError: There are no labels, their format cannot be detected, or one cannot be read.
        ValueError: No label has an object.
    """
    kind = detect_label_format(path) if label_format == 'auto' else label_format
    names = {'coco': _coco, 'voc': _voc, 'yolo': _yolo}[kind](path, encoding)
    if not names:
        raise ValueError(f'{path}: expected labels with objects, found no object in any')
    return tuple(names)


def _coco(path, encoding):
    expected = 'a COCO json with categories'
    content = read_json(path, encoding, LARGE_LIMIT, expected, 'malformed label')
    with expect(path, expected, 'malformed label'):
        categories = sorted((item['id'], item['name']) for item in content['categories'])
        return [name for _, name in categories]


def _voc(path, encoding):
    names = set()
    for name in list_label_files(path, ('.xml',)):
        root = read_xml(
            os.path.join(path, name), encoding, 'an XML document', 'malformed label'
        )
        for item in () if root is None else root.iter('object'):
            names.add((item.findtext('name') or '').strip())
    return sorted(names - {''})


def _yolo(path, encoding):
    listed = os.path.join(path, 'classes.txt')
    if os.path.isfile(listed):
        return [name for _, name in read_lines(listed, encoding)]
    last = -1
    for name in list_label_files(path, ('.txt',)):
        where = os.path.join(path, name)
        for number, line in read_lines(where, encoding):
            with expect(where, f'class cx cy w h in line {number}', 'malformed label'):
                index = float(line.split()[0])
                if not (index.is_integer() and 0 <= index < _MOST_CLASSES):
                    raise ValueError(f'the class {shorten(line)!r}')
            last = max(last, int(index))
    return [f'class_{index}' for index in range(last + 1)]


def last_index(paths: Iterable[str]) -> int:
    """The largest class index in masks.

    Args:
        paths (Iterable[str]): The masks.

    Returns:
        int: 255, which means "ignore", does not count; 0 if all pixels are background.

    Raises:
        PairError: A mask cannot be read.
    """

    def largest(path):
        mask = read_mask(path)
        return int(mask[mask != IGNORE_INDEX].max(initial=0))

    return max(thread_map(largest, list(paths), available_cores()), default=0)
