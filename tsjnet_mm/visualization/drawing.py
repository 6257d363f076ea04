"""Boxes, masks and text on RGB images; numpy and OpenCV alone."""

from collections.abc import Sequence

import cv2
import numpy as np

FONT = cv2.FONT_HERSHEY_SIMPLEX


def to_rgb8(image: np.ndarray) -> np.ndarray:
    """Any image as 8-bit RGB.

    Args:
        image (np.ndarray): (H, W), (H, W, 1) or (H, W, 3) RGB; uint8, or float in [0, 1],
            where values outside are clipped.

    Returns:
        np.ndarray: (H, W, 3) uint8, a copy where ``image`` is uint8 RGB already.

    Raises:
        TypeError: ``image`` is no array, or neither uint8 nor float.
        ValueError: It has another shape.
    """
    if not isinstance(image, np.ndarray):
        raise TypeError(f'image must be a numpy array, got {type(image).__name__}')
    if image.ndim == 3 and image.shape[2] == 1:
        image = image[..., 0]
    if image.ndim != 2 and not (image.ndim == 3 and image.shape[2] == 3):
        raise ValueError(f'image must be (H, W), (H, W, 1) or (H, W, 3), got {image.shape}')
    if np.issubdtype(image.dtype, np.floating):
        image = np.round(np.clip(image, 0, 1) * 255).astype(np.uint8)
    elif image.dtype != np.uint8:
        raise TypeError(f'image must be uint8 or float, got {image.dtype}')
    return np.repeat(image[..., None], 3, axis=2) if image.ndim == 2 else image.copy()


def fit_text(text: str, width: int, height: int) -> tuple[float, int, int]:
    """Scale at which ``text`` fits, and its size in pixels.

    Args:
        text (str): One line.
        width (int): Pixels at most.
        height (int): Pixels at most.

    Returns:
        tuple[float, int, int]: Font scale, width, and height below the baseline.
    """
    (full_width, ascent), descent = cv2.getTextSize(text, FONT, 1.0, 1)
    scale = min(height / max(ascent + descent, 1), width / max(full_width, 1))
    (text_width, _), descent = cv2.getTextSize(text, FONT, scale, 1)
    return scale, text_width, descent


def draw_boxes(
    image: np.ndarray,
    boxes: Sequence[Sequence[float]] | np.ndarray,
    names: Sequence[str] | None = None,
    colours: Sequence[tuple] | None = None,
) -> np.ndarray:
    """Draw boxes with their names.

    Args:
        image (np.ndarray): See :func:`to_rgb8`.
        boxes (Sequence[Sequence[float]] | np.ndarray): (N, 4) xyxy in pixels, right and
            bottom edge exclusive.
        names (Sequence[str], optional): What to write at each box.
        colours (Sequence[tuple], optional): RGB of each box. Defaults to yellow.

    Returns:
        np.ndarray: (H, W, 3) uint8, a new image.

    Raises:
        ValueError: ``boxes`` is not (N, 4), or ``names`` or ``colours`` are not N.
    """
    image = to_rgb8(image)
    boxes = np.asarray(boxes, np.float64)
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise ValueError(f'boxes must be (N, 4), got {boxes.shape}')
    colours = [(255, 220, 60)] * len(boxes) if colours is None else colours
    names = [''] * len(boxes) if names is None else names
    if not len(boxes) == len(names) == len(colours):
        raise ValueError(
            f'{len(boxes)} boxes, but {len(names)} names and {len(colours)} colours'
        )
    height, width = image.shape[:2]
    thickness = max(1, round(width / 500))
    text_height = int(np.clip(height / 28, 9, 22))
    order = np.argsort(-(boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]))
    for index in order:
        left, top, right, bottom = (round(edge) for edge in boxes[index].tolist())
        colour = tuple(int(part) for part in colours[index])
        cv2.rectangle(image, (left, top), (right - 1, bottom - 1), colour, thickness)
        if names[index]:
            _draw_name(image, names[index], left, top, text_height, colour)
    return image


def _draw_name(image, name, left, top, text_height, colour):
    """Write on a filled tag above a box, or inside of it at the image's top."""
    scale, text_width, descent = fit_text(name, image.shape[1], text_height)
    left = int(np.clip(left, 0, max(0, image.shape[1] - text_width - 2)))
    bottom = top if top >= text_height + 2 else top + text_height + 2
    corner = left + text_width + 1, bottom - 1
    cv2.rectangle(image, (left, bottom - text_height - 2), corner, colour, cv2.FILLED)
    base = left + 1, bottom - descent - 1
    cv2.putText(image, name, base, FONT, scale, (0, 0, 0), 1, cv2.LINE_AA)


def draw_mask(
    image: np.ndarray,
    mask: np.ndarray,
    colours: Sequence[Sequence[int]],
    opacity: float = 0.6,
    ignore_index: int = 255,
) -> np.ndarray:
    """Tint an image by class.

    Args:
        image (np.ndarray): See :func:`to_rgb8`.
        mask (np.ndarray): Class per pixel, (H, W) integer.
        colours (Sequence[Sequence[int]]): RGB of each class; black ones leave the image as
            it is.
        opacity (float): Of the tint, 0 to 1.
        ignore_index (int): This class does not change the image, too.

    Returns:
        np.ndarray: (H, W, 3) uint8, a new image.

    Raises:
        ValueError: Sizes differ, or a class has no colour.
    """
    image = to_rgb8(image)
    if mask.shape != image.shape[:2]:
        raise ValueError(f'mask must be {image.shape[:2]} like the image, got {mask.shape}')
    shown = mask != ignore_index
    present = np.unique(mask[shown])
    if len(present) and not 0 <= present[0] <= present[-1] < len(colours):
        raise ValueError(f'classes {present.tolist()} in the mask, colours for {len(colours)}')
    table = np.asarray(colours, np.float64).reshape(-1, 3)
    shown[shown] = table[mask[shown]].any(axis=1)
    tint = table[mask[shown]]
    image[shown] = np.round(image[shown] * (1 - opacity) + tint * opacity).astype(np.uint8)
    return image
