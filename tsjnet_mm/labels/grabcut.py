"""Object masks from boxes, by GrabCut on both images of a pair."""

from collections.abc import Sequence

import cv2
import numpy as np

from .object_mask import ObjectMask
from .shapes import is_solid, oval, tidy, whole_box
from .shift import find_shifts

#: GrabCut works on a crop around the box. The crop is resized so that the box's shorter side
#: has at least 40 pixels, but enlarged at most 4 times, and its longer side at most 200 pixels.
_SHORT_SIDE, _LONG_SIDE = 40, 200
_MOST_ENLARGED = 4
#: Width of the frame around the box that is certainly background, as a share of its sides.
_MARGIN = 0.3
_ITERATIONS = 4
#: Side in pixels: in smaller boxes no outline can be seen, and the mask is an ellipse.
_TINY = 6
#: The contrast of a crop is stretched to the full range. A crop whose values span less than
#: this (of 1) is stretched as if they spanned this much, so that noise is not amplified.
_IR_RANGE, _VI_RANGE = 0.06, 0.15
#: Difference in grey levels between both sides of an outline that counts as full contrast.
_CLEAR_EDGE = 40
#: A mask of lower quality is replaced by an ellipse, whose quality is set to the second value.
_MIN_QUALITY = 0.45
_GUESS_QUALITY = 0.2
#: Factor of the quality of a thresholded mask. A threshold ignores neighbouring pixels; it may
#: cut a person in two at the belt, and the wrong outline still has high contrast.
_THRESHOLD_WORTH = 0.9
#: Diameters of that ellipse, as a share of the box's sides.
_GUESS_SCALE = 0.85
#: Name of each attempt, and the three channels of :func:`_features` that it sees.
_VIEWS = {
    'grabcut both': (0, 1, 2),
    'grabcut ir': (0, 0, 0),
    'grabcut vi': (1, 1, 2),
    'threshold ir': (0, 0, 0),
}


def grabcut_masks(
    ir: np.ndarray,
    vi: np.ndarray,
    boxes: Sequence[Sequence[float]] | np.ndarray,
    names: Sequence[str],
    max_shift: float = 0.075,
) -> list[ObjectMask]:
    """Compute a mask of each object from its box.

    Four masks are computed for each object. GrabCut (Rother, Kolmogorov, Blake, 2004) computes
    three of them: from the infrared image and the two principal colours of the visible image,
    from the infrared image alone, and from the visible image alone. It starts from this guess:
    pixels outside the box are background, an ellipse in the box is probably the object, and the
    core of the ellipse is certainly the object. The fourth mask holds the pixels of the
    infrared image above Otsu's threshold.

    The mask of the highest quality is returned. Its quality is the product of four numbers in
    [0, 1]: the area of the mask's bounding box relative to the object's box; the area of the
    mask's largest connected component relative to the mask; the share of pixels on the box's
    four sides that the mask does not contain; and the contrast along the outline. For a person
    at night the infrared mask usually has the highest quality, for a car by day the visible
    one. If no quality reaches 0.45, or a side of the box is shorter than 6 pixels, the mask is
    the ellipse, or for a vehicle a rounded rectangle.

    The boxes must fit the visible image. If the infrared image is displaced,
    :func:`.find_shifts` finds the displacement of each object.

    Args:
        ir (np.ndarray): (H, W) float32 in [0, 1].
        vi (np.ndarray): (H, W, 3) float32 RGB in [0, 1].
        boxes (Sequence[Sequence[float]] | np.ndarray): N boxes xyxy in pixels.
        names (Sequence[str]): Class name of each; masks of vehicles are made convex.
        max_shift (float): Largest displacement of the infrared image, as a share of the
            image's width; 0 for registered pairs. Defaults to 0.075.

    Returns:
        list[ObjectMask]: A mask for each box. It does not extend beyond the box.
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
    # The square root lifts clothes, which are cooler than the face, above the background.
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
    cv2.setRNGSeed(0)  # GrabCut initialises its mixtures at random.
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.grabCut(image, labels, None, *models, _ITERATIONS, cv2.GC_INIT_WITH_MASK)
    return tidy((labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD), solid)


def _threshold(image, box, solid):
    """Mask of the pixels in the box that are above Otsu's threshold of the infrared image."""
    warm = cv2.threshold(image[..., 0], 0, 1, cv2.THRESH_BINARY | cv2.THRESH_OTSU)[1]
    place = slice(box[1], box[3]), slice(box[0], box[2])
    mask = np.zeros(warm.shape, np.uint8)
    mask[place] = warm[place]
    return tidy(mask, solid)


def _quality(mask, box, image):
    """Quality of a mask in [0, 1], see :func:`grabcut_masks`."""
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
    """Mean difference of the image between both sides of the mask's outline, 0 to 1."""
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
