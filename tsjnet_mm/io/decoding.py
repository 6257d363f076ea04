"""Decoders of single formats: TIFF, Netpbm, Radiance, and what Pillow opens.

Each opens a file, says what its header says, and gives its pixels as they are stored.
"""

import io
import logging
import math
import os
import re
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
from PIL import Image

#: Environment variable that sets how many pixels an image may have.
MAX_PIXELS_VARIABLE = 'TSJNET_MM_MAX_PIXELS'
#: As many pixels may an image have unless the variable says otherwise: 134 million.
MAX_PIXELS = 1 << 27

_ORIENTATION = 0x0112
#: EXIF orientation to (quarter turns anticlockwise, mirror left and right afterwards).
_TURNS = {2: (0, True), 3: (2, False), 4: (2, True)}
_TURNS |= {5: (3, True), 6: (3, False), 7: (1, True), 8: (1, False)}
#: Modes of Pillow that are grey or RGB, also with a palette or alpha.
_MODES = ('1', 'L', 'LA', 'La', 'P', 'PA', 'RGB', 'RGBA', 'RGBa', 'RGBX', 'I', 'F')
_HEADER_BYTES = 65536
_LOSSY_COMPRESSIONS = ('JPEG', 'OJPEG', 'JPEG_LOSSY', 'WEBP', 'JPEGXL', 'JPEGXR', 'LERC')

# What is wrong enough to matter is raised.
logging.getLogger('tifffile').setLevel(logging.CRITICAL)


class FormatError(ValueError):
    """A file is intact, but does not contain one grey or RGB image.

    Args:
        reason (str): The kind of error.
        expected (str): What should have been there.
        found (str): What is there.
    """

    def __init__(self, reason: str, expected: str, found: str) -> None:
        super().__init__(f'{reason}: expected {expected}, found {found}')
        self.reason, self.expected, self.found = reason, expected, found


@dataclass(frozen=True)
class Header:
    """Properties of an image in the header of its file.

    Attributes:
        kind (str): Format, such as ``'TIFF'``.
        layout (str): What a pixel is made of, such as ``'RGB'``.
        channels (int): As many numbers a pixel has; 1 with a palette.
        size (tuple[int, int]): Height and width, after the orientation is obeyed.
        orientation (int): EXIF orientation, 1 to 8; 1 is upright.
        is_lossy (bool): Whether pixels may differ from what was saved, as in a JPEG.
    """

    kind: str
    layout: str
    channels: int
    size: tuple[int, int]
    orientation: int = 1
    is_lossy: bool = False


def max_pixels() -> int:
    """Largest number of pixels of an image; :data:`MAX_PIXELS_VARIABLE` sets it.

    Returns:
        int: Width times height at most.

    Raises:
        ValueError: The variable is no positive number.
    """
    text = os.environ.get(MAX_PIXELS_VARIABLE)
    if text is None:
        return MAX_PIXELS
    try:
        limit = float(text)
    except ValueError:
        limit = 0
    if not 1 <= limit < math.inf:
        raise ValueError(f'{MAX_PIXELS_VARIABLE}: expected a number of pixels, found {text!r}')
    return int(limit)


def apply_orientation(array: np.ndarray, orientation: int) -> np.ndarray:
    """Turn stored pixels upright.

    Args:
        array (np.ndarray): (H, W) or (H, W, C).
        orientation (int): EXIF orientation, 1 to 8.

    Returns:
        np.ndarray: (H, W[, C]) or, for 5 to 8, (W, H[, C]).
    """
    turns, mirrored = _TURNS.get(orientation, (0, False))
    array = np.rot90(array, turns) if turns else array
    return np.ascontiguousarray(array[:, ::-1] if mirrored else array)


def unknown_colours(found: str) -> FormatError:
    """FormatError: What a pixel is made of is neither grey nor RGB."""
    return FormatError('unknown colours', 'grey or RGB (save it as such)', found)


class _Stored:
    """An open file. ``pixels(raw)`` decodes: (H, W) or (H, W, C), not turned, alpha included.

    With ``raw``, numbers are not turned into a picture: no palette is applied, nothing is
    scaled to 8 bits or inverted.
    """

    kind, layout, channels, orientation, is_lossy = None, None, 1, 1, False

    def header(self):
        size = self.stored_size[::-1] if self.orientation > 4 else self.stored_size
        return Header(
            self.kind, self.layout, self.channels, size, self.orientation, self.is_lossy
        )


