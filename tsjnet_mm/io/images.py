"""Read and write the images of a pair, in the same way for all tools.

Values of more than 8 bits are read as they are stored; a range in the header is not applied to
them. The EXIF orientation is applied, alpha is dropped and a palette is resolved. Files with
several pages, or with other colours than grey and RGB, are refused.
"""

import contextlib
import io
import os
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo, putchunk

from tsjnet_mm.utils.files import whole_file

from .errors import PairError
from .formats import FormatError, Header, open_image
from .unit_range import infrared_to_unit, visible_to_unit
from .written import WRITTEN_FORMATS

#: Extensions (lower case) of the files taken for images.
IMAGE_EXTENSIONS = (
    *('.png', '.jpg', '.jpeg', '.bmp', '.tif', '.tiff', '.webp', '.pgm', '.ppm'),
    *('.pnm', '.pfm', '.jp2', '.hdr'),
)


@contextlib.contextmanager
def _opened(path):
    """As :func:`.open_image`, with errors that name the file."""
    try:
        with open_image(path) as opened:
            yield opened
    except FormatError as error:
        raise PairError.of(error.reason, path, error.expected, error.found) from error
    except PairError:
        raise
    except Exception as error:  # decoders raise almost anything on a damaged file
        raise PairError.of(
            'unreadable file', path, 'a whole image', _describe_failure(path, error)
        ) from error


def _describe_failure(path, error):
    if not os.path.exists(path):
        return 'no such file'
    if isinstance(error, OSError) and error.strerror:  # a folder, or no permission
        return error.strerror
    if not (size := os.path.getsize(path)):
        return '0 bytes, an empty file'
    return f'{size} bytes that do not decode ({error or type(error).__name__})'


def read_header(path: str | Path) -> Header:
    """Read the header of an image file, without decoding its pixels.

    Args:
        path (str | Path): The file.

    Returns:
        Header: Format, colours, and the size after the orientation is obeyed.

    Raises:
        PairError: There is no such file; it is no image, or more than one; its colours are
            neither grey nor RGB; or it has more pixels than :func:`.max_pixels`.
    """
    with _opened(path) as (header, _):
        return header


def image_size(path: str | Path) -> tuple[int, int]:
    """Size of an image, read from its header alone.

    Args:
        path (str | Path): The file.

    Returns:
        tuple[int, int]: Height and width, after the orientation is obeyed.

    Raises:
        PairError: See :func:`read_header`.
    """
    return read_header(path).size


def read_image(path: str | Path) -> np.ndarray:
    """Decode an image with the depth it is stored in.

    Args:
        path (str | Path): The file.

    Returns:
        np.ndarray: (H, W) grey or (H, W, 3) RGB, upright. uint8, or for more bits the counts in
        the type they are stored in: any integer, float32 (also for 16-bit floats) or float64.
        Of 1 to 7 bits, and of palettes, the picture in 8 bits.

    Raises:
        PairError: See :func:`read_header`; the file is damaged or truncated; or some of its
            pixels are NaN or infinite.
    """
    with _opened(path) as (_, pixels):
        array = pixels()
    if array.ndim == 3:
        channels = array.shape[2]
        array = array[..., 0] if channels < 3 else array[..., :3]
        array = np.ascontiguousarray(array)
    check_finite(array, path)
    return array


def check_finite(array: np.ndarray, name: str | Path) -> None:
    """Refuse values that are NaN or infinite.

    Args:
        array (np.ndarray): (H, W) or (H, W, C), of any type.
        name (str | Path): What an error calls it.

    Raises:
        PairError: Says how many pixels there are, and where the first of them is.
    """
    if array.dtype.kind != 'f':
        return
    bad = ~np.isfinite(array)
    if not bad.any():
        return
    bad = bad if bad.ndim == 2 else bad.any(axis=2)
    row, column = np.argwhere(bad)[0]
    raise PairError.of(
        'unusable values',
        name,
        'finite values (fill such pixels first, as from their neighbours)',
        f'NaN or infinity in {np.count_nonzero(bad)} of {bad.size} pixels, the first in row '
        f'{row}, column {column}',
    )


#: What to do where the images of a pair differ in size, in tools that can.
OTHER_SIZE = (
    'if both cameras have the same field of view, set resize=True; otherwise give homography=H'
)


