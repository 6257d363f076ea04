"""Make labels for folders of pairs; a second run finishes an interrupted one."""

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from tsjnet_mm.datasets.annotations import build_label_reader
from tsjnet_mm.datasets.label_writers import write_coco, write_voc, write_yolo
from tsjnet_mm.io import matching
from tsjnet_mm.io.images import image_size
from tsjnet_mm.io.matching import PairSource
from tsjnet_mm.io.outputs import check_outputs
from tsjnet_mm.io.pairs import read_pairs
from tsjnet_mm.io.preparation import Preparation
from tsjnet_mm.utils.words import name_some

from .boxes import merge_views
from .compose import IGNORED, compose_masks, save_mask
from .records import SUMMARY, Records, read_scores
from .scenes import replace_guesses
from .views import view_image

_EXTENSIONS = {'yolo': '.txt', 'voc': '.xml'}


#: The pairs of two folders in natural order of their names.
list_pairs = matching.find_pairs


def find_fused(folder: str | Path, pairs: Sequence[PairSource]) -> dict[str, str]:
    """Path of the fused image of each pair by its name; see :func:`.matching.find_fused`."""
    return matching.find_fused(folder, {pair.name: pair.vi for pair in pairs})


def _noted(options):
    """Note of a preparation for records; empty for the default."""
    preparation = Preparation.of(**options)
    return {} if preparation == Preparation() else {'preparation': preparation.to_note()}


def generate_boxes(
    detector: Callable,
    pairs: Sequence[tuple[str, str, str]],
    out: str | Path,
    review: str | Path,
    classes: Sequence[str],
    mapping: dict[int, int],
    views: Sequence[str] = ('ir', 'vi'),
    fuse: Callable | None = None,
    label_format: str = 'yolo',
    score_thr: float = 0.5,
    iou: float = 0.55,
    settings: dict | None = None,
    overwrite: bool = False,
    **options: Any,
) -> tuple[dict[str, dict], int]:
    """Find boxes in all pairs.

    Args:
        detector (Callable): As :class:`.ViewDetector`.
        pairs (Sequence[tuple[str, str, str]]): As of :func:`list_pairs`.
        out (str | Path): Folder of label files, or the json file of COCO.
        review (str | Path): Folder of records, see :class:`.Records`.
        classes (Sequence[str]): Names of the labels.
        mapping (dict[int, int]): Label of each of the detector's classes; others are left
            out.
        views (Sequence[str]): Which of :data:`.VIEWS` the detector sees.
        fuse (Callable, optional): From a Pair to its fused image, (H, W, 3) float in [0, 1].
        label_format (str): 'yolo', 'voc' or 'coco'. Defaults to 'yolo'.
        score_thr (float): Least merged confidence that is kept. Defaults to 0.5.
        iou (float): See :func:`.merge_views`.
        settings (dict, optional): More that determines the labels, for the records.
        overwrite (bool): Make everything anew. Defaults to False.
        **options: ``preparation``, or the parts of a :class:`.Preparation`.

    Returns:
        tuple[dict[str, dict], int]: The record of each pair, and how many were made now.

    Raises:
        ValueError: Files are there that would be lost, see :meth:`.Records.find_done`; or a
            pair cannot be used.
    """
    out = Path(out)
    extension = _EXTENSIONS.get(label_format)
    outputs = {stem: out / (stem + extension) if extension else out for stem, _, _ in pairs}
    records = Records(
        review,
        {
            'classes': list(classes),
            'views': list(views),
            'format': label_format,
            'score_thr': score_thr,
            'iou': iou,
            **(settings or {}),
            **_noted(options),
        },
    )

    def label(pair, image):
        found = merge_views(
            [_detect(detector, pair, view, fuse, mapping) for view in views], iou
        )
        size = pair.ir.shape
        limits = np.array((size[1], size[0]) * 2, np.float32)
        boxes = np.clip(found['boxes'], 0, limits)
        columns = (boxes, *(found[name] for name in ('scores', 'labels', 'views')))
        objects = [
            {
                'label': classes[number],
                'box': [round(float(edge), 2) for edge in box],
                'score': round(float(score), 4),
                'views': int(support),
            }
            for box, score, number, support in zip(*columns, strict=True)
            if score >= score_thr and min(box[2:] - box[:2]) >= 1
        ]
        if label_format == 'yolo':
            write_yolo(outputs[pair.name], _instances(objects, classes), size)
        elif label_format == 'voc':
            instances = _instances(objects, classes)
            write_voc(outputs[pair.name], instances, size, classes, image)
        return {'objects': objects}

    unfinished = len(records.find_done(outputs, overwrite)) < len(pairs)
    if not extension and unfinished and not overwrite:
        records.check_unchanged(out)
    made = _label_all(pairs, outputs, records, label, overwrite, 'boxes', options)
    done = records.summarise(outputs)
    if not extension and (made or not out.exists()):
        images = (
            {
                **record,
                'file_name': record['image'],
                'instances': _instances(record['objects'], classes),
            }
            for record in done.values()
        )
        write_coco(out, images, classes)
        records.remember(out)
    return done, made


