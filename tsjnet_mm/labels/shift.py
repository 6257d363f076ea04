"""Find objects of the visible image in an infrared image that is displaced.

Boxes usually fit the visible image. In published data the infrared image may be displaced by
tens of pixels, and near objects more than far ones. Persons and vehicles are usually warm, so
they are bright in the infrared image; this shows their position.
"""

import cv2
import numpy as np

#: Correlations below which bright spots are no evidence for where one object, or all, are.
_MIN_OWN, _MIN_COMMON = 0.35, 0.28
#: Correlation that moving one object, or all, has to gain over leaving them.
_OWN_GAIN, _COMMON_GAIN = 0.15, 0.05
#: What a whole reach of distance costs.
_DISTANCE_COST = 0.15
_REFINE = 3
#: How far one object may be from where all are: share of its box's shorter side, in pixels.
_FREEDOM, _LEAST, _MOST = 0.3, 2, 16


def _template(width, height):
    """A bright ellipse before a dark ring, as a warm body is."""
    margin_x, margin_y = max(2, round(0.25 * width)), max(2, round(0.1 * height))
    size = height + 2 * margin_y, width + 2 * margin_x
    template = np.zeros(size, np.float32)
    centre = (size[1] - 1) / 2, (size[0] - 1) / 2
    axes = (0.75 * width, 0.95 * height)
    cv2.ellipse(template, (centre, axes, 0), 1.0, cv2.FILLED)
    return cv2.GaussianBlur(template, (0, 0), max(0.5, 0.06 * width)), margin_x, margin_y


def _score_map(ir, box, reach):
    """Correlation with the template for each shift, (2 * reach + 1) squared."""
    left, top, right, bottom = box
    template, margin_x, margin_y = _template(right - left, bottom - top)
    x, y = left - margin_x, top - margin_y
    # The image is continued by its border, for objects near it.
    pad = reach + max(margin_x, margin_y)
    padded = cv2.copyMakeBorder(ir, pad, pad, pad, pad, cv2.BORDER_REPLICATE)
    x, y = x + pad - reach, y + pad - reach
    window = padded[
        y : y + template.shape[0] + 2 * reach, x : x + template.shape[1] + 2 * reach
    ]
    scores = cv2.matchTemplate(window, template, cv2.TM_CCOEFF_NORMED)
    return np.nan_to_num(scores, posinf=0, neginf=0)


def find_shifts(ir: np.ndarray, boxes: np.ndarray, reach: int) -> np.ndarray:
    """Displacement of each object in the infrared image from its box.

    All objects together give the displacement of the image. Each object may differ from it a
    little, as near objects do. An object that is not bright has the displacement of the others.
    If no displacement is clearly better than 0, it is 0.

    Args:
        ir (np.ndarray): (H, W) float32 in [0, 1].
        boxes (np.ndarray): (N, 4) xyxy in pixels.
        reach (int): The furthest shift looked for, in pixels in each direction.

    Returns:
        np.ndarray: (N, 2) int, (dx, dy): the object is at its box plus this.
    """
    boxes = np.round(boxes).astype(int).reshape(-1, 4)
    shifts = np.zeros((len(boxes), 2), int)
    if not len(boxes) or reach < 1:
        return shifts
    ir = np.sqrt(ir)  # hot faces and lamps count less
    maps = np.array([_score_map(ir, box, reach) for box in boxes])
    axis = np.arange(-reach, reach + 1)
    distance = np.hypot(axis[:, None], axis[None, :]) / reach
    sides = np.minimum(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1])
    weights = sides[:, None, None]
    common = (maps * weights).sum(0) / weights.sum()
    start = _best(common, distance, (reach, reach), _COMMON_GAIN, _MIN_COMMON)
    away = np.hypot(axis[:, None] + reach - start[0], axis[None, :] + reach - start[1])
    for index, (scores, side) in enumerate(zip(maps, sides, strict=True)):
        near = away <= np.clip(_FREEDOM * side, _LEAST, _MOST)
        scores = np.where(near, scores, -np.inf)
        place = _best(scores, away / reach, start, _OWN_GAIN, _MIN_OWN)
        shifts[index] = place[1] - reach, place[0] - reach
    return shifts


def _best(scores, distance, start, gain, least):
    """The place of most correlation, or ``start`` where it is not clearly better."""
    costed = scores - _DISTANCE_COST * distance
    place = np.unravel_index(int(np.argmax(costed)), scores.shape)
    if costed[place] < scores[start] + gain or scores[place] < least:
        return start
    # The cost of distance draws the maximum towards no shift: undone where it is decided.
    row, column = max(place[0] - _REFINE, 0), max(place[1] - _REFINE, 0)
    near = scores[row : place[0] + _REFINE + 1, column : place[1] + _REFINE + 1]
    place = np.unravel_index(int(np.argmax(near)), near.shape)
    return row + place[0], column + place[1]
