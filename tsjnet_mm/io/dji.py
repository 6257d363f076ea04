"""Raw counts of DJI R-JPEGs.

Their APP3 segments hold the raw 16-bit counts of the sensor. What turns these into temperatures
is in DJI's Thermal SDK alone, whose library DJI does not let others distribute.
"""

from pathlib import Path

import numpy as np
from PIL import Image

from .errors import PairError
from .jpeg_segments import read_segments

#: What APP3 segments of other makers begin with.
_OTHERS = (b'Meta\0\0', b'META\0\0', b'Exif\0\0', b'Stim\0', b'_JPSJPS_', b'\xff\xd8\xff')
#: Width and height of the sensors.
_SENSORS = ((640, 512), (1280, 1024), (336, 256), (160, 120), (320, 256), (640, 480))
#: Some cameras append so many bytes at most.
_MOST_APPENDED = 2048
_MAKE = 0x010F


def read_dji_counts(path: str | Path) -> np.ndarray | None:
    """Raw counts of a DJI R-JPEG.

    Args:
        path (str | Path): The file.

    Returns:
        np.ndarray | None: (H, W) uint16, in the size of the sensor; None of a file that is no
        such JPEG.

    Raises:
        PairError: The counts are incomplete, or of an unknown sensor.
    """
    data = _join_segments(path)
    if not data:
        return None
    for width, height in _SENSORS:
        if 0 <= len(data) - 2 * width * height <= _MOST_APPENDED:
            return np.frombuffer(data, '<u2', width * height).reshape(height, width)
    sizes = ', '.join(f'{width}x{height}' for width, height in _SENSORS)
    raise PairError.of(
        'damaged radiometric data',
        path,
        f'16-bit counts of a DJI sensor of {sizes} (without a range its picture is read)',
        f'{len(data)} bytes of counts',
    )


def is_dji(path: str | Path) -> bool:
    """Whether a file is a DJI R-JPEG."""
    return bool(_join_segments(path))


def _join_segments(path):
    """What its APP3 segments hold; nothing of a file that is no DJI R-JPEG."""
    parts = [
        content
        for marker, content, _ in read_segments(path)
        if marker == 0xE3 and not content.startswith(_OTHERS)
    ]
    if not parts:
        return b''
    try:
        with Image.open(path) as image:
            make = str(image.getexif().get(_MAKE, ''))
    except Exception:  # decoders raise almost anything on a damaged file
        return b''
    return b''.join(parts) if make.strip('\0 ').upper() == 'DJI' else b''