def check_sizes(ir_path: str | Path, vi_path: str | Path, remedy: str | None = None) -> None:
    """Compare the sizes of two files before either is decoded.

    Args:
        ir_path (str | Path): Infrared image.
        vi_path (str | Path): Visible image.
        remedy (str, optional): What the error says to do.

    Raises:
        PairError: They differ; or see :func:`read_header`.
    """
    ir, vi = read_header(ir_path), read_header(vi_path)
    if ir.size != vi.size:
        raise different_sizes(ir_path, ir.size, vi_path, vi.size, remedy, (ir, vi))


def check_size(
    path: str | Path,
    size: tuple[int, int],
    reference: str | Path,
    reason: str = 'different sizes',
) -> None:
    """Refuse a file of another size before it is decoded.

    Args:
        path (str | Path): The image.
        size (tuple[int, int]): Height and width that it should have.
        reference (str | Path): What has this size.
        reason (str): The kind of error, see :class:`.PairError`.

    Raises:
        PairError: It has another size; or see :func:`read_header`.
    """
    found = image_size(path)
    if found != size:
        raise different_sizes(path, found, reference, size, reason=reason)


def different_sizes(
    ir_name: str | Path,
    ir_size: tuple[int, ...],
    vi_name: str | Path,
    vi_size: tuple[int, ...],
    remedy: str | None = None,
    headers: Sequence[Header] = (),
    reason: str = 'different sizes',
) -> PairError:
    """The error of a pair, or of two other images, whose sizes differ.

    Args:
        ir_name (str | Path): What the error calls the infrared image.
        ir_size (tuple[int, ...]): Its height and width; a shape will do.
        vi_name (str | Path): What the error calls the visible image.
        vi_size (tuple[int, ...]): Its height and width; a shape will do.
        remedy (str, optional): What the error says to do.
        headers (Sequence[Header]): Of both files, where they are files.
        reason (str): The kind of error, see :class:`.PairError`.

    Returns:
        PairError: Ready to be raised.
    """
    turned = [header.orientation for header in headers]
    if ir_size == vi_size[::-1] and len({orientation > 4 for orientation in turned}) == 2:
        remedy = (
            f'by their EXIF orientations, {turned[0]} and {turned[1]}, one of them is turned: '
            'correct the tag that is wrong'
        )
    return PairError.of(
        reason,
        ir_name,
        f'{vi_size[1]}x{vi_size[0]} as {vi_name}' + (f' ({remedy})' if remedy else ''),
        f'{ir_size[1]}x{ir_size[0]}',
    )


def read_infrared(
    path: str | Path,
    value_range: tuple[float, float] | None = None,
    percentiles: tuple[float, float] | None = None,
) -> np.ndarray:
    """Read an infrared image.

    Args:
        path (str | Path): The file: 1 or 3 channels; 8 or 16 bits, int32 or float32.
        value_range (tuple[float, float], optional): See :func:`infrared_to_unit`.
        percentiles (tuple[float, float], optional): See :func:`infrared_to_unit`.

    Returns:
        np.ndarray: (H, W) float32 in [0, 1].

    Raises:
        PairError: The file cannot be read, or has neither 8 nor 16 bits nor floats in
            [0, 1] and no range is given.
        ValueError: Both ranges are given, or one cannot be meant.
    """
    return infrared_to_unit(read_image(path), path, value_range, percentiles)


def read_visible(path: str | Path) -> np.ndarray:
    """Read a visible image.

    Args:
        path (str | Path): The file: grey or RGB, alpha is dropped; 8 or 16 bits, or float32 in
            [0, 1].

    Returns:
        np.ndarray: (H, W, 3) float32 RGB in [0, 1], a grey image repeated.

    Raises:
        PairError: The file cannot be read or is of another type.
    """
    return visible_to_unit(read_image(path), path)


def read_mask(path: str | Path) -> np.ndarray:
    """Read a mask of class indices.

    Args:
        path (str | Path): A single-channel or palette image; a palette's indices are the
            classes, and those of 1 bit are 0 and 1.

    Returns:
        np.ndarray: (H, W) uint8.

    Raises:
        PairError: The file cannot be read, is stored with loss as a JPEG is, has several
            channels, or an index over 255.
    """
    with _opened(path) as (header, pixels):
        if header.is_lossy:
            raise PairError.of(
                'mask stored with loss',
                path,
                'a lossless index image such as PNG, for loss alters class indices',
                f'a {header.kind}',
            )
        array = pixels(raw=True)
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[..., 0]
    if array.ndim != 2 or array.dtype.kind not in 'bui':
        raise PairError.of(
            'mask not an index image',
            path,
            'one channel of class indices',
            f'mode {header.layout} of {array.dtype}',
        )
    if array.min() < 0 or array.max() > 255:
        extreme = array.max() if array.max() > 255 else array.min()
        raise PairError.of(
            'mask index out of range', path, 'indices up to 255', f'index {extreme}'
        )
    return array.astype(np.uint8)


