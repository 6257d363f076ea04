"""Convert published segmentation labels to index images."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from tsjnet_mm.io.errors import PairError
from tsjnet_mm.io.images import read_header, read_image
from tsjnet_mm.utils import whole_file


def is_index_mask(path: str | Path) -> bool:
    """Whether an image has one channel, or a palette, by its header.

    Args:
        path (str | Path): The file.

    Returns:
        bool: False if it has several channels, and for what is no image.
    """
    try:
        return read_header(path).channels == 1
    except PairError:
        return False


def to_index_mask(
    array: np.ndarray, palette: Sequence[tuple[int, int, int]], name: str
) -> np.ndarray:
    """Turn a mask of any kind into class indices.

    Args:
        array (np.ndarray): (H, W) indices, or (H, W, 3) RGB: three equal channels that hold
            them, or the colours of the palette; uint8.
        palette (Sequence[tuple[int, int, int]]): Colour of each class.
        name (str): What an error calls it.

    Returns:
        np.ndarray: (H, W) uint8.

    Raises:
        PairError: A colour is not in the palette.
    """
    if array.ndim == 2:
        return array
    if (array == array[..., :1]).all():
        return array[..., 0]
    weights = np.array((1 << 16, 1 << 8, 1))
    colours, index = np.unique(array @ weights, return_inverse=True)
    known = {int(np.array(colour) @ weights): label for label, colour in enumerate(palette)}
    if unknown := [int(colour) for colour in colours if int(colour) not in known]:
        red, rest = divmod(unknown[0], 1 << 16)
        raise PairError.of(
            'mask not an index image',
            name,
            'class indices, or the colours of the palette',
            f'the colour {(red, *divmod(rest, 1 << 8))}',
        )
    labels = np.array([known[int(colour)] for colour in colours], np.uint8)
    return labels[index].reshape(array.shape[:2])


def write_index_mask(path: Path, palette: Sequence[tuple[int, int, int]]) -> None:
    """Replace an image with channels by its index image, a PNG of the same name.

    Args:
        path (Path): The file; a link is replaced, not what it points to.
        palette (Sequence[tuple[int, int, int]]): Colour of each class.

    Raises:
        PairError: It cannot be read, or has a colour that is not in the palette.
    """
    mask = to_index_mask(read_image(path), palette, str(path))
    with whole_file(path) as partial:
        Image.fromarray(mask).save(partial, format='PNG')
