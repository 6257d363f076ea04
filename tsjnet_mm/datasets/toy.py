"""A toy dataset: procedurally drawn, registered infrared and visible road scenes.

It looks like the problem (dark visible images with dazzling lamps, warm bodies in the
infrared) and is written in the layout of MSRS, with boxes and masks of nine classes, so
that everything from training to evaluation runs without a download. The drawing itself
is in :mod:`tsjnet_mm.datasets.toy_scene`.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from tsjnet_mm.io.text import read_json
from tsjnet_mm.utils.files import whole_folder

from .msrs import MSRSDataset
from .toy_scene.canvas import SEGMENTATION_CLASSES
from .toy_scene.scene import compose_scene
from .toy_scene.sensors import render

__all__ = [
    'DETECTION_CLASSES',
    'SEGMENTATION_CLASSES',
    'ToyScene',
    'draw_scene',
    'is_night',
    'write_toy_dataset',
]

DETECTION_CLASSES = MSRSDataset.METAINFO['classes']
MANIFEST = 'toy.json'
_GENERATOR = 'tsjnet_mm toy dataset'
#: To be raised whenever the same seed draws something else, so that old sets are redrawn.
_DRAWING_VERSION = 2
#: Scene index of the first pair of each split; stems count on from it.
_FIRST_INDEX = {'train': 0, 'test': 50000}
_MAX_PAIRS = {'train': 50000, 'test': 49999}
_MIN_SIDE = 32
_MIN_AREA = 12
_MIN_VISIBLE = 0.25


@dataclass(frozen=True)
class ToyScene:
    """One registered pair with its annotations.

    Attributes:
        ir (np.ndarray): Infrared, (H, W) uint8.
        vi (np.ndarray): Visible, (H, W, 3) uint8 RGB.
        mask (np.ndarray): Index into ``SEGMENTATION_CLASSES`` per pixel, (H, W) uint8.
        boxes (np.ndarray): (N, 4) float32 xyxy in pixels, right and bottom edge
            exclusive, tight around the visible part of each object.
        labels (np.ndarray): Index into ``DETECTION_CLASSES``, (N,) int64.
    """

    ir: np.ndarray
    vi: np.ndarray
    mask: np.ndarray
    boxes: np.ndarray
    labels: np.ndarray


def is_night(seed: int, index: int, night_ratio: float = 0.7) -> bool:
    """Whether a scene is at night; depends on seed and index only."""
    return bool(np.random.default_rng([seed, index, 1]).random() < night_ratio)


def draw_scene(
    seed: int, index: int, size: tuple[int, int] = (320, 240), night: bool = True
) -> ToyScene:
    """Draw one scene.

    The same arguments always draw the same scene. An object gets no box if fewer than 12
    pixels, or less than a quarter of it, are visible.

    Args:
        seed (int): Seed of the dataset, at least 0.
        index (int): Number of the scene in it, at least 0.
        size (tuple[int, int]): Width and height in pixels, at least 32 each.
        night (bool): Night or day.

    Returns:
        ToyScene: The pair, its boxes and its mask.

    Raises:
        ValueError: ``size`` is too small, or ``seed`` or ``index`` negative.
    """
    if len(size) != 2 or min(size) < _MIN_SIDE:
        raise ValueError(f'size must be (width, height), each >= {_MIN_SIDE}, got {size}')
    if seed < 0 or index < 0:
        raise ValueError(f'seed and index must be >= 0, got {seed} and {index}')
    canvas = compose_scene(np.random.default_rng([seed, index]), tuple(size), night)
    ir, vi = render(canvas)
    mask, instances, _ = canvas.centres()
    boxes, labels = [], []
    for number, (label, whole) in enumerate(canvas.actors, start=1):
        visible = (instances == number).astype(np.uint8)
        area = cv2.countNonZero(visible)
        if area < _MIN_AREA or area < _MIN_VISIBLE * whole:
            continue
        left, top, width, height = cv2.boundingRect(visible)
        boxes.append((left, top, left + width, top + height))
        labels.append(label)
    return ToyScene(
        ir=ir,
        vi=vi,
        mask=mask,
        boxes=np.array(boxes, np.float32).reshape(-1, 4),
        labels=np.array(labels, np.int64),
    )


def write_toy_dataset(
    out: str | Path,
    train: int = 64,
    test: int = 16,
    size: tuple[int, int] = (320, 240),
    seed: int = 0,
    night_ratio: float = 0.7,
    progress: Callable | None = None,
) -> bool:
    """Write a toy dataset in the layout of MSRS, completely or not at all.

    ``out/{train,test}/`` get ``ir/`` and ``vi/`` (PNG), ``labels/`` (YOLO txt: class and
    relative centre, width, height) and ``Segmentation_labels/`` (index PNG). Stems end in
    ``N`` (night) or ``D`` (day). A pair depends on seed and number only, so a larger set
    contains the smaller one. A hidden folder next to ``out`` gets the files and is renamed
    when it is complete.

    Args:
        out (str | Path): The dataset's folder. If it holds a toy dataset already, that is
            kept when it is the same and complete, and replaced otherwise.
        train (int): Number of training pairs.
        test (int): Number of test pairs.
        size (tuple[int, int]): Width and height in pixels.
        seed (int): Seed of the dataset.
        night_ratio (float): Share of night scenes, 0 to 1.
        progress (Callable, optional): Called with (pairs done, pairs in all).

    Returns:
        bool: Whether it was drawn; False if it was there already.

    Raises:
        ValueError: A count, size, seed or ratio is out of range.
        FileExistsError: ``out`` exists and is not, or not only, a toy dataset.
    """
    counts = {'train': train, 'test': test}
    for split, count in counts.items():
        if not 0 <= count <= _MAX_PAIRS[split]:
            raise ValueError(f'{split} must be within 0..{_MAX_PAIRS[split]}, got {count}')
    if not 0 <= night_ratio <= 1:
        raise ValueError(f'night_ratio must be within 0..1, got {night_ratio}')
    manifest = {
        'generator': _GENERATOR,
        'drawing_version': _DRAWING_VERSION,
        'train': train,
        'test': test,
        'size': list(size),
        'seed': seed,
        'night_ratio': night_ratio,
    }
    out = Path(out).resolve()
    if _is_present(out, manifest):
        return False
    with whole_folder(out, replace=True) as fresh:
        for folder in ('ir', 'vi', 'labels', 'Segmentation_labels'):
            for split in counts:
                (fresh / split / folder).mkdir(parents=True)
        for done, (split, index, stem) in enumerate(_pairs(manifest), start=1):
            night = is_night(seed, index, night_ratio)
            _write_pair(fresh / split, stem, draw_scene(seed, index, size, night))
            if progress is not None:
                progress(done, train + test)
        (fresh / MANIFEST).write_text(json.dumps(manifest, indent=2) + '\n')
    return True


def _pairs(manifest):
    """Split, scene index and stem of every pair of a dataset."""
    for split, first in _FIRST_INDEX.items():
        for index in range(first, first + manifest[split]):
            night = is_night(manifest['seed'], index, manifest['night_ratio'])
            yield split, index, f'{index + 1:05d}{"N" if night else "D"}'


def _files(manifest):
    """Relative paths of all files of a dataset."""
    paths = {Path(MANIFEST)}
    for split, _, stem in _pairs(manifest):
        paths.add(Path(split, 'labels', f'{stem}.txt'))
        for folder in ('ir', 'vi', 'Segmentation_labels'):
            paths.add(Path(split, folder, f'{stem}.png'))
    return paths


def _is_present(out, manifest):
    """Whether ``out`` is this dataset and complete; raises if it must not be replaced."""
    if not out.exists():
        return False
    if not out.is_dir():
        raise FileExistsError(f'{out}: expected a folder or nothing, found a file')
    found = {path.relative_to(out) for path in out.rglob('*') if not path.is_dir()}
    if not found:
        return False
    try:
        existing = read_json(out / MANIFEST)
        if existing['generator'] != _GENERATOR:
            raise KeyError('generator')
        expected = _files(existing)
    except (OSError, ValueError, TypeError, KeyError):
        raise FileExistsError(
            f'{out}: not overwritten: it is no toy dataset (no valid {MANIFEST} in it); '
            'name another folder, or remove this one'
        ) from None
    if foreign := sorted(found - expected):
        raise FileExistsError(
            f'{out}: not overwritten, as it holds files that are not of the toy dataset, '
            f'such as {foreign[0]}; move them away, or name another folder'
        )
    return existing == manifest and found == expected


def _write_pair(folder, stem, scene):
    height, width = scene.ir.shape
    for name, image in (
        ('ir', scene.ir),
        ('vi', cv2.cvtColor(scene.vi, cv2.COLOR_RGB2BGR)),
        ('Segmentation_labels', scene.mask),
    ):
        (folder / name / f'{stem}.png').write_bytes(cv2.imencode('.png', image)[1].tobytes())
    lines = []
    for label, (left, top, right, bottom) in zip(scene.labels, scene.boxes, strict=True):
        centre = (left + right) / 2 / width, (top + bottom) / 2 / height
        extent = (right - left) / width, (bottom - top) / height
        numbers = ' '.join(f'{number:.6f}' for number in (*centre, *extent))
        lines.append(f'{label} {numbers}\n')
    (folder / 'labels' / f'{stem}.txt').write_text(''.join(lines))
