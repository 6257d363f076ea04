"""The images of a pair that networks look at to label it."""

from collections.abc import Callable

import numpy as np
import torch

from tsjnet_mm.io.pairs import Pair
from tsjnet_mm.utils.colour import recolour, rgb_to_luma

#: Views of a pair, by name.
VIEWS = {
    'ir': 'the infrared image',
    'ir-colour': 'the infrared image with the chroma of the visible one',
    'vi': 'the visible image',
    'average': 'the mean of both lumas with the chroma of the visible image',
    'fused': 'the fused image',
}


def view_image(
    pair: Pair, view: str, fuse: Callable[[Pair], np.ndarray] | None = None
) -> np.ndarray:
    """One of the images by which a pair is labelled.

    Args:
        pair (Pair): The pair.
        view (str): A key of :data:`VIEWS`.
        fuse (Callable[[Pair], np.ndarray], optional): Returns the fused image of a pair, for
            ``'fused'``.

    Returns:
        np.ndarray: (H, W, 3) float32 RGB in [0, 1].
    """
    if view == 'fused':
        return fuse(pair)
    if view == 'vi':
        return pair.vi
    if view == 'ir':
        return np.repeat(pair.ir[..., None], 3, axis=2)
    ir = torch.from_numpy(pair.ir)[None]
    vi = torch.from_numpy(pair.vi).permute(2, 0, 1)
    luma = ir if view == 'ir-colour' else (ir + rgb_to_luma(vi)) / 2
    return recolour(luma, vi).permute(1, 2, 0).numpy()
