"""Masks of objects from their boxes by GrabCut, on both images of a pair."""

import cv2
import numpy as np

from .shapes import is_solid, oval, tidy, whole_box
from .shift import find_shifts
from .structures import ObjectMask

#: Sides in pixels of what GrabCut works on: small boxes are enlarged, large crops reduced.
_SHORT_SIDE, _LONG_SIDE = 40, 200
_MOST_ENLARGED = 4
#: What is known to be background: a frame around the box, as a share of its sides.
_MARGIN = 0.3
_ITERATIONS = 4
#: Boxes with a shorter side show no outline.
_TINY = 6
#: Ranges of a crop, of 0 to 1, below which it is not stretched any more: noise.
_IR_RANGE, _VI_RANGE = 0.06, 0.15
#: Levels between inside and outside that make a clear outline.
_CLEAR_EDGE = 40
#: Below this quality an ellipse is the better guess, and this is what one is worth.
_MIN_QUALITY = 0.45
_GUESS_QUALITY = 0.2
#: A threshold looks at no neighbours: it cuts a body in two at the belt, with clear edges.
_THRESHOLD_WORTH = 0.9
#: Share of the box that an ellipse for want of better covers in each direction.
_GUESS_SCALE = 0.85
#: What is tried, and the channels that it sees of what _features returns.
_VIEWS = {
    'grabcut both': (0, 1, 2),
    'grabcut ir': (0, 0, 0),
    'grabcut vi': (1, 1, 2),
    'threshold ir': (0, 0, 0),
}


def grabcut_masks(ir, vi, boxes, names, max_shift=0.075):
    """Mask of each object, from its box.

    GrabCut (Rother, Kolmogorov, Blake, 2004) runs three times for each object: on the infrared
    image with the two principal colours of the visible one, on the infrared image alone and on
    the visible one alone. What is outside of the box is background; an ellipse in it is
    probably the object, its core for certain. What is warmer than Otsu's threshold is tried,
    too. The result of the highest quality is taken:
    the product of how far it reaches to the sides of the box, which is taken to be tight; the
    share of its largest piece; the share of the box's sides that it is not cut off by; and
    the contrast along its outline. At
    night that is the infrared image for a person, by day often the visible one for a car.
    Where none is good, or the box is under 6 pixels, the ellipse (for vehicles a rounded
    rectangle) itself is taken, as a guess.

    Boxes are taken to fit the visible image. Where the infrared image is off, each object is
    looked for in it, see :func:`.find_shifts`.

    Args:
        ir (np.ndarray): (H, W) float32 in [0, 1].
        vi (np.ndarray): (H, W, 3) float32 RGB in [0, 1].
        boxes (Sequence[Sequence[float]]): N boxes xyxy in pixels.
        names (Sequence[str]): Class name of each; vehicles are given convex outlines.
        max_shift (float): How far the infrared image may be off, as a share of the image's
            width; 0 for pairs that fit. Defaults to 0.075.

    Returns:
        list[ObjectMask]: One for each box, none reaching out of it.
    """
    size = ir.shape
    boxes = [whole_box(box, size) for box in boxes]
    reach = round(max_shift * size[1])
    shifts = find_shifts(ir, np.array(boxes).reshape(-1, 4), reach)
    return [
        _object_mask(ir, vi, box, shift, is_solid(name))
        for box, shift, name in zip(boxes, shifts, names, strict=True)
    ]


