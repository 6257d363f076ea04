"""From stored numbers to [0, 1]."""

import warnings
from pathlib import Path

import numpy as np

from .errors import PairError
from .ranges import check_limits

_LUMA = np.array((0.299, 0.587, 0.114))


def full_range(
    array: np.ndarray, name: str | Path, remedy: str = 'convert it'
) -> tuple[int, int]:
    """Default values of black and white for the type of an image.

    Args:
        array (np.ndarray): Of any type and shape.
        name (str | Path): What an error calls it.
        remedy (str): What the error says to do about other values.

    Returns:
        tuple[int, int]: (0, 255) for 8 bits, (0, 65535) for 16, (0, 1) for floats within.

    Raises:
        PairError: The image has another type, or floats outside.
    """
    if array.dtype in (np.uint8, np.uint16):
        return 0, np.iinfo(array.dtype).max
    if array.dtype.kind == 'f' and array.min() >= 0 and array.max() <= 1:
        return 0, 1
    raise PairError.of(
        'unknown value range',
        name,
        f'8 or 16 bits, or floats in [0, 1] ({remedy})',
        f'{array.dtype} from {array.min()} to {array.max()}',
    )


def _to_unit(array, low, high):
    if high <= low:  # percentiles of a constant image
        return np.zeros(array.shape, np.float32)
    # A float32 holds 24 bits: large counts would come out in steps.
    exact = np.float32 if array.dtype.itemsize < 4 else np.float64
    unit = (array.astype(exact) - exact(low)) / exact(high - low)
    return np.clip(unit, 0, 1, out=unit).astype(np.float32, copy=False)


def single_channel(array: np.ndarray) -> np.ndarray:
    """One channel of an infrared image.

    Args:
        array (np.ndarray): (H, W), (H, W, 1) or (H, W, 3) RGB, of any type.

    Returns:
        np.ndarray: (H, W): of three equal channels the first, of different ones the luma.
    """
    if array.ndim == 2:
        return array
    first = array[..., 0]
    if array.shape[2] == 1:
        return first
    if all(np.array_equal(first, array[..., channel]) for channel in (1, 2)):
        return first
    return (array @ _LUMA).astype(np.float32 if array.dtype.itemsize < 4 else np.float64)


def _warn_of_narrow_range(array):
    if array.dtype == np.uint16 and int(array.max()) - int(array.min()) < 1 << 14:
        warnings.warn(
            'a 16-bit infrared image uses less than a quarter of the 16-bit range, as raw '
            '14-bit thermal images do, so its contrast will be low; give ir_range=(low, high) '
            'or ir_percentiles=(1, 99)',
            stacklevel=3,
        )


def infrared_to_unit(
    array: np.ndarray,
    name: str | Path,
    value_range: tuple[float, float] | None = None,
    percentiles: tuple[float, float] | None = None,
) -> np.ndarray:
    """Bring an infrared image to [0, 1].

    Of three equal channels the first is taken, of different ones (false colour) the luma.

    Args:
        array (np.ndarray): (H, W), (H, W, 1) or (H, W, 3) RGB; uint8, uint16, int32 or float.
        name (str | Path): What an error calls it.
        value_range (tuple[float, float], optional): Values that become 0 and 1; what lies
            outside is clipped. Defaults to the range of the type.
        percentiles (tuple[float, float], optional): Instead, percentiles of the image that
            become 0 and 1.

    Returns:
        np.ndarray: (H, W) float32 in [0, 1].

    Raises:
        PairError: The image has neither 8 nor 16 bits nor floats in [0, 1] and no range is
            given.
        ValueError: Both ranges are given, or one cannot be meant.
    """
    value_range, percentiles = check_limits(
        value_range, percentiles, ('value_range', 'percentiles')
    )
    if value_range is None and percentiles is None:
        _warn_of_narrow_range(array)
    limits = infrared_limits(array, name, value_range, percentiles)
    return _to_unit(single_channel(array), *limits)


def infrared_limits(
    array: np.ndarray,
    name: str | Path,
    value_range: tuple[float, float] | None = None,
    percentiles: tuple[float, float] | None = None,
) -> tuple[float, float]:
    """The values of an infrared image that become 0 and 1, see :func:`infrared_to_unit`."""
    if value_range is not None:
        return value_range
    if percentiles is not None:
        return tuple(np.percentile(single_channel(array), percentiles))
    return full_range(array, name, 'for other infrared images give ir_range=(low, high)')


def visible_to_unit(array: np.ndarray, name: str | Path) -> np.ndarray:
    """Bring a visible image to [0, 1].

    Args:
        array (np.ndarray): (H, W), (H, W, 1) or (H, W, 3) RGB; uint8, uint16, or float in
            [0, 1].
        name (str | Path): What an error calls it.

    Returns:
        np.ndarray: (H, W, 3) float32 RGB in [0, 1], a grey image repeated.

    Raises:
        PairError: The image is of another type or range.
    """
    if array.dtype == np.uint16 and array.max() < 1 << 14:
        warnings.warn(
            'a 16-bit visible image uses less than a quarter of the 16-bit range, as images '
            'of 10 to 14 bits do, and will look dark; scale its counts to 8 or 16 bits',
            stacklevel=2,
        )
    unit = _to_unit(array, *full_range(array, name))
    if unit.ndim == 2:
        unit = unit[..., None]
    return unit if unit.shape[2] == 3 else np.repeat(unit, 3, axis=-1)
