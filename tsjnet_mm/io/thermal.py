"""What the infrared camera measured, on the pixels of the visible image."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .errors import PairError
from .radiometric import is_radiometric, to_celsius
from .unit_range import infrared_limits, single_channel

if TYPE_CHECKING:
    from .preparation import Preparation


@dataclass(frozen=True)
class ThermalMap:
    """Measured values of an infrared image.

    Attributes:
        values (np.ndarray): (H, W) float32 in the visible image's size: degrees Celsius where
            the preparation knows them, otherwise stored values.
        limits (tuple[float, float]): The values that are black and white in the pair.
        is_celsius (bool): Whether these are degrees Celsius.
    """

    values: np.ndarray
    limits: tuple[float, float]
    is_celsius: bool


def thermal_map(
    ir: np.ndarray,
    preparation: Preparation,
    size: tuple[int, int],
    names: tuple[str, str],
    path: str | Path | None = None,
) -> ThermalMap:
    """Measured values of an infrared image, on the pixels of the visible image.

    Args:
        ir (np.ndarray): (H, W) or (H, W, 1 or 3), as read.
        preparation (Preparation): How its pair is prepared.
        size (tuple[int, int]): Height and width of the visible image.
        names (tuple[str, str]): What an error calls the two images.
        path (str | Path, optional): The file that ``ir`` was read from.

    Returns:
        ThermalMap: The values, which are not clipped.

    Raises:
        PairError: It is a radiometric JPEG of which only the picture was read, or see
            :class:`.Preparation`.
    """
    unit = preparation.ir_unit
    if unit is None and path is not None and is_radiometric(path):
        raise PairError.of(
            'temperatures not read',
            path,
            '--ir-celsius LOW HIGH, or --ir-percentiles 0 100, which read the temperatures of '
            'a radiometric JPEG',
            'the picture of a radiometric JPEG',
        )
    values = single_channel(ir)
    limits = preparation.ir_celsius
    if limits is None:
        limits = infrared_limits(ir, names[0], preparation.ir_range, preparation.ir_percentiles)
        if unit is not None:
            limits = to_celsius(np.array(limits), unit, names[0])
    if unit is not None:
        values = to_celsius(values, unit, names[0])
    fitted = preparation.fit(values.astype(np.float32), size, names)
    return ThermalMap(fitted, (float(limits[0]), float(limits[1])), unit is not None)
