"""Reading the images of a pair: any bit depth and channel count to float in [0, 1].

The EXIF orientation is ignored for both modalities: the files of a registered pair match
pixel by pixel as they are stored, and only one of them may carry a tag.
"""

import os
import warnings

import cv2
import numpy as np
from mmcv.image import imfrombytes
from PIL import Image

from .errors import PairError

#: Extensions (lower case) of the files taken for images.
IMAGE_EXTENSIONS = ('.png', '.jpg', '.jpeg', '.bmp', '.tif', '.tiff', '.webp', '.pgm', '.ppm')

_LUMA = np.array((0.299, 0.587, 0.114), np.float32)


def _unreadable(path, error):
    if not os.path.exists(path):
        found = 'no such file'
    else:
        found = f'{os.path.getsize(path)} bytes that do not decode ({error})'
    return PairError.of('unreadable file', path, 'a whole image', found)


def image_size(path):
    """Size of an image, read from its header alone.

    Args:
        path (str): The file.

    Returns:
        tuple[int, int]: Height and width as stored, before any EXIF rotation.

    Raises:
        PairError: There is no such file, or no header that names a size.
    """
    try:
        with Image.open(path) as image:
            return image.height, image.width
    except Exception as error:  # decoders raise almost anything on a damaged file
        raise _unreadable(path, error) from error


def _decode(path):
    with Image.open(path) as image:
        if image.mode in ('RGB', 'RGBA') and ';16' in str(image.tile):
            # Pillow cuts 16-bit colour to 8 bits. Elsewhere it is the safer of the two: it
            # raises on a truncated file where OpenCV returns half an image.
            with open(path, 'rb') as file:
                deep = imfrombytes(file.read(), flag='unchanged', backend='cv2')
            if deep is None:
                raise OSError('OpenCV cannot decode it')
            return cv2.cvtColor(deep[..., :3], cv2.COLOR_BGR2RGB)
        if image.mode in ('1', 'LA', 'La'):
            return np.asarray(image.convert('L'))
        if image.mode.startswith('I;16') or (image.mode == 'I' and image.format == 'PNG'):
            return np.asarray(image).astype(np.uint16)
        if image.mode in ('L', 'I', 'F', 'RGB'):
            return np.array(image)
        return np.asarray(image.convert('RGB'))


def read_image(path):
    """Decode an image with the depth it is stored in.

    Args:
        path (str): The file.

    Returns:
        np.ndarray: (H, W) grey or (H, W, 3) RGB; uint8, uint16, int32 or float32. An alpha
        channel is dropped, a palette resolved.

    Raises:
        PairError: There is no such file, it is damaged or truncated, or it is a float image
            with values that are not finite.
    """
    try:
        array = _decode(path)
    except Exception as error:  # decoders raise almost anything on a damaged file
        raise _unreadable(path, error) from error
    if array.dtype.kind == 'f' and not np.isfinite(array).all():
        raise PairError.of('unreadable file', path, 'finite values', 'NaN or infinity')
    return array


def _full_range(array, path):
    """Range of the stored type: (0, 255), (0, 65535), or (0, 1) for floats."""
    if array.dtype in (np.uint8, np.uint16):
        return 0, np.iinfo(array.dtype).max
    if array.dtype.kind == 'f' and array.min() >= 0 and array.max() <= 1:
        return 0, 1
    raise PairError.of(
        'unknown value range',
        path,
        '8 or 16 bits, or floats in [0, 1] (for other infrared images give ir_range)',
        f'{array.dtype} from {array.min()} to {array.max()}',
    )


def _to_unit(array, low, high):
    if high <= low:  # percentiles of a constant image
        return np.zeros(array.shape, np.float32)
    unit = (array.astype(np.float32) - np.float32(low)) / np.float32(high - low)
    return np.clip(unit, 0, 1, out=unit)


def _single_channel(array):
    first = array[..., 0]
    if all(np.array_equal(first, array[..., channel]) for channel in (1, 2)):
        return first
    return array.astype(np.float32) @ _LUMA


