"""Read the header and the stored pixels of an image file.

TIFF is read by tifffile; 16-bit PNG, JPEG 2000 and Radiance HDR by imagecodecs; Netpbm here,
for others scale its counts by the header's maximum; all else by Pillow.
"""

import contextlib
import functools
import math
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from PIL import Image

from .decoding import (
    MAX_PIXELS_VARIABLE,
    FormatError,
    Header,
    Netpbm,
    Picture,
    Radiance,
    Tiff,
    apply_orientation,
    max_pixels,
)

_TIFF = (b'II*\0', b'MM\0*', b'II+\0', b'MM\0+')
_JPEG_2000 = (b'\0\0\0\x0cjP  ', b'\xff\x4f\xff\x51')
_RADIANCE = (b'#?RADIANCE', b'#?RGBE')
#: First bytes of what people take for images, or have in place of them.
_OTHERS = (
    (b'\x76\x2f\x31\x01', 'an OpenEXR image; save it as a float TIFF'),
    (b'\x93NUMPY', 'a NumPy array; load it with numpy.load and give the array'),
    (b'SIMPLE  =', 'a FITS image; save it as a TIFF'),
    (b'\x89HDF', 'an HDF5 file; save its image as a TIFF'),
    (b'MATLAB', 'a MATLAB file; save its image as a TIFF'),
    (b'FFF\0', 'a FLIR FFF file; export it as a 16-bit TIFF'),
    (b'%PDF', 'a PDF document'),
    (b'PK\x03\x04', 'a zip archive'),
    (
        b'version https://git-lfs',
        'a pointer of Git LFS; get the file itself with `git lfs pull`',
    ),
    (b'RIFF....AVI ', 'a video; give it to tools/fuse_video.py'),
    (b'....ftyp(hei|mif|hev)', 'an HEIC image; save it as PNG or JPEG'),
    (b'....ftyp(?!avi)', 'a video; give it to tools/fuse_video.py'),
    (b'\x1aE\xdf\xa3', 'a video; give it to tools/fuse_video.py'),
    (b'\\s*<(!doctype html|html)', 'a web page, as a failed download leaves'),
)


def what_is(start: bytes) -> str | None:
    """Name a file by its first bytes.

    Args:
        start (bytes): 32 of them or more.

    Returns:
        str | None: What it is, and what to do; None if it may be an image.
    """
    for pattern, name in _OTHERS:
        if re.match(pattern, start, re.DOTALL | re.IGNORECASE):
            return name
    return None


_OPENERS = (
    (_TIFF, Tiff),
    ((b'P2', b'P3', b'P5', b'P6', b'Pf', b'PF'), Netpbm),
    (_RADIANCE, Radiance),
)


@contextlib.contextmanager
def open_image(path: str | Path) -> Iterator[tuple[Header, Callable]]:
    """Open an image file and check its header.

    Args:
        path (str | Path): The file.

    Yields:
        tuple[Header, Callable]: What its header says; and ``pixels(raw=False)``, which
        decodes it: (H, W) or (H, W, C), upright, alpha included. With ``raw``, no palette is
        applied and nothing is scaled or inverted.

    Raises:
        FormatError: It holds several pages, more pixels than :func:`max_pixels`, or no picture.
        Exception: Decoders raise almost anything on a damaged file.
    """
    with open(path, 'rb') as file:
        start = file.read(32)
        if name := what_is(start):
            raise FormatError('not an image', 'an image', name)
        file.seek(0)
        opener = next((kind for magic, kind in _OPENERS if start.startswith(magic)), Picture)
        limit = max_pixels()
        try:
            stored = opener(file)
        except Image.DecompressionBombError as error:
            raise _too_large(f'more than {2 * limit}', limit) from error
        header = stored.header()
        if not all(header.size):
            raise FormatError('empty image', 'pixels', f'{header.size[1]}x{header.size[0]}')
        if math.prod(header.size) > limit:
            raise _too_large(f'{header.size[1]}x{header.size[0]}', limit)
        yield header, functools.partial(_decode, stored, header)


def _decode(stored, header, raw=False):
    array = stored.pixels(raw)
    if array.shape[:2] != stored.stored_size:
        raise ValueError(f'{array.shape} pixels where its header says {stored.stored_size}')
    return apply_orientation(array, header.orientation)


def _too_large(found, limit):
    return FormatError(
        'too many pixels',
        f'at most {limit / 1e6:.0f} million (set {MAX_PIXELS_VARIABLE} to read more)',
        found,
    )
