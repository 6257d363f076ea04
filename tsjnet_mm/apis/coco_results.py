"""COCO files of what was found in fused images."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tsjnet_mm.io.outputs import check_outputs, made_here
from tsjnet_mm.io.resume import NOTE
from tsjnet_mm.utils import write_whole
from tsjnet_mm.utils.class_names import map_classes
from tsjnet_mm.utils.words import counted
from tsjnet_mm.version import __version__

if TYPE_CHECKING:
    from .detector import FusedDetections

#: Names of the two files in an output folder: results as pycocotools' ``loadRes`` takes them,
#: and the images and categories that their numbers stand for.
RESULTS, IMAGES = 'predictions.bbox.json', 'images.json'


class CocoNumbers(NamedTuple):
    """Numbers of images and classes in a COCO file.

    Attributes:
        images (dict[str, int | str]): By the name of the pair.
        categories (dict[str, int]): By the name of the class.
    """

    images: dict[str, int | str]
    categories: dict[str, int]


def read_coco_numbers(path: str | Path) -> CocoNumbers:
    """Read the numbers that a COCO ground truth gives to images and classes.

    Args:
        path (str | Path): A COCO json with ``images`` and ``categories``.

    Returns:
        CocoNumbers: Images by the stems of their files.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is of another kind.
    """
    from tsjnet_mm.evaluation.detection_errors import read_detection_truth

    truth = read_detection_truth(path)
    return CocoNumbers(
        {name: number for number, name in truth.images.items()},
        {name: number for number, name in truth.classes.items()},
    )


class CocoRecord:
    """The two COCO files of a folder of detections.

    Args:
        folder (str | Path): The folder.
        names (Sequence[str]): Of the pairs.
        classes (Sequence[str]): Of the detector.
        annotations (str | Path, optional): COCO ground truth that gives the numbers.

    Raises:
        ValueError: ``annotations`` lacks a pair, or all classes.
    """

    def __init__(
        self,
        folder: str | Path,
        names: Sequence[str],
        classes: Sequence[str],
        annotations: str | Path | None = None,
    ) -> None:
        self.results = Path(folder) / RESULTS
        self.images = Path(folder) / IMAGES
        self.found, self.sizes = [], {}
        if annotations is None:
            images = {name: number for number, name in enumerate(names, start=1)}
            categories = {name: number for number, name in enumerate(classes, start=1)}
            self.numbers = CocoNumbers(images, categories)
            return
        self.numbers = read_coco_numbers(annotations)
        missing = [name for name in names if name not in self.numbers.images]
        if missing:
            raise ValueError(
                f'{annotations}: expected an image for each pair, and '
                f'{counted(len(missing), "pair has", "pairs have")} none, such as {missing[0]}'
            )
        there = [*self.numbers.categories.values()]
        try:
            mapping = map_classes(classes, [*self.numbers.categories], require_all=False)
        except ValueError as error:
            raise ValueError(f'{annotations}: {error}') from error
        categories = {name: there[index] for name, index in mapping.items()}
        self.numbers = self.numbers._replace(categories=categories)

    def check(self, overwrite: bool) -> None:
        """Refuse to write over files that were not made here, unless that is allowed."""
        check_outputs([self.images], overwrite=overwrite)
        if not made_here(self.images):
            check_outputs([self.results], overwrite=overwrite)

    def add(self, item: FusedDetections) -> None:
        """Take what was found in a pair."""
        self.sizes[item.name] = item.image.shape[:2]
        self.found += item.to_coco(self.numbers.images[item.name], self.numbers.categories)

    def write(self) -> None:
        """Write both files."""
        images = [
            {
                'id': self.numbers.images[name],
                'file_name': f'{name}.png',
                'width': width,
                'height': height,
            }
            for name, (height, width) in self.sizes.items()
        ]
        categories = [
            {'id': number, 'name': name} for name, number in self.numbers.categories.items()
        ]
        content = {NOTE: {'version': __version__}, 'images': images, 'categories': categories}
        write_whole(self.images, json.dumps(content, indent=1) + '\n')
        write_whole(self.results, json.dumps(self.found) + '\n')