def _warn_of_narrow_range(array):
    if array.dtype == np.uint16 and int(array.max()) - int(array.min()) < 1 << 14:
        warnings.warn(
            'a 16-bit infrared image fills less than a quarter of the 16-bit range, as raw '
            '14-bit thermal images do, and will look flat; give ir_range=(low, high) or '
            'ir_percentiles=(1, 99)',
            stacklevel=3,
        )


def infrared_to_unit(array, name, value_range=None, percentiles=None):
    """Bring an infrared image to [0, 1].

    Of three equal channels the first is taken, of different ones (false colour) the luma.

    Args:
        array (np.ndarray): (H, W), (H, W, 1) or (H, W, 3) RGB; uint8, uint16, int32 or float.
        name (str): What an error calls it.
        value_range (tuple[float, float], optional): Values that become 0 and 1; what lies
            outside is clipped. Defaults to the range of the type.
        percentiles (tuple[float, float], optional): Instead, percentiles of the image that
            become 0 and 1.

    Returns:
        np.ndarray: (H, W) float32 in [0, 1].

    Raises:
        PairError: The image has neither 8 nor 16 bits nor floats in [0, 1] and no range is
            given.
        ValueError: Both ranges are given.
    """
    if value_range is not None and percentiles is not None:
        raise ValueError(
            f'give value_range or percentiles, not both: {value_range} and {percentiles}'
        )
    if value_range is None and percentiles is None:
        value_range = _full_range(array, name)
        _warn_of_narrow_range(array)
    if array.ndim == 3:
        array = array[..., 0] if array.shape[2] == 1 else _single_channel(array)
    if percentiles is not None:
        value_range = np.percentile(array, percentiles)
    return _to_unit(array, *value_range)


def read_infrared(path, value_range=None, percentiles=None):
    """Read an infrared image.

    Args:
        path (str): The file: 1 or 3 channels; 8 or 16 bits, int32 or float32.
        value_range (tuple[float, float], optional): See :func:`infrared_to_unit`.
        percentiles (tuple[float, float], optional): See :func:`infrared_to_unit`.

    Returns:
        np.ndarray: (H, W) float32 in [0, 1].

    Raises:
        PairError: The file cannot be read, or has neither 8 nor 16 bits nor floats in
            [0, 1] and no range is given.
        ValueError: Both ranges are given.
    """
    return infrared_to_unit(read_image(path), path, value_range, percentiles)


def visible_to_unit(array, name):
    """Bring a visible image to [0, 1].

    Args:
        array (np.ndarray): (H, W), (H, W, 1) or (H, W, 3) RGB; uint8, uint16, or float in
            [0, 1].
        name (str): What an error calls it.

    Returns:
        np.ndarray: (H, W, 3) float32 RGB in [0, 1], a grey image repeated.

    Raises:
        PairError: The image is of another type or range.
    """
    unit = _to_unit(array, *_full_range(array, name))
    if unit.ndim == 2:
        unit = unit[..., None]
    return unit if unit.shape[2] == 3 else np.repeat(unit, 3, axis=-1)


def read_visible(path):
    """Read a visible image.

    Args:
        path (str): The file: grey or RGB, alpha is dropped; 8 or 16 bits, or float32 in
            [0, 1].

    Returns:
        np.ndarray: (H, W, 3) float32 RGB in [0, 1], a grey image repeated.

    Raises:
        PairError: The file cannot be read or is of another type.
    """
    return visible_to_unit(read_image(path), path)


def read_mask(path):
    """Read a mask of class indices.

    Args:
        path (str): A single-channel or palette image; a palette's indices are the classes.

    Returns:
        np.ndarray: (H, W) uint8.

    Raises:
        PairError: The file cannot be read, has several channels, or an index over 255.
    """
    try:
        with Image.open(path) as image:
            mode = image.mode
            array = np.array(image)
    except Exception as error:  # decoders raise almost anything on a damaged file
        raise _unreadable(path, error) from error
    if array.ndim != 2 or array.dtype.kind not in 'bui':
        raise PairError.of(
            'mask not an index image', path, 'one channel of class indices', f'mode {mode}'
        )
    if array.min() < 0 or array.max() > 255:
        raise PairError.of(
            'mask index out of range', path, 'indices up to 255', f'index {array.max()}'
        )
    return array.astype(np.uint8)