def _object_mask(ir, vi, box, shift, solid):
    size = ir.shape
    guess = ObjectMask(oval(size, box, _GUESS_SCALE, solid), _GUESS_QUALITY, 'ellipse')
    left, top, right, bottom = box
    width, height = right - left, bottom - top
    if min(width, height) < _TINY:
        return guess
    frame_x, frame_y = max(4, round(_MARGIN * width)), max(4, round(_MARGIN * height))
    x, y = max(0, left - frame_x), max(0, top - frame_y)
    crop = min(size[1], right + frame_x) - x, min(size[0], bottom + frame_y) - y
    moved = np.float32([[1, 0, x + shift[0]], [0, 1, y + shift[1]]])
    flags = cv2.WARP_INVERSE_MAP | cv2.INTER_NEAREST
    ir = cv2.warpAffine(ir, moved, crop, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    vi = vi[y : y + crop[1], x : x + crop[0]]

    scale = np.clip(_SHORT_SIDE / min(width, height), 1, _MOST_ENLARGED)
    scale = min(scale, _LONG_SIDE / max(crop))
    work = round(crop[0] * scale), round(crop[1] * scale)
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    image = _features(
        cv2.resize(ir, work, interpolation=method),
        cv2.resize(vi, work, interpolation=method),
    )
    inner = whole_box(scale * np.array((left - x, top - y, right - x, bottom - y)), work[::-1])
    best = guess
    for view, channels in _VIEWS.items():
        seen = np.ascontiguousarray(image[..., channels])
        if view == 'threshold ir':
            mask = _threshold(seen, inner, solid)
            quality = _THRESHOLD_WORTH * _quality(mask, inner, seen)
        else:
            mask = _cut(seen, inner, solid)
            quality = _quality(mask, inner, seen)
        if quality > max(best.quality, _MIN_QUALITY):
            best = ObjectMask(mask, quality, view)
    if best is guess:
        return guess
    whole = np.zeros(size, bool)
    mask = cv2.resize(best.mask.astype(np.float32), crop, interpolation=cv2.INTER_AREA) > 0.5
    whole[top:bottom, left:right] = mask[top - y : bottom - y, left - x : right - x]
    return best._replace(mask=whole) if whole.any() else guess


def _features(ir, vi):
    """Three channels: infrared, and the two principal colours of the visible crop."""
    pixels = vi.reshape(-1, 3)
    axes = np.linalg.svd(pixels - pixels.mean(0), full_matrices=False)[2]
    first, second = (pixels @ axes[:2].T).T.reshape(2, *ir.shape)
    # The root: a hot face must not leave the clothes with the background.
    channels = (
        _stretch(np.sqrt(np.maximum(ir, 0)), _IR_RANGE),
        _stretch(first, _VI_RANGE),
        _stretch(second, _VI_RANGE),
    )
    return np.stack(channels, -1).astype(np.uint8)


def _stretch(channel, smallest_range):
    low, high = np.percentile(channel, (1, 99))
    span = max(high - low, smallest_range)
    return np.clip((channel - (low + high) / 2) / span + 0.5, 0, 1) * 255


def _cut(image, box, solid):
    size = image.shape[:2]
    labels = np.full(size, cv2.GC_BGD, np.uint8)
    labels[box[1] : box[3], box[0] : box[2]] = cv2.GC_PR_BGD
    labels[oval(size, box, 1.0, solid)] = cv2.GC_PR_FGD
    labels[oval(size, box, 0.65 if solid else 0.3, solid)] = cv2.GC_FGD
    cv2.setRNGSeed(0)  # its mixtures start from random clusters
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.grabCut(image, labels, None, *models, _ITERATIONS, cv2.GC_INIT_WITH_MASK)
    return tidy((labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD), solid)


def _threshold(image, box, solid):
    """What is warmer than Otsu's threshold: sometimes that alone is the outline."""
    warm = cv2.threshold(image[..., 0], 0, 1, cv2.THRESH_BINARY | cv2.THRESH_OTSU)[1]
    place = slice(box[1], box[3]), slice(box[0], box[2])
    mask = np.zeros(warm.shape, np.uint8)
    mask[place] = warm[place]
    return tidy(mask, solid)


def _quality(mask, box, image):
    """Reach to the sides of the box, times unity, sides not cut off, and contrast."""
    if not mask.any():
        return 0.0
    pieces = cv2.connectedComponentsWithStats(mask.astype(np.uint8))[2][1:]
    unity = pieces[:, cv2.CC_STAT_AREA].max() / mask.sum()
    width, height = cv2.boundingRect(mask.astype(np.uint8))[2:]
    reach = min(width * height / ((box[2] - box[0]) * (box[3] - box[1])), 1)
    inside = mask[box[1] : box[3], box[0] : box[2]]
    sides = np.concatenate((inside[0], inside[-1], inside[:, 0], inside[:, -1]))
    return float(reach * unity * (1 - sides.mean()) * _contrast(mask, image))


def _contrast(mask, image):
    """Mean over the outline of how the image differs across it, 0 to 1."""
    kernel = np.ones((7, 7), np.uint8)
    mask = mask.astype(np.uint8)
    inner = mask - cv2.erode(mask, kernel)
    outer = cv2.dilate(mask, kernel) - mask
    edge = (mask - cv2.erode(mask, kernel[:3, :3])).astype(bool)
    means = []
    for side in (inner, outer):
        side = side.astype(np.float32)[..., None]
        total = cv2.blur(image * side, (9, 9))
        means.append(total[edge] / np.maximum(cv2.blur(side, (9, 9))[edge][:, None], 1e-3))
    levels = np.abs(means[0] - means[1]).max(1)
    return np.clip(levels / _CLEAR_EDGE, 0, 1).mean() if len(levels) else 0.0
