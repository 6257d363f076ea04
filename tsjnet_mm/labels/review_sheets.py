"""Contact sheets on which a person checks labels."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from tsjnet_mm.io.images import read_mask, read_visible
from tsjnet_mm.io.outputs import check_outputs, made_here
from tsjnet_mm.io.pairs import read_pairs
from tsjnet_mm.io.preparation import Preparation
from tsjnet_mm.visualization import class_colour, draw_boxes, draw_mask, make_sheet, save_png

#: Images darker than this on average are shown brightened.
_DARK = 0.2
_CELL_WIDTH = 480
_TEXT = (230, 230, 230)


def order_pairs(records: dict[str, dict], order: str) -> list[str]:
    """Stems in the order in which they are shown.

    Args:
        records (dict[str, dict]): Records of pairs, with ``objects``.
        order (str): 'confidence', the pair with the least certain object first and those
            without objects last, or 'name', as they come. Of a scene the share of pixels
            that are certain counts as an object's confidence.

    Returns:
        list[str]: Stems.
    """
    if order == 'name':
        return list(records)

    def least(stem):
        scores = [item['score'] for item in records[stem]['objects']]
        uncertain = _uncertain(records[stem])
        scores += [] if uncertain is None else [1 - uncertain]
        return min(scores, default=np.inf)

    return sorted(records, key=least)


def draw_sheets(
    folder: str | Path,
    pairs: Sequence[tuple[str, str, str]],
    records: dict[str, dict],
    classes: Sequence[str],
    masks: dict[str, Path] | None = None,
    palette: Sequence[tuple[int, int, int]] | None = None,
    fused: dict[str, str] | None = None,
    rows: int = 8,
    **options: Any,
) -> list[Path]:
    """Write sheets: infrared and visible with boxes, and visible or fused with the mask.

    Dark images are brightened. Each row says how many objects of each class there are, and
    the least confidence among them. Sheets of an earlier run are removed.

    Args:
        folder (str | Path): Gets ``sheet_001.png`` and so on.
        pairs (Sequence[tuple[str, str, str]]): Stem, infrared and visible path of the pairs
            to show, in their order.
        records (dict[str, dict]): The record of each stem, with ``objects``: dicts with
            ``label``, ``box`` and ``score``.
        classes (Sequence[str]): Names of the labels.
        masks (dict[str, Path], optional): The index mask of each stem.
        palette (Sequence[tuple[int, int, int]], optional): Colours of the masks' classes.
        fused (dict[str, str], optional): Fused image of each stem, shown with the mask.
        rows (int): Pairs on a sheet. Defaults to 8.
        **options: ``preparation``, or the parts of a :class:`.Preparation`.

    Returns:
        list[Path]: The sheets.
    """
    folder = Path(folder)
    for path in folder.glob('sheet_[0-9]*.png'):
        if made_here(path):
            path.unlink()
    if not pairs:
        return []
    written, cells, captions = [], [], []
    titles = ['infrared', 'visible'] + (['mask'] if masks else [])
    titles += ['fused'] if fused and not masks else []
    read = read_pairs(pairs, Preparation.of(**options))
    for count, pair in enumerate(tqdm(read, 'sheets', len(pairs), unit='pair'), start=1):
        stem = pairs[count - 1][0]
        record = records[stem]
        third = read_visible(fused[stem]) if fused else pair.vi
        row = [_boxes(pair.ir, record, classes, False), _boxes(pair.vi, record, classes)]
        if masks:
            colours = _visible_colours(palette)
            row.append(draw_mask(_brighten(third), read_mask(masks[stem]), colours, 0.5, 256))
        elif fused:
            row.append(_boxes(third, record, classes))
        cells.append(row)
        captions.append(_caption(stem, record, classes))
        if len(cells) == rows or count == len(pairs):
            height = round(_CELL_WIDTH * pair.ir.shape[0] / pair.ir.shape[1])
            written.append(folder / f'sheet_{len(written) + 1:03d}.png')
            check_outputs([written[-1]])
            sheet = make_sheet(cells, titles, captions, (_CELL_WIDTH, height))
            save_png(sheet, written[-1])
            cells, captions = [], []
    return written


def _brighten(image):
    mean = float(image.mean())
    return image if mean >= _DARK else np.clip(image, 0, 1) ** 0.5


def _boxes(image, record, classes, scores=True):
    objects = record['objects']
    boxes = np.array([item['box'] for item in objects], np.float64).reshape(-1, 4)
    # The colour shows the class: names would hide small objects.
    names = [f'{item["score"]:.2f}' if scores else '' for item in objects]
    colours = [class_colour(item['label'], classes.index(item['label'])) for item in objects]
    return draw_boxes(_brighten(image), boxes, names, colours)


def _visible_colours(palette):
    """Colours by index, brightened to differ on night images; 255 white."""
    colours = np.zeros((256, 3), int)
    colours[: len(palette)] = palette
    strongest = colours.max(1, keepdims=True)
    colours = np.where(strongest > 0, colours * 255 // np.maximum(strongest, 1), 0)
    colours[255] = 255
    return colours.tolist()


def _caption(stem, record, classes):
    objects = record['objects']
    counts = Counter(item['label'] for item in objects)
    pieces = [
        (f'{count} {name}', class_colour(name, classes.index(name)))
        for name, count in counts.items()
    ]
    least = min((item['score'] for item in objects), default=None)
    end = 'no object' if least is None else f'least confidence {least:.2f}'
    uncertain = _uncertain(record)
    if uncertain is not None:
        end += f', {100 * uncertain:.0f} % uncertain'
    return [(f'{stem}: ', _TEXT), *pieces, (end, _TEXT)]


def _uncertain(record):
    """Share of a scene's pixels that are uncertain; None where no scene was labelled."""
    return record['shares'].get('255', 0.0) if 'shares' in record else None