#: EXIF and TIFF tag that holds the notes of a file which is no PNG: ImageDescription.
DESCRIPTION_TAG = 0x010E


def check_writable(extension: str, quality: int | None = None) -> None:
    """Refuse a format that images cannot be written in, or a quality that it does not have.

    Args:
        extension (str): Such as ``'.png'``.
        quality (int, optional): See :func:`write_image`.

    Raises:
        ValueError: The extension is unknown; the quality is not in 1..100, or the format is
            lossless.
    """
    kind = WRITTEN_FORMATS.get(extension.lower())
    if kind is None:
        raise ValueError(
            f'unknown image format {extension!r}: give one of {", ".join(WRITTEN_FORMATS)}'
        )
    if quality is None:
        return
    if not 1 <= quality <= 100:
        raise ValueError(f'quality must be in 1..100, got {quality}')
    if kind not in ('JPEG', 'WEBP'):
        raise ValueError(f'{extension} is lossless: quality is for .jpg and .webp')


def write_image(
    image: np.ndarray,
    path: str | Path,
    notes: dict[str, str] | None = None,
    quality: int | None = None,
    exif: bytes | None = None,
) -> None:
    """Write an image completely or not at all.

    Args:
        image (np.ndarray): (H, W, 3) RGB or (H, W), uint8; or (H, W) float32, into a TIFF.
        path (str | Path): The file; its extension is one of :data:`WRITTEN_FORMATS`.
        notes (dict[str, str], optional): Keyword to text: text chunks of a PNG, and the image
            description of JPEG, WebP and TIFF; other formats keep none.
        quality (int, optional): 1 to 100, of JPEG, whose chroma keeps its full resolution, and
            of WebP. Defaults to 95 for JPEG; WebP is lossless without.

    Raises:
        ValueError: See :func:`check_writable`; or a ``.pgm`` is to hold colour.
        OSError: The file cannot be written.
    """
    extension = os.path.splitext(path)[1]
    check_writable(extension, quality)
    kind, options = WRITTEN_FORMATS[extension.lower()], {}
    description = '\n'.join(f'{keyword}: {text}' for keyword, text in (notes or {}).items())
    if extension.lower() == '.pgm' and image.ndim == 3:
        raise ValueError(f'{path}: a .pgm holds grey alone; write grey, or a .ppm')
    if kind == 'PNG':
        encoded = _png(image, notes or {}, exif)
        with whole_file(path) as partial:
            Path(partial).write_bytes(encoded)
        return
    if kind == 'JPEG':
        options = {'quality': 95 if quality is None else quality, 'subsampling': '4:4:4'}
    elif kind == 'WEBP':
        options = {'lossless': True} if quality is None else {'quality': quality}
    if (description or exif) and kind in ('JPEG', 'WEBP', 'TIFF'):
        options['exif'] = Image.Exif()
        options['exif'].load(exif)
        if description:
            options['exif'][DESCRIPTION_TAG] = description
    with whole_file(path) as partial:
        Image.fromarray(np.ascontiguousarray(image)).save(partial, kind, **options)


#: Length of the signature and the first chunk of a PNG file; chunks of text come after them.
PNG_START = 33


def _png(image, notes, exif=None):
    """Encode by OpenCV: smaller than by Pillow's fastest setting, in half the time."""
    options = [cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_HUFFMAN_ONLY]
    if hasattr(cv2, 'IMWRITE_PNG_FILTER'):  # since 4.12
        options += [cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_PAETH]
    planes = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    encoded = cv2.imencode('.png', planes, options)[1].tobytes()
    info, chunks = PngInfo(), io.BytesIO()
    for keyword, text in notes.items():
        info.add_text(keyword, text)
    if exif:
        info.add(b'eXIf', exif.removeprefix(b'Exif\0\0'))
    for kind, data, _ in info.chunks:
        putchunk(chunks, kind, data)
    return encoded[:PNG_START] + chunks.getvalue() + encoded[PNG_START:]
