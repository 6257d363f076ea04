"""Temperatures of radiometric files.

A FLIR radiometric JPEG holds an FFF container in its APP1 segments: the raw counts of the
sensor, and the constants that give their temperatures. A black body of temperature T gives
``raw = R1 / (R2 (exp(B / T) - F)) - O``; the atmosphere and a window take radiation away and
add their own. The layout of the container is the one that ExifTool documents.
"""

import io
import math
import struct
from pathlib import Path

import numpy as np
from PIL import Image

from .errors import PairError
from .jpeg_segments import read_segments
from .ranges import UNITS

_SEGMENT = b'FLIR\0'
_APP1 = 0xE1
_RAW, _VISIBLE, _CAMERA, _PICTURE_IN_PICTURE = 1, 0x0E, 0x20, 0x2A
#: Constants of the camera record: byte offset of each float.
_FLOATS = {
    'emissivity': 0x20,
    'distance': 0x24,
    'reflected': 0x28,
    'atmosphere': 0x2C,
    'window': 0x30,
    'window_transmission': 0x34,
    'humidity': 0x3C,
    'r1': 0x58,
    'b': 0x5C,
    'f': 0x60,
    'alpha1': 0x70,
    'alpha2': 0x74,
    'beta1': 0x78,
    'beta2': 0x7C,
    'x': 0x80,
    'r2': 0x30C,
}
_OFFSET_O = 0x308
#: No infrared sensor has more pixels; a damaged file may say so.
_MOST_PIXELS = 1 << 24


def to_celsius(array: np.ndarray, unit: str | None, name: str | Path) -> np.ndarray:
    """Degrees Celsius of stored values.

    Args:
        array (np.ndarray): Of any shape.
        unit (str, optional): One of :data:`UNITS`.
        name (str | Path): What an error calls the image.

    Returns:
        np.ndarray: float64, of the same shape.

    Raises:
        PairError: No unit is given.
    """
    if unit is None:
        raise PairError.of(
            'unknown temperatures',
            name,
            'a FLIR radiometric JPEG, or values of a known unit (give --ir-unit: '
            f'{", ".join(UNITS)})',
            f'{array.dtype} values from {np.nanmin(array):g} to {np.nanmax(array):g} of no '
            'known unit',
        )
    factor, offset = UNITS[unit]
    return array.astype(np.float64) * factor + offset


def is_flir(path: str | Path) -> bool:
    """Whether a file is a FLIR radiometric JPEG, by its segments alone."""
    return any(
        marker == _APP1 and content.startswith(_SEGMENT)
        for marker, content, _ in read_segments(path)
    )


def read_radiometric(path: str | Path) -> np.ndarray | None:
    """Temperatures of a FLIR radiometric JPEG.

    Args:
        path (str | Path): The file.

    Returns:
        np.ndarray | None: (H, W) float64, degrees Celsius, in the size of the sensor; None of
        a file that is no radiometric JPEG.

    Raises:
        PairError: The radiometric data are damaged or incomplete.
    """

    def decode(records):
        return _temperatures(_raw_counts(records[_RAW]), _constants(records[_CAMERA]))

    return _read_records(
        path,
        decode,
        'raw counts and camera constants of a FLIR JPEG (without ir_celsius its picture is '
        'read)',
    )


def read_visible_of_flir(path: str | Path) -> np.ndarray:
    """The visible image within a FLIR radiometric JPEG, as far as the infrared camera sees.

    The file says how much wider the visible camera sees, and how far the middle of the
    infrared image is from its own.

    Args:
        path (str | Path): The file.

    Returns:
        np.ndarray: (H, W, 3) RGB uint8.

    Raises:
        PairError: The file is no radiometric JPEG, or has no such image.
    """

    def decode(records):
        if _VISIBLE not in records:
            return None
        content = records[_VISIBLE][32:]
        with Image.open(io.BytesIO(content)) as image:
            visible = np.asarray(image.convert('RGB'))
        return _crop_to_infrared(visible, records.get(_PICTURE_IN_PICTURE))

    expected = 'a FLIR radiometric JPEG with a visible image in it (give --vi, the visible one)'
    visible = _read_records(path, decode, expected)
    if visible is None:
        found = 'one without' if is_flir(path) else 'another file'
        raise PairError.of('no visible image', path, expected, found)
    return visible


def _crop_to_infrared(visible, record):
    if record is None or len(record) < 8:
        return visible
    order = '<' if abs(struct.unpack_from('<f', record)[0] - 2) < 2 else '>'
    ratio, right, down = struct.unpack_from(f'{order}fhh', record)
    if not 1 <= ratio < 10:
        return visible
    height, width = visible.shape[:2]
    size = round(width / ratio), round(height / ratio)
    left = round((width - size[0]) / 2) + right
    top = round((height - size[1]) / 2) + down
    if min(left, top) < 0 or left + size[0] > width or top + size[1] > height:
        raise ValueError('a field of view that is not within its visible image')
    return visible[top : top + size[1], left : left + size[0]]


def _read_records(path, decode, expected):
    """What ``decode`` makes of the records; None of a file without any."""
    try:
        container = _join_segments(path)
        return None if container is None else decode(_records(container))
    except Exception as error:  # decoders raise almost anything on a damaged file
        missing = f'no record {error} in it' if isinstance(error, KeyError) else str(error)
        raise PairError.of(
            'damaged radiometric data', path, expected, missing or type(error).__name__
        ) from error