def _detect(detector, pair, view, fuse, mapping):
    found = detector(view_image(pair, view, fuse))
    known = np.isin(found['labels'], list(mapping))
    labels = np.array([mapping[int(label)] for label in found['labels'][known]], np.int64)
    return {'boxes': found['boxes'][known], 'scores': found['scores'][known], 'labels': labels}


def _instances(objects, classes):
    """Objects of a record as the writers of labels take them."""
    return [
        {
            'bbox': item['box'],
            'bbox_label': classes.index(item['label']),
            'ignore_flag': 0,
            'score': item['score'],
        }
        for item in objects
    ]


def generate_masks(
    make_masks: Callable,
    pairs: Sequence[tuple[str, str, str]],
    boxes: str | Path | None,
    out: str | Path,
    review: str | Path,
    classes: Sequence[str],
    mapping: dict[str, int],
    palette: Sequence[tuple[int, int, int]],
    label_format: str = 'auto',
    scores: str | Path | None = None,
    settings: dict | None = None,
    overwrite: bool = False,
    encoding: str | None = None,
    scene: Callable | None = None,
    **options: Any,
) -> tuple[dict[str, dict], int]:
    """Make index masks of all pairs from their boxes, or of whole scenes.

    Args:
        make_masks (Callable): ``make_masks(ir, vi, boxes, names)`` returns an
            :class:`.ObjectMask` for each box, such as :func:`.grabcut_masks`.
        pairs (Sequence[tuple[str, str, str]]): As of :func:`list_pairs`.
        boxes (str | Path, optional): Folder or file of box labels; only with ``scene`` they
            may be missing.
        out (str | Path): Folder for ``<stem>.png``.
        review (str | Path): Folder of records, see :class:`.Records`.
        classes (Sequence[str]): Names of the boxes' labels.
        mapping (dict[str, int]): Mask index of each; objects of others are left out.
        palette (Sequence[tuple[int, int, int]]): Colour of each mask index.
        label_format (str): Of the boxes: 'yolo', 'voc', 'coco' or 'auto'.
        scores (str | Path, optional): ``confidence.json`` of the boxes; an object's
            confidence is then the product of both.
        settings (dict, optional): More that determines the masks, for the records.
        overwrite (bool): Make everything anew. Defaults to False.
        encoding (str, optional): Of labels that do not say their own. Defaults to UTF-8.
        scene (Callable, optional): Finds the class of each pixel, as
            :class:`.SceneLabeller`; the masks of the boxes are drawn over it.
        **options: ``preparation``, or the parts of a :class:`.Preparation`.

    Returns:
        tuple[dict[str, dict], int]: The record of each pair, and how many were made now.

    Raises:
        ValueError: Files are there that would be lost, or a pair or its labels cannot be
            used.
    """
    out = Path(out)
    outputs = {stem: out / f'{stem}.png' for stem, _, _ in pairs}
    labels = {name: index if name in mapping else None for index, name in enumerate(classes)}
    if boxes:
        reader = build_label_reader(str(boxes), labels, label_format, encoding=encoding)
        reader.assign(outputs)
        for stem, _, vi in pairs:  # before hours of work, not in the middle of them
            reader(stem, image_size(vi))
        for note in reader.notes():
            warnings.warn(note, stacklevel=2)
    known = read_scores(scores) if scores else {}
    if strange := known.keys() - outputs.keys():
        warnings.warn(
            f'{scores}: confidences of images that are not among the pairs, not used: '
            f'{len(strange)} ({name_some(sorted(strange))})',
            stacklevel=2,
        )
    records = Records(
        review,
        {
            'classes': list(classes),
            'mask_indices': mapping,
            **(settings or {}),
            **_noted(options),
        },
    )

    def label(pair, image):
        size = pair.ir.shape
        instances = reader(pair.name, size) if boxes else []
        hidden = [item['bbox'] for item in instances if item['ignore_flag']]
        shown = [item for item in instances if not item['ignore_flag']]
        corners = [item['bbox'] for item in shown]
        names = [classes[item['bbox_label']] for item in shown]
        objects = make_masks(pair.ir, pair.vi, corners, names) if shown else []
        indices = [mapping[name] for name in names]
        whole = scene(pair) if scene else None
        if whole:
            objects = replace_guesses(whole, corners, objects, indices)
        base = whole.mask if whole else None
        if whole and boxes:  # Where only the scene has an object, it is often wrong.
            base = np.where(np.isin(base, [*mapping.values()]), IGNORED, base).astype(np.uint8)
        mask = compose_masks(size, corners, objects, indices, hidden, base)
        save_mask(mask, outputs[pair.name], palette)
        described = [
            _describe(name, box, item, known.get(pair.name, ()))
            for name, box, item in zip(names, corners, objects, strict=True)
        ]
        return {'objects': described, **(_describe_scene(mask, whole) if whole else {})}

    others = boxes, scores
    made = _label_all(pairs, outputs, records, label, overwrite, 'masks', options, others)
    return records.summarise(outputs), made


