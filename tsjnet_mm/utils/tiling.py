"""Large images in tiles: overlapping windows whose results are blended.

Memory for the function's intermediate results follows the tile, not the image.
"""

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

#: Tiles start at multiples of it, so that a function that halves its images up to five times
#: groups the same pixels in a tile as in the whole image.
_GRID = 32


def _windows(length, tile, overlap):
    """Slices of evenly spread windows that overlap by at least ``overlap``.

    The last may be up to 31 positions shorter than the others.
    """
    if length <= tile:
        return [slice(0, length)]
    grid = min(_GRID, 2 ** int(math.log2(tile - overlap)))
    count = math.ceil((length - tile) / ((tile - overlap) // grid * grid))
    starts = [
        math.ceil(index * (length - tile) / count / grid) * grid for index in range(count + 1)
    ]
    return [slice(start, min(start + tile, length)) for start in starts]


def _weights(windows, overlap):
    """One weight per position of each window along an axis; they sum to 1 at every position.

    Across an overlap the weight climbs over its middle half, so the quarter next to a
    window's edge, where the function met that edge, counts nothing.
    """
    weights, length = [], windows[-1].stop
    total = torch.zeros(length, dtype=torch.float64)
    for window in windows:
        size = window.stop - window.start
        inside = torch.arange(size, dtype=torch.float64) + 0.5
        weight = torch.ones(size, dtype=torch.float64)
        if window.start > 0:
            weight = weight * ((inside / overlap - 0.25) * 2).clamp(0, 1)
        if window.stop < length:
            weight = weight * (((size - inside) / overlap - 0.25) * 2).clamp(0, 1)
        weights.append(weight)
        total[window] += weight
    return [
        (weight / total[window]).float()
        for window, weight in zip(windows, weights, strict=True)
    ]


def apply_in_tiles(
    function: Callable, images: Sequence[Tensor], tile: int, overlap: int
) -> Tensor:
    """Apply an image-to-image function tile by tile.

    Where a result depends on its surroundings within a quarter of the overlap only, it is
    the untiled one to rounding. Tiles start at multiples of 32 pixels, so this holds also for
    a function that halves its images up to five times. A function that sees all of its image,
    such as a network with global pooling, differs from tile to tile; there the blending hides
    the change.

    Args:
        function (Callable): Of as many tensors (B, C, h, w) as ``images``, to one
            (B, C', h, w).
        images (Sequence[Tensor]): (B, C, H, W) each, of one size.
        tile (int): Longest side of a tile in pixels. An image that fits into one is passed
            whole.
        overlap (int): Least overlap of neighbouring tiles in pixels, at least 4 and at most
            half of the tile.

    Returns:
        Tensor: (B, C', H, W), dtype and device of what the function returns.

    Raises:
        ValueError: The overlap does not fit the tile.
    """
    if not 4 <= overlap <= tile // 2:
        raise ValueError(
            f'overlap must be from 4 to half of the tile, got {overlap} for tiles of {tile}'
        )
    height, width = images[0].shape[-2:]
    if max(height, width) <= tile:
        return function(*images)
    rows, columns = (_windows(length, tile, overlap) for length in (height, width))
    row_weights = _weights(rows, overlap)
    column_weights = _weights(columns, overlap)
    result = None
    for row, down in zip(rows, row_weights, strict=True):
        for column, across in zip(columns, column_weights, strict=True):
            window = (..., row, column)
            part = function(*(image[window] for image in images))
            if result is None:
                result = part.new_zeros((*part.shape[:2], height, width))
            weight = (down[:, None] * across).to(part)
            result[window] += part * weight
    return result
