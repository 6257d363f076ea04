"""Base of all readers of box labels: matching labels to images, checking boxes."""

import os
import unicodedata
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Iterable, Mapping

from tsjnet_mm.io.errors import PairError
from tsjnet_mm.io.names import match_names
from tsjnet_mm.io.text import shorten
from tsjnet_mm.utils.words import name_some

#: Text files, without extension and in lower case, that are no image's labels.
CLASS_LISTS = ('classes', 'predefined_classes', 'readme', 'license')


def list_label_files(path: str, extensions: Iterable[str] = ('.txt', '.xml')) -> list[str]:
    """Label files of a folder and of the folders in it.

    Args:
        path (str): The folder.
        extensions (Iterable[str]): Their extensions, lower case; files may write them in any
            case.

    Returns:
        list[str]: Paths below the folder, with ``/``, sorted; hidden files are left out.
    """
    found = []
    for folder, folders, names in os.walk(path):
        folders[:] = sorted(name for name in folders if not name.startswith('.'))
        where = os.path.relpath(folder, path).replace(os.sep, '/')
        for name in sorted(names):
            stem, extension = os.path.splitext(name)
            is_list = extension.lower() == '.txt' and stem.lower() in CLASS_LISTS
            if extension.lower() in extensions and not stem.startswith('.') and not is_list:
                found.append(name if where == '.' else f'{where}/{name}')
    return found


def _key(stem: str) -> str:
    return unicodedata.normalize('NFC', stem)


class LabelNames:
    """Finds an image's labels among labels that have names.

    Args:
        labels (Mapping[str, object]): Name of each, a file's path with ``/`` between folders
            and name, to what :meth:`find` returns.
    """

    def __init__(self, labels: Mapping[str, object]) -> None:
        self._labels = labels
        self._stems = {name: _key(os.path.splitext(name)[0]) for name in labels}
        self._by_path, self._by_name = defaultdict(list), defaultdict(list)
        for name, stem in self._stems.items():
            self._by_path[stem].append(name)
            self._by_name[stem.rpartition('/')[2]].append(name)

    def _of(self, stem: str) -> list[str]:
        return self._by_path.get(_key(stem)) or self._by_name.get(_key(stem), [])

    def assign(self, stems: Iterable[str]) -> list[str]:
        """Match labels to all images at once: only then may names differ by an affix.

        Args:
            stems (Iterable[str]): Stems of all images.

        Returns:
            list[str]: Names of the labels that belong to no image.
        """
        found = {stem: self._of(stem) for stem in stems}
        taken = {name for names in found.values() for name in names}
        nested = any('/' in stem for stem in found)
        left = {
            stem if nested else stem.rpartition('/')[2]: name
            for name, stem in self._stems.items()
            if name not in taken
            and (nested or len(self._by_name[stem.rpartition('/')[2]]) == 1)
        }
        # Any extension will do: it keeps what follows a dot in the stem.
        match = match_names(
            [f'{_key(stem)}.x' for stem, names in found.items() if not names],
            [f'{stem}.x' for stem in left],
        )
        for image, label in match.partners.items():
            name = left[label.removesuffix('.x')]
            self._by_path[image.removesuffix('.x')] = [name]
            taken.add(name)
        return [name for name in self._labels if name not in taken]

    def find(self, stem: str, path: str, expected: str) -> object:
        """The labels of an image.

        Args:
            stem (str): The image's.
            path (str): Where labels were looked for, for the error.
            expected (str): What was looked for, for the error.

        Returns:
            object: The value of ``labels``.

        Raises:
            PairError: No labels are found, or several.
        """
        names = self._of(stem)
        if not names:
            raise PairError.of('missing label file', path, expected, 'none of this name')
        if len(names) > 1:
            raise PairError.of(
                'ambiguous name', path, f'labels of {stem} once', name_some(names)
            )
        return self._labels[names[0]]


class LabelReader(ABC):
    """Base of the readers: class names and the check of boxes.

    Args:
        path (str): The folder of label files, or the file that holds them all.
        label_map (Mapping[str, int | None]): The label of each class name, in the order of the
            numbers that YOLO files use. Objects of a name mapped to None are left out.
        tolerance (float): How far, in pixels, a box may reach out of the image and be
            clipped. Defaults to 2.
        encoding (str, optional): Encoding of files that do not say their own, see
            :func:`~tsjnet_mm.io.text.read_text`. Defaults to UTF-8.
    """

    #: Extension of the format's files; None where one file holds all labels.
    extension = None

    def __init__(
        self,
        path: str,
        label_map: Mapping[str, int | None],
        tolerance: float = 2.0,
        encoding: str | None = None,
    ) -> None:
        self.path = path
        self.label_map = label_map
        self.tolerance = tolerance
        self.encoding = encoding
        self._notes = []
        self._names = LabelNames(self._list_labels())

    def __call__(self, stem: str, size: tuple[int, int]) -> list[dict]:
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
        path, instances = self._path_of(stem), []
        for name, box, ignored, where in self._objects(path, stem, size):
            if name not in self.label_map:
                known = ', '.join(f'{index} {key}' for index, key in enumerate(self.label_map))
                raise PairError.of(
                    'unknown class', path, f'one of {known}', f'{shorten(name)} in {where}'
                )
            clipped, label = self._clip(box, size, path, where), self.label_map[name]
            if label is not None:
                instances.append(
                    {'bbox': clipped, 'bbox_label': label, 'ignore_flag': int(ignored)}
                )
        return instances

    @abstractmethod
    def _objects(self, path, stem, size):
        """Yield class name, corners, whether to be ignored, and place of each object."""

    def _list_labels(self):
        """Labels by the names that images have, with what finds them."""
        return {
            name: os.path.join(self.path, name)
            for name in list_label_files(self.path, (self.extension,))
        }

    def assign(self, stems: Iterable[str], shared: bool = False) -> None:
        """Tell which images there are, so that labels of others are noticed.

        Args:
            stems (Iterable[str]): Stems of all images.
            shared (bool): Whether the labels are for other images too, as those of several
                splits in one folder. Defaults to False.
        """
        left = self._names.assign(stems)
        if left and not shared:
            self._notes.append(
                f'{self.path}: labels without an image, not used: {len(left)} '
                f'({name_some(left)})'
            )

    def notes(self) -> list[str]:
        """Labels that were not used or are doubtful.

        Returns:
            list[str]: A sentence each, to be logged once all images are read.
        """
        return list(self._notes)

    def _path_of(self, stem):
        path = os.path.join(self.path, stem + self.extension)
        return self._names.find(
            stem, path, f'labels of {stem} (an empty file for an image without objects)'
        )

    def _check_size(self, stated, size, path, where):
        """Refuse labels that state another size than their image has; 0 states none."""
        height, width = size
        if all(stated) and stated != (width, height):
            raise PairError.of(
                'labels for another size',
                path,
                f'{width}x{height} as the image (the boxes would be at the wrong scale)',
                f'{stated[0]:g}x{stated[1]:g} in {where}',
            )

    def _clip(self, box, size, path, where):
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
        return clipped