def _join_segments(path):
    """The container whose parts the APP1 segments hold; None of a file without any."""
    parts, last = {}, 0
    for marker, content, is_whole in read_segments(path):
        if marker == _APP1 and content.startswith(_SEGMENT):
            if len(content) < 8 or not is_whole:
                raise ValueError('a segment that is cut short')
            parts[content[6]], last = content[8:], content[7]
    if not parts:
        return None
    lost = [number for number in range(last + 1) if number not in parts]
    if lost:
        raise ValueError(f'segment {lost[0]} of {last + 1} is missing')
    return b''.join(parts[number] for number in range(last + 1))


def _records(container):
    """Content of each record of the container, by its type."""
    if container[:4] not in (b'FFF\0', b'AFF\0') or len(container) < 64:
        raise ValueError('no FFF header')
    version = int.from_bytes(container[20:24], 'big')
    order = '>' if 100 <= version < 200 else '<'
    start, count = struct.unpack_from(f'{order}II', container, 24)
    records = {}
    for entry in range(start, start + 32 * count, 32):
        (kind,) = struct.unpack_from(f'{order}H', container, entry)
        offset, length = struct.unpack_from(f'{order}II', container, entry + 12)
        if not kind:
            continue
        if offset + length > len(container):
            raise ValueError(f'record {kind} ends after the data')
        records.setdefault(kind, container[offset : offset + length])
    return records


def _order(record):
    return '<' if record[:2] == b'\x02\0' else '>'


def _raw_counts(record):
    order = _order(record)
    width, height = struct.unpack_from(f'{order}HH', record, 2)
    pixels = record[32:]
    if width * height > _MOST_PIXELS:
        raise ValueError(f'{width}x{height} counts, more than any such sensor has')
    if pixels.startswith(b'\x89PNG'):
        import imagecodecs

        _check_counts(struct.unpack_from('>II', pixels, 16), (width, height))
        counts = imagecodecs.png_decode(pixels).byteswap()  # FLIR stores it little endian
    elif pixels[:4] in (b'II*\0', b'MM\0*'):
        import tifffile

        with tifffile.TiffFile(io.BytesIO(pixels)) as file:
            _check_counts(file.pages[0].shape[::-1], (width, height))
            counts = file.pages[0].asarray()
    else:
        counts = np.frombuffer(pixels, f'{order}u2', width * height).reshape(height, width)
    if counts.shape != (height, width) or counts.dtype.itemsize != 2 or not counts.size:
        raise ValueError(
            f'{counts.dtype} counts of shape {counts.shape} where its header says '
            f'{width}x{height} of 16 bits'
        )
    return counts


def _check_counts(found, size):
    """Refuse counts of another size than their header says, before they are decoded."""
    if tuple(found) != size:
        sizes = ['x'.join(map(str, pixels)) for pixels in (found, size)]
        raise ValueError(f'counts of {sizes[0]} where its header says {sizes[1]}')


def _constants(record):
    order = _order(record)
    values = {
        name: struct.unpack_from(f'{order}f', record, offset)[0]
        for name, offset in _FLOATS.items()
    }
    values['o'] = struct.unpack_from(f'{order}i', record, _OFFSET_O)[0]
    if not all(math.isfinite(value) for value in values.values()):
        raise ValueError('camera constants that are not finite')
    for name in ('r1', 'b', 'r2', 'emissivity', 'window_transmission'):
        if values[name] <= 0:
            raise ValueError(f'camera constant {name} is {values[name]:g}, not above 0')
    return values


def _transmission(constants):
    """Share of the radiation that half the distance of atmosphere lets through."""
    degrees = constants['atmosphere'] - 273.15
    humidity = constants['humidity']
    humidity = humidity / 100 if humidity > 2 else humidity
    water = humidity * math.exp(
        1.5587 + 0.06939 * degrees - 0.00027816 * degrees**2 + 0.00000068455 * degrees**3
    )
    path, x = math.sqrt(max(constants['distance'], 0) / 2), constants['x']
    return sum(
        share * math.exp(-path * (constants[f'alpha{n}'] + constants[f'beta{n}'] * water**0.5))
        for n, share in ((1, x), (2, 1 - x))
    )


def _temperatures(counts, constants):
    def emitted(kelvin):  # counts of a black body
        planck = math.exp(constants['b'] / kelvin) - constants['f']
        return constants['r1'] / (constants['r2'] * planck) - constants['o']

    emissivity, window = constants['emissivity'], constants['window_transmission']
    air = _transmission(constants)
    passed = emissivity * air * window * air
    # What reaches the sensor apart from the object's own radiation.
    added = (1 - emissivity) * air * window * air * emitted(constants['reflected'])
    added += (1 - air) * (window * air + 1) * emitted(constants['atmosphere'])
    if window < 1:
        added += (1 - window) * air * emitted(constants['window'])
    own = (counts.astype(np.float64) - added) / passed + constants['o']
    # The lowest radiation that the law has a temperature for.
    own = np.maximum(own, 1e-3)
    kelvin = constants['b'] / np.log(constants['r1'] / (constants['r2'] * own) + constants['f'])
    celsius = kelvin - 273.15
    if not np.isfinite(celsius).all():
        raise ValueError('counts that have no temperature by its constants')
    return celsius
