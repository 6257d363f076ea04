"""Choose windows of a scene to magnify, and corners for the magnified insets."""

import itertools
from collections.abc import Sequence

import cv2
import numpy as np

from .drawing import to_rgb8

#: Sides of an inset as shares of the image's. With regions of up to a quarter, the two that
#: are below 3/8 leave at least two corners where an inset covers no region.
INSET_SHARES = (0.4, 0.34, 0.28)

_LARGEST_REGION = 0.25


def check_regions(regions: Sequence[tuple], size: tuple[int, int]) -> None:
    """Refuse regions that cannot be shown magnified within an image.

    Args:
        regions (Sequence[tuple]): ``(x, y, w, h)`` in pixels, at most two.
        size (tuple[int, int]): Width and height of the image.

    Raises:
        ValueError: There are more than two, or one is not four whole numbers, empty, not
            inside of the image, or larger than a quarter of its width or height, which
            an inset would hardly magnify.
    """
    if len(regions) > 2:
        raise ValueError(f'a scene has at most two insets, got {len(regions)}: {regions}')
    width, height = size
    for region in regions:
        if len(region) != 4 or any(int(part) != part for part in region):
            raise ValueError(f'a region is four whole numbers x, y, w, h, got {region}')
        x, y, w, h = region
        words = f'region x={x}, y={y}, w={w}, h={h}'
        if not (0 <= x < x + w <= width and 0 <= y < y + h <= height):
            raise ValueError(f'{words} is not inside of an image of {width}x{height}')
        largest = int(_LARGEST_REGION * width), int(_LARGEST_REGION * height)
        if w > largest[0] or h > largest[1]:
            raise ValueError(
                f'{words} is too large to be magnified in an image of {width}x{height}: '
                f'expected at most {largest[0]}x{largest[1]}'
            )


def _contrasts(images):
    """Grey levels less a blur of a sixth of the image, and the size of that blur."""
    greys = [cv2.cvtColor(to_rgb8(image), cv2.COLOR_RGB2GRAY) for image in images]
    height, width = greys[0].shape
    size = max(1, width // 6), max(1, height // 6)
    greys = [grey.astype(np.float32) for grey in greys]
    return np.stack([grey - cv2.blur(grey, size) for grey in greys]), size


def differing_windows(
    images: Sequence[np.ndarray], count: int = 2
) -> list[tuple[int, int, int, int]]:
    """The windows in which images of one scene differ most.

    They are a sixth of the image in width and height, and stay clear of its border and of
    each other. What counts is the standard deviation over the images of what a blur as wide
    as the window leaves of the grey level, so an image that is brighter all over does not
    count as differing; it is averaged under a Gaussian at the window's middle, which centres
    it on what differs.

    Args:
        images (Sequence[np.ndarray]): At least two of one size, as
            :func:`~tsjnet_mm.visualization.to_rgb8` takes them.
        count (int): Number of windows. Defaults to 2.

    Returns:
        list[tuple[int, int, int, int]]: ``(x, y, w, h)`` in pixels, the most differing
        first, of equal ones the first in reading order; fewer where the image is too small.
    """
    contrasts, (w, h) = _contrasts(images)
    height, width = contrasts.shape[1:]
    score = cv2.GaussianBlur(contrasts.std(axis=0), (0, 0), w / 4, sigmaY=h / 4)
    gap_x, gap_y = w // 6, h // 6
    # Scores of windows by their upper left corner, as far as they stay clear of the border.
    columns, rows = max(0, width - w - 2 * gap_x + 1), max(0, height - h - 2 * gap_y + 1)
    left, top = gap_x + w // 2, gap_y + h // 2
    score = score[top : top + rows, left : left + columns].copy()
    windows = []
    while len(windows) < count and score.size and score.max() >= 0:
        y, x = (int(part) for part in np.unravel_index(score.argmax(), score.shape))
        windows.append((x + gap_x, y + gap_y, w, h))
        near_x, near_y = w + gap_x, h + gap_y
        score[max(0, y - near_y + 1) : y + near_y, max(0, x - near_x + 1) : x + near_x] = -1
    return windows


def place_insets(
    images: Sequence[np.ndarray], regions: Sequence[tuple]
) -> list[tuple[int, int, int, int]]:
    """Corners for the magnified regions, one each.

    They take the corners that hide least: those with the least variance over the images of
    the contrast that :func:`differing_windows` looks at, which is large on what one camera
    sees and the other does not. They never cover a region, and are a step smaller where
    that uncovers a twentieth of what matters.

    Args:
        images (Sequence[np.ndarray]): All of a scene, the sources too, of one size.
        regions (Sequence[tuple]): ``(x, y, w, h)`` as :func:`check_regions` accepts them.

    Returns:
        list[tuple[int, int, int, int]]: ``(x, y, w, h)`` of each region's inset, in pixels,
        of the shape of its region.
    """
    matters = _contrasts(images)[0].var(axis=0)
    height, width = matters.shape
    total = max(float(matters.sum()), 1e-9)
    candidates = []
    for rank, share in enumerate(INSET_SHARES):
        for corners in itertools.permutations(itertools.product((1, 0), (0, 1)), len(regions)):
            insets = [
                _inset(region, corner, share, width, height)
                for region, corner in zip(regions, corners, strict=True)
            ]
            if not any(_overlap(inset, region) for inset in insets for region in regions):
                hidden = sum(matters[y : y + h, x : x + w].sum() for x, y, w, h in insets)
                candidates.append((float(hidden) / total + rank / 20, insets))
    return min(candidates, key=lambda candidate: candidate[0])[1]


def _inset(region, corner, share, width, height):
    zoom = share * min(width / region[2], height / region[3])
    w, h = round(region[2] * zoom), round(region[3] * zoom)
    bottom, right = corner
    return (width - w) * right, (height - h) * bottom, w, h


def _overlap(first, second):
    """Whether two boxes share a pixel."""
    return all(
        max(first[axis], second[axis])
        < min(first[axis] + first[axis + 2], second[axis] + second[axis + 2])
        for axis in (0, 1)
    )
