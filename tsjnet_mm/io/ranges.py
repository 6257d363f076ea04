"""Check the infrared values, or percentiles, that become black and white; their units."""

import math
from collections.abc import Sequence

#: Unit of stored values to (factor, offset) of degrees Celsius.
UNITS = {
    'celsius': (1.0, 0.0),
    'kelvin': (1.0, -273.15),
    'decikelvin': (0.1, -273.15),
    'centikelvin': (0.01, -273.15),
}


def _two_numbers(name: str, limits: Sequence[float], example: str) -> tuple[float, float]:
    try:
        low, high = (float(value) for value in limits)
    except (TypeError, ValueError):
        raise ValueError(
            f'{name} must be two numbers such as {example}, got {limits!r}'
        ) from None
    given = f'such as {example}, got ({low:g}, {high:g})'
    if not (math.isfinite(low) and math.isfinite(high)):
        raise ValueError(f'{name} must be two finite numbers {given}')
    if not low < high:
        raise ValueError(f'{name} must be (low, high) with low < high, {given}')
    return low, high


def check_range(limits: Sequence[float], name: str = 'ir_range') -> tuple[float, float]:
    """Check a range of values.

    Args:
        limits (Sequence[float]): The stored values that become 0 and 1.
        name (str): What an error calls the option. Defaults to ``'ir_range'``.

    Returns:
        tuple[float, float]: Both.

    Raises:
        ValueError: They are not two finite numbers of which the first is smaller.
    """
    return _two_numbers(name, limits, '7000 9000')


def check_percentiles(
    limits: Sequence[float], name: str = 'ir_percentiles'
) -> tuple[float, float]:
    """Check percentiles.

    Args:
        limits (Sequence[float]): The percentiles that become 0 and 1.
        name (str): What an error calls the option. Defaults to ``'ir_percentiles'``.

    Returns:
        tuple[float, float]: Both.

    Raises:
        ValueError: They are not two numbers with ``0 <= low < high <= 100``.
    """
    low, high = _two_numbers(name, limits, '1 99')
    if low < 0 or high > 100:
        raise ValueError(f'{name} must lie in 0..100, got ({low:g}, {high:g})')
    return low, high


def check_limits(
    ir_range: Sequence[float] | None,
    ir_percentiles: Sequence[float] | None,
    names: tuple[str, str] = ('ir_range', 'ir_percentiles'),
) -> tuple[tuple[float, float] | None, tuple[float, float] | None]:
    """Check a range and percentiles, of which one at most may be given.

    Args:
        ir_range (Sequence[float], optional): See :func:`check_range`.
        ir_percentiles (Sequence[float], optional): See :func:`check_percentiles`.
        names (tuple[str, str]): What an error calls the two options.

    Returns:
        tuple[tuple[float, float] | None, tuple[float, float] | None]: Both, where given.

    Raises:
        ValueError: Both are given, or one is impossible.
    """
    if ir_range is not None and ir_percentiles is not None:
        raise ValueError(
            f'give {names[0]} or {names[1]}, not both: {ir_range} and {ir_percentiles}'
        )
    return (
        None if ir_range is None else check_range(ir_range, names[0]),
        None if ir_percentiles is None else check_percentiles(ir_percentiles, names[1]),
    )
