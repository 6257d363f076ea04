"""Contact sheets: a row per pair, a column per image; only numpy and OpenCV."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from tsjnet_mm.io.images import write_image
from tsjnet_mm.io.resume import NOTE
from tsjnet_mm.utils.files import check_ending

from .drawing import FONT, fit_text, to_rgb8

_BACKGROUND = (24, 24, 24)
_TEXT = (230, 230, 230)


def make_sheet(
    rows: Sequence[Sequence[np.ndarray | None]],
    titles: Sequence | None = None,
    captions: Sequence | None = None,
    cell_size: tuple[int, int] | None = None,
    gap: int = 4,
    bar: int | None = None,
) -> np.ndarray:
    """Arrange images in a grid.

    Args:
        rows (Sequence[Sequence[np.ndarray | None]]): Images as :func:`to_rgb8` takes them;
            None leaves a cell empty, and so does a row that is shorter than others.
        titles (Sequence, optional): What stands above each column: a string, or pieces
            ``(text, RGB)`` written after one another.
        captions (Sequence, optional): The same for each row, above it.
        cell_size (tuple[int, int], optional): Width and height of each cell. Images keep
            their shape within it. Defaults to the largest width and height of all images.
        gap (int): Pixels between cells and around them.
        bar (int, optional): Height of a line of text. Defaults to a 16th of a cell, at least
            20.

    Returns:
        np.ndarray: (H, W, 3) uint8 RGB. The first cell's top left corner is at ``(gap, gap)``,
        below the titles (``bar``) and the first caption (``bar``) where there are such.

    Raises:
        ValueError: There is no image, or titles or captions do not match the grid.
    """
    rows = [[None if cell is None else to_rgb8(cell) for cell in row] for row in rows]
    images = [cell for row in rows for cell in row if cell is not None]
    if not images:
        raise ValueError('rows must hold at least one image')
    columns = max(len(row) for row in rows)
    if titles is not None and len(titles) != columns:
        raise ValueError(f'{len(titles)} titles for {columns} columns')
    if captions is not None and len(captions) != len(rows):
        raise ValueError(f'{len(captions)} captions for {len(rows)} rows')
    if cell_size is None:
        cell_size = max(i.shape[1] for i in images), max(i.shape[0] for i in images)
    width, height = cell_size
    bar = max(20, height // 16) if bar is None else bar

    head = bar if titles is not None else 0
    caption = bar if captions is not None else 0
    pitch = caption + height + gap
    total = gap + head + pitch * len(rows), gap + (width + gap) * columns
    sheet = np.full((*total, 3), _BACKGROUND, np.uint8)
    for column, title in enumerate(titles or ()):
        _write(sheet, title, gap + column * (width + gap), gap, width, bar)
    for index, row in enumerate(rows):
        top = gap + head + index * pitch
        if captions is not None:
            _write(sheet, captions[index], gap, top, total[1] - 2 * gap, bar)
        for column, image in enumerate(row):
            if image is not None:
                left = gap + column * (width + gap)
                _paste(sheet, image, left, top + caption, width, height)
    return sheet


def _paste(sheet, image, left, top, width, height):
    """Fit an image into a cell, in the middle where its shape differs."""
    scale = min(width / image.shape[1], height / image.shape[0])
    size = max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale))
    if size != image.shape[1::-1]:
        method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        image = cv2.resize(image, size, interpolation=method)
    left += (width - size[0]) // 2
    top += (height - size[1]) // 2
    sheet[top : top + size[1], left : left + size[0]] = image


def _write(sheet, pieces, left, top, width, height):
    """Write one line of pieces, as large as the space allows."""
    pieces = [(pieces, _TEXT)] if isinstance(pieces, str) else list(pieces)
    scale, _, descent = fit_text(' '.join(text for text, _ in pieces), width - 4, height - 6)
    position = left + 2
    for text, colour in pieces:
        base = position, top + height - 3 - descent
        colour = tuple(int(part) for part in colour)
        cv2.putText(sheet, text, base, FONT, scale, colour, 1, cv2.LINE_AA)
        position += cv2.getTextSize(f'{text} ', FONT, scale, 1)[0][0]


def save_png(image: np.ndarray, path: str | Path) -> None:
    """Write an image to a PNG file that appears only when it is complete.

    Args:
        image (np.ndarray): See :func:`to_rgb8`.
        path (str | Path): File; its folder is made where missing.

    Raises:
        ValueError: ``path`` does not end in ``.png``.
    """
    check_ending(path, ['.png'])
    write_image(to_rgb8(image), path, {NOTE: '{}'})
