"""Large images in tiles: overlapping windows whose results are blended.

Memory for the function's intermediate results follows the tile, not the image.
"""

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor


def _starts(length, tile, overlap):
    """First positions of evenly spread windows that overlap by at least ``overlap``."""
    if length <= tile:
        return [0]
    count = math.ceil((length - overlap) / (tile - overlap))
    return [round(index * (length - tile) / (count - 1)) for index in range(count)]


def _weights(starts, length, tile, overlap):
    """One weight per position of each window along an axis; they sum to 1 at every position.

    Across an overlap the weight climbs over its middle half, so the quarter next to a
    window's edge, where the function met that edge, counts nothing.
    """
    size = min(tile, length)
    inside = torch.arange(size, dtype=torch.float64) + 0.5
    windows = []
    for start in starts:
        weight = torch.ones(size, dtype=torch.float64)
        if start > 0:
            weight = weight * ((inside / overlap - 0.25) * 2).clamp(0, 1)
        if start + size < length:
            weight = weight * (((size - inside) / overlap - 0.25) * 2).clamp(0, 1)
        windows.append(weight)
    total = torch.zeros(length, dtype=torch.float64)
    for start, weight in zip(starts, windows, strict=True):
        total[start : start + size] += weight
    return [
        (weight / total[start : start + size]).float()
        for start, weight in zip(starts, windows, strict=True)
    ]


def apply_in_tiles(
    function: Callable, images: Sequence[Tensor], tile: int, overlap: int
) -> Tensor:
    """Apply an image-to-image function tile by tile.

    Where a result depends on its surroundings within a quarter of the overlap only, it is
    the untiled one to rounding. A function that sees all of its image, such as a network with
    global pooling, differs from tile to tile; there the blending hides the change.

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
    rows, columns = _starts(height, tile, overlap), _starts(width, tile, overlap)
    row_weights = _weights(rows, height, tile, overlap)
    column_weights = _weights(columns, width, tile, overlap)
    result = None
    for top, down in zip(rows, row_weights, strict=True):
        for left, across in zip(columns, column_weights, strict=True):
            window = (..., slice(top, top + len(down)), slice(left, left + len(across)))
            part = function(*(image[window] for image in images))
            if result is None:
                result = part.new_zeros((*part.shape[:2], height, width))
            weight = (down[:, None] * across).to(part)
            result[window] += part * weight
    return result