def _describe(name, box, item, known):
    """Entry of an object in confidence.json."""
    given = 1.0
    for candidate in known:
        if candidate['label'] == name and np.abs(np.subtract(candidate['box'], box)).max() < 1:
            given = candidate['score']
    area = max((box[2] - box[0]) * (box[3] - box[1]), 1)
    return {
        'label': name,
        'box': [round(float(edge), 2) for edge in box],
        'score': round(given * item.quality, 4),
        'mask_share': round(min(float(item.mask.sum() / area), 1.0), 4),
        'method': item.method,
    }


def _describe_scene(mask, scene):
    """What the record of a pair says of its scene: shares of the pixels."""
    counts = np.bincount(mask.ravel(), minlength=256) / mask.size
    shares = {str(index): round(float(counts[index]), 6) for index in np.flatnonzero(counts)}
    return {'sources': scene.sources, 'shares': shares}


def _label_all(pairs, outputs, records, label, overwrite, title, options, others=()):
    """Label the pairs that are not complete; returns how many those were."""
    # The records check existing files; they recognise files that a person corrected.
    sources = [path for _, *files in pairs for path in files]
    sources += [path for path in others if path]
    check_outputs([*outputs.values(), records.folder / SUMMARY], sources, overwrite=True)
    done = records.find_done(outputs, overwrite)
    left = [pair for pair in pairs if pair[0] not in done]
    read = read_pairs(left, Preparation.of(**options))
    bar = tqdm(read, title, len(pairs), unit='pair', initial=len(done))
    for (stem, _, vi), pair in zip(left, bar, strict=True):
        records.begin(stem)
        image = Path(vi).name
        found = label(pair, image)
        height, width = pair.ir.shape
        records.finish(stem, image=image, height=height, width=width, **found)
    return len(left)