class Tiff(_Stored):
    """One-page TIFF, BigTIFF included."""

    kind = 'TIFF'

    def __init__(self, file: BinaryIO) -> None:
        import tifffile

        self._tiff = tifffile.TiffFile(file)
        # Overviews and transparency masks of the image are no pages of their own.
        pages = [page for page in self._tiff.pages if not page.subfiletype & 5]
        if not len(self._tiff.pages):  # The list of pages stands at the end of a cut file.
            raise OSError('its list of pages is missing')
        if len(pages) != 1:
            reason = 'several pages' if pages else 'no full page'
            raise FormatError(reason, 'a TIFF of one page', f'{len(pages)} pages')
        self._page = page = pages[0]
        self.layout = getattr(page.photometric, 'name', str(page.photometric))
        compression = getattr(page.compression, 'name', str(page.compression))
        self.is_lossy = compression in _LOSSY_COMPRESSIONS
        self.stored_size = page.imagelength, page.imagewidth
        self.channels = page.samplesperpixel
        self.orientation = _valid(page.tags.valueof(_ORIENTATION, 1))
        self.layout = {'SEPARATED': 'CMYK', 'CIELAB': 'LAB'}.get(self.layout, self.layout)
        is_jpeg = self.layout == 'YCBCR' and compression == 'JPEG'
        if self.layout not in ('MINISBLACK', 'MINISWHITE', 'RGB', 'PALETTE') and not is_jpeg:
            raise unknown_colours(self.layout)
        if page.imagedepth > 1 or self.channels > (4 if self.layout == 'RGB' else 3):
            raise unknown_colours(f'{self.channels} channels and {page.imagedepth} layers')
        if page.dtype is None or page.dtype.kind == 'c':
            raise FormatError(
                'unknown numbers',
                'integers or floats',
                f'sample format {page.sampleformat} of {page.bitspersample} bits',
            )

    def pixels(self, raw: bool) -> np.ndarray:
        """See :class:`_Stored`."""
        page = self._page
        if not all(page.databytecounts):
            raise ValueError('parts of the image are missing')
        array = page.asarray(maxworkers=1)
        if page.axes == 'SYX':
            array = np.moveaxis(array, 0, 2)
        if array.dtype == np.float16:
            array = array.astype(np.float32)
        if raw:
            return array
        if self.layout == 'PALETTE':
            colours = np.asarray(page.colormap)
            colours = colours >> 8 if colours.max() > 255 else colours
            return colours.astype(np.uint8).T[array]
        top = (1 << page.bitspersample) - 1 if page.bitspersample < 8 else 255
        if array.dtype == bool or (array.dtype == np.uint8 and top < 255):
            array = (array * np.uint16(255) // top).astype(np.uint8)
        if array.dtype == np.uint8 and self.layout == 'MINISWHITE':
            array = 255 - array  # a picture; the counts of more bits stay as they are
        return array


class Netpbm(_Stored):
    """PGM, PPM and PFM."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, data = file, file.read(_HEADER_BYTES)
        self._code = data[:2].decode()
        self.kind = 'PFM' if self._code in ('Pf', 'PF') else 'PNM'
        self.layout = 'L' if self._code in ('P2', 'P5', 'Pf') else 'RGB'
        self.channels = len(self.layout)
        number = rb'(?:\s+|#[^\n]*\n)+([-+.\deE]+)'
        found = re.match(rb'P.' + number * 3 + rb'\s', data)
        if not found:
            raise ValueError('no width, height and maximum in its header')
        width, height, scale = (float(text) for text in found.groups())
        if not (width.is_integer() and height.is_integer() and width > 0 < height and scale):
            raise ValueError('no size in its header')
        self._scale, self._start = scale, found.end()
        self.stored_size = int(height), int(width)

    def pixels(self, raw: bool) -> np.ndarray:
        """See :class:`_Stored`."""
        shape = (*self.stored_size, self.channels)
        count = math.prod(shape)
        self._file.seek(self._start)
        data = self._file.read()
        if self.kind == 'PFM':  # bottom row first; a negative scale is little endian
            order = '<f4' if self._scale < 0 else '>f4'
            array = np.frombuffer(data, order, count).reshape(shape)
            return array[::-1].astype(np.float32)
        if not 0 < self._scale < 65536:
            raise ValueError(f'a maximum of {self._scale:g}')
        kind = np.uint8 if self._scale < 256 else np.uint16
        if self._code in ('P2', 'P3'):
            words = re.sub(rb'#[^\n]*', b'', data).split(None, count)
            array = np.array([int(word) for word in words[:count]], kind)
        else:
            order = np.dtype(kind).newbyteorder('>')
            array = np.frombuffer(data, order, count).astype(kind)
        array = array.reshape(shape)
        if raw or self._scale >= 255:
            return array
        levels = array.astype(np.float32) * np.float32(255 / self._scale)
        return np.clip(np.round(levels), 0, 255).astype(np.uint8)


class Radiance(_Stored):
    """Radiance HDR, float32."""

    kind, layout, channels, is_lossy = 'HDR', 'RGB', 3, True

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        found = re.search(rb'\n-Y (\d+) \+X (\d+)\n', file.read(_HEADER_BYTES))
        if not found:
            raise ValueError('no size in its header')
        self.stored_size = tuple(map(int, found.groups()))

    def pixels(self, raw: bool) -> np.ndarray:
        """See :class:`_Stored`."""
        import imagecodecs

        self._file.seek(0)
        return np.ascontiguousarray(imagecodecs.rgbe_decode(self._file.read()))


class Picture(_Stored):
    """Files that Pillow opens; imagecodecs decodes deep PNG and JPEG 2000."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        Image.MAX_IMAGE_PIXELS = max(Image.MAX_IMAGE_PIXELS or 0, max_pixels())
        self._image = image = Image.open(file)
        self.kind, self.layout = image.format, image.mode
        self.channels = len(image.getbands())
        self.stored_size = image.height, image.width
        if image.format != 'MPO' and getattr(image, 'is_animated', False):
            raise FormatError('several pages', 'one image', f'an animated {image.format}')
        if image.mode not in _MODES and not image.mode.startswith('I;16'):
            raise unknown_colours(image.mode)
        self.orientation = self._find_orientation()
        self.is_lossy = image.format in ('JPEG', 'MPO', 'JPEG2000', 'AVIF') or (
            image.format == 'WEBP' and self._is_lossy_webp()
        )

    def _find_orientation(self):
        # A PNG's own getexif decodes the whole image.
        found = Image.Image.getexif(self._image).get(_ORIENTATION)
        if found is None and self.kind == 'PNG':
            late = Image.Exif()
            late.load(_late_exif(self._file))
            found = late.get(_ORIENTATION)
        return _valid(found)

    def _is_lossy_webp(self):
        self._file.seek(0)
        return b'VP8 ' in self._file.read(4096)

    def _read_all(self):
        self._file.seek(0)
        return self._file.read()

    def pixels(self, raw: bool) -> np.ndarray:
        """See :class:`_Stored`."""
        image = self._image
        if image.format == 'JPEG2000':
            import imagecodecs

            return imagecodecs.jpeg2k_decode(self._read_all())
        if image.format == 'PNG':
            data = self._read_all()
            Image.open(io.BytesIO(data)).verify()  # neither decoder minds a wrong checksum
            if ';16' in str(image.tile):
                import imagecodecs

                return imagecodecs.png_decode(data)
        if raw and image.mode == 'P':
            return np.array(image)
        if raw and image.mode == '1':
            return np.array(image).astype(np.uint8)
        if image.mode in ('1', 'LA', 'La'):
            return np.asarray(image.convert('L'))
        if image.mode in ('L', 'I', 'F', 'RGB') or image.mode.startswith('I;16'):
            array = np.array(image)
            return array.astype(array.dtype.newbyteorder('='))
        return np.asarray(image.convert('RGB'))


def _valid(orientation):
    return orientation if orientation in _TURNS else 1


def _late_exif(file):
    """EXIF data that a PNG holds after its pixels, found by the headers of its chunks."""
    file.seek(8)
    while len(head := file.read(8)) == 8:
        size = int.from_bytes(head[:4], 'big')
        if head[4:] == b'eXIf':
            return file.read(size)
        file.seek(size + 4, io.SEEK_CUR)
    return b''
