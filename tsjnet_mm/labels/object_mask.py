"""The mask of one object, as GrabCut and SAM return it."""

from typing import NamedTuple

import numpy as np


class ObjectMask(NamedTuple):
    """The mask of one object.

    Attributes:
        mask (np.ndarray): (H, W) bool.
        quality (float): How far it can be trusted, 0 to 1.
        method (str): What made it; 'ellipse' is a guess.
    """

    mask: np.ndarray
    quality: float
    method: str
