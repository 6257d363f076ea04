"""Objects that are too small in the whole image, found in enlarged tiles of it."""

from collections.abc import Callable

import cv2
import numpy as np

#: Share of a tile that the next one sees, too.
_OVERLAP = 0.25
#: Boxes that end so near to an inner border of a tile, in pixels of the enlarged tile, are cut
#: off by it.
_CUT = 4


def detect_in_tiles(detector: Callable, image: np.ndarray, tiles: int) -> dict[str, np.ndarray]:
    """Find objects in an image and in its tiles.

    The tiles are ``tiles`` by ``tiles`` and overlap by a quarter. Each is enlarged to the size
    of the image: with 2 by 2 tiles objects are 1.75 times as large. Boxes that an inner border
    of a tile cuts off are left out; the whole image or another tile has them.

    Args:
        detector (Callable): As :class:`.ViewDetector`.
        image (np.ndarray): (H, W, 3) float32 RGB in [0, 1].
        tiles (int): Tiles along each side; with 1 the detector sees the whole image alone.

    Returns:
        dict[str, np.ndarray]: As of the detector. An object may be there several times; for
        :func:`.merge_views` they are one view.
    """
    found = [detector(image)]
    size = np.array(image.shape[1::-1])
    extent = np.minimum(np.ceil(size / (tiles - (tiles - 1) * _OVERLAP)).astype(int), size)
    steps = np.linspace((0, 0), size - extent, tiles).round().astype(int)
    for x, y in [(x, y) for y in steps[:, 1] for x in steps[:, 0]] if tiles > 1 else []:
        tile = image[y : y + extent[1], x : x + extent[0]]
        tile = cv2.resize(tile, [int(side) for side in size], interpolation=cv2.INTER_LINEAR)
        seen = detector(np.ascontiguousarray(np.clip(tile, 0, 1)))
        scale, offset = np.tile(extent / size, 2), np.array((x, y) * 2)
        boxes = seen['boxes']
        cut = (boxes[:, :2] < _CUT) & (offset[:2] > 0)
        cut |= (boxes[:, 2:] > size - _CUT) & (offset[2:] + extent < size)
        kept = ~cut.any(1)
        seen = {name: values[kept] for name, values in seen.items()}
        seen['boxes'] = (seen['boxes'] * scale + offset).astype(np.float32)
        found.append(seen)
    return {name: np.concatenate([each[name] for each in found]) for name in found[0]}
