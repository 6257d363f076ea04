"""What the infrared camera measured, on the pixels of the visible image."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .dji import is_dji, read_dji_counts
from .errors import PairError
from .images import write_image
from .radiometric import is_flir, read_radiometric, to_celsius
from .resume import NOTE
from .unit_range import infrared_limits, single_channel

if TYPE_CHECKING:
    from .preparation import Preparation


@dataclass(frozen=True)
class ThermalMap:
    """Measured values of an infrared image.

    Attributes:
        values (np.ndarray): (H, W) float32 in the visible image's size: degrees Celsius where
            the preparation knows them, otherwise stored values. NaN where the infrared camera
            sees nothing.
        limits (tuple[float, float]): The values that are black and white in the pair.
        is_celsius (bool): Whether these are degrees Celsius.
    """

    values: np.ndarray
    limits: tuple[float, float]
    is_celsius: bool


def read_measured(
    ir: object, preparation: Preparation
) -> tuple[np.ndarray | None, Preparation]:
    """What a radiometric JPEG measured, where its pair is prepared by that.

    Temperatures of a FLIR radiometric JPEG are read with ``ir_celsius`` and ``ir_percentiles``,
    counts of a DJI R-JPEG with ``ir_range`` and ``ir_percentiles``. Otherwise the picture of
    such a file is read.

    Args:
        ir (object): Path of an infrared image; anything else is no such file.
        preparation (Preparation): How its pair is prepared.

    Returns:
        tuple[np.ndarray | None, Preparation]: (H, W) degrees Celsius or counts, in the size
        of the sensor, and the preparation that takes them; None and ``preparation`` where the
        picture is to be read.

    Raises:
        PairError: The data are damaged, or temperatures of a DJI R-JPEG are asked for.
    """
    by_value = preparation.ir_celsius or preparation.ir_percentiles
    if not isinstance(ir, str | Path) or not (by_value or preparation.ir_range):
        return None, preparation
    celsius = read_radiometric(ir) if by_value else None
    if celsius is not None:
        return celsius, dataclasses.replace(preparation, ir_unit='celsius')
    counts = read_dji_counts(ir)
    if counts is not None and (preparation.ir_celsius or preparation.ir_unit):
        raise PairError.of(
            'unknown temperatures',
            ir,
            "temperatures (convert it with dji_irp of DJI's Thermal SDK to a TIFF in "
            '--ir-unit, or give --ir-percentiles alone to fuse its counts)',
            'a DJI R-JPEG, whose counts only that SDK converts',
        )
    return counts, preparation


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
    is_picture = unit is None and path is not None and ir.dtype != np.uint16
    if is_picture and (is_flir(path) or is_dji(path)):
        raise PairError.of(
            'temperatures not read',
            path,
            '--ir-celsius LOW HIGH, or --ir-percentiles 0 100, which read the measured values '
            'of a radiometric JPEG',
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
    values = preparation.undistort_infrared(values.astype(np.float32), names[0])
    fitted = preparation.fit(values, size, names)
    seen = preparation.seen(values.shape, size)
    if seen is not None:
        fitted = np.where(seen > 0, fitted, np.float32(np.nan))
    return ThermalMap(fitted, (float(limits[0]), float(limits[1])), unit is not None)


def write_temperatures(
    measured: ThermalMap,
    path: str | Path,
    name: str | Path,
    note: str | None = None,
    exif: bytes | None = None,
) -> None:
    """Write temperatures to a TIFF file, completely or not at all.

    Args:
        measured (ThermalMap): The temperatures.
        path (str | Path): The file: one channel of 32-bit floats, degrees Celsius.
        name (str | Path): What an error calls the infrared image.
        note (str, optional): How they were made, see :func:`.encode_note`.
        exif (bytes, optional): See :func:`.read_exif`.

    Raises:
        PairError: The values are no temperatures, as far as is known.
        OSError: The file cannot be written.
    """
    if not measured.is_celsius:
        to_celsius(measured.values, None, name)
    write_image(measured.values, path, {NOTE: note or '{}'}, exif=exif)
