"""Check the uploads of the web page before they are decoded.

Messages name the uploaded file but no path on the server.
"""

import contextlib
import shutil
import warnings
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from tsjnet_mm.datasets.toy import draw_scene
from tsjnet_mm.io.dji import is_dji
from tsjnet_mm.io.errors import PairError
from tsjnet_mm.io.images import (
    IMAGE_EXTENSIONS,
    read_header,
    read_image,
    read_visible,
    write_image,
)
from tsjnet_mm.io.matching import find_pairs
from tsjnet_mm.io.pairs import Pair, iterate_pairs
from tsjnet_mm.io.preparation import Preparation
from tsjnet_mm.io.radiometric import is_flir, read_visible_of_flir

_EXAMPLE_SIZE = (640, 480)


class DemoError(ValueError):
    """An upload or an option that cannot be used; the message is for the visitor."""


def _describe(path, modality):
    return f'the {modality} image {Path(path).name}'


def check_upload(
    path: str | Path | None, modality: str, max_megapixels: float = 16.0
) -> tuple[int, int]:
    """Refuse a file that is missing or cannot be fused, before its pixels are decoded.

    Args:
        path (str | Path | None): The uploaded file.
        modality (str): ``'infrared'`` or ``'visible'``, for messages.
        max_megapixels (float): Width times height, in millions, at most. Defaults to 16.

    Returns:
        tuple[int, int]: Height and width.

    Raises:
        DemoError: There is no file, or it was deleted; its name or content is no image of a
            format that is read; it is animated, has several pages or is CMYK; or has too many
            pixels.
    """
    if path is None:
        raise DemoError(f'Give both images: the {modality} one is missing.')
    name = _describe(path, modality)
    if not Path(path).is_file():
        raise DemoError(f'The server no longer keeps {name}: upload it again.')
    if Path(path).suffix.lower() not in IMAGE_EXTENSIONS:
        raise DemoError(f'Cannot use {name}: give one of {", ".join(IMAGE_EXTENSIONS)}.')
    try:
        height, width = read_header(path).size
    except PairError as error:
        if error.reason == 'unreadable file':
            problem = f'Cannot read {name}: it is damaged, or no image at all.'
            raise DemoError(problem) from error
        if error.reason == 'too many pixels':
            problem = f'Cannot use {name}: the limit is {max_megapixels:g} megapixels.'
            raise DemoError(problem) from error
        raise _explain(error, path, modality) from error
    if width * height > max_megapixels * 1e6:
        raise DemoError(
            f'Cannot use {name}: it has {width}x{height} pixels, and the limit is '
            f'{max_megapixels:g} megapixels.'
        )
    return height, width


def is_measured(path: str | Path) -> bool:
    """Whether an infrared file holds more than the 8 bits of a picture.

    Args:
        path (str | Path): The file, which was checked.

    Returns:
        bool: True of radiometric JPEGs, and of all numbers but bytes.

    Raises:
        DemoError: The file cannot be read.
    """
    with explained(path):
        return is_flir(path) or is_dji(path) or read_image(path).dtype != np.uint8


def find_visible_upload(
    ir: str | Path | None, vi: str | Path | None, folder: str | Path
) -> tuple[Path | None, bool]:
    """The visible image of a pair: the uploaded one, or the one within a radiometric JPEG.

    Args:
        ir (str | Path | None): Infrared image.
        vi (str | Path | None): Visible image.
        folder (str | Path): Gets the visible image that was within the infrared file.

    Returns:
        tuple[Path | None, bool]: The file, or None; and whether it was within the infrared
        file, whose field of view it has then.

    Raises:
        DemoError: The infrared file is a damaged radiometric JPEG.
    """
    if vi is not None or ir is None or not Path(ir).is_file() or not is_flir(ir):
        return (None if vi is None else Path(vi)), False
    path = Path(folder) / f'{Path(ir).stem}_visible.png'
    with explained(ir):
        try:
            write_image(read_visible_of_flir(ir), path)
        except PairError as error:
            if error.reason == 'no visible image':
                return None, False
            raise
    return path, True


def read_upload(
    ir: str | Path | None,
    vi: str | Path | None,
    preparation: Preparation | None = None,
    max_megapixels: float = 16.0,
) -> tuple[Pair, list[str]]:
    """Read two uploads as ``tools/fuse.py`` reads two files.

    Args:
        ir (str | Path | None): Infrared image.
        vi (str | Path | None): Visible image.
        preparation (Preparation, optional): How they are prepared.
        max_megapixels (float): Of either image. Defaults to 16.

    Returns:
        tuple[Pair, list[str]]: The pair, and what the visitor should know of it.

    Raises:
        DemoError: See :func:`check_upload`; or an image is truncated, its values are
            unusable, or the sizes differ and the preparation moves no infrared image.
    """
    check_upload(ir, 'infrared', max_megapixels)
    check_upload(vi, 'visible', max_megapixels)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter('always')
        with explained(ir, vi):
            pair = next(iterate_pairs(ir, vi, preparation))
    notes = []
    said = ' '.join(str(warning.message) for warning in caught)
    if '16-bit infrared image' in said:
        notes.append(
            'The infrared image fills less than a quarter of the 16-bit range and looks '
            'flat: stretch it between percentiles (options).'
        )
    if 'has no contrast' in said:
        notes.append(
            'The infrared image has no contrast in this range: choose another one (options).'
        )
    return pair, notes


@contextlib.contextmanager
def explained(ir: str | Path, vi: str | Path | None = None) -> Iterator[None]:
    """Turn errors of the readers into sentences for the visitor.

    Args:
        ir (str | Path): The infrared file that is read within.
        vi (str | Path, optional): And the visible one.

    Raises:
        DemoError: A file cannot be used; names no path.
    """
    try:
        yield
    except PairError as error:
        of_visible = vi is not None and str(error).startswith(f'{vi}: ')
        path, modality = (vi, 'visible') if of_visible else (ir, 'infrared')
        raise _explain(error, path, modality) from error


def _explain(error, path, modality):
    """Sentence for the visitor about a PairError of the readers."""
    name = _describe(path, modality)
    if error.reason == 'unreadable file':
        return DemoError(f'Cannot read {name}: it is truncated or damaged.')
    if error.reason == 'different sizes':
        size = str(error).partition('expected ')[2].partition(' ')[0]
        return DemoError(
            f'The infrared image has {error.found} pixels and the visible one {size}: press '
            'Register, or, if both show the same field of view, let the infrared image be '
            'resized (options).'
        )
    problem = {
        'not an image': f'it is {error.found}',
        'several pages': 'it is animated or has several pages',
        'unknown colours': f'its colours are {error.found}; save it as RGB or grey',
        'unusable values': f'it has {error.found}',
        'unknown value range': 'its values are neither 8 nor 16 bits',
        'damaged radiometric data': f'its radiometric data are damaged, {error.found}',
        'temperatures not read': 'its picture was read, which holds no temperatures: choose '
        'percentiles or degrees Celsius (options)',
        'unknown temperatures': f'its temperatures are unknown, for it is {error.found}',
    }.get(error.reason, error.reason)
    if error.reason == 'unknown temperatures' and 'no known unit' in error.found:
        problem = 'its temperatures are unknown: choose the unit of its values (options)'
    if error.reason == 'unknown value range' and modality == 'infrared':
        problem += ': stretch it between percentiles (options)'
    return DemoError(f'Cannot use {name}: {problem}.')


def read_unit(
    path: str | Path, modality: str, preparation: Preparation | None = None
) -> np.ndarray:
    """Read one file, in its own size.

    Args:
        path (str | Path): The file, which was checked.
        modality (str): ``'infrared'`` or ``'visible'``.
        preparation (Preparation, optional): Of the infrared image.

    Returns:
        np.ndarray: (H, W) or (H, W, 3) RGB, float32 in [0, 1].

    Raises:
        DemoError: It is truncated, or its values are unusable.
    """
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        if modality == 'infrared':
            with explained(path):
                return (preparation or Preparation()).load_infrared(path)
        with explained('', path):
            return read_visible(path)


def to_bytes(unit: np.ndarray) -> np.ndarray:
    """An image of values in [0, 1] as uint8."""
    return np.round(unit * 255).astype(np.uint8)


def collect_examples(
    folder: str | Path,
    ir_dir: str | Path | None = None,
    vi_dir: str | Path | None = None,
    count: int = 3,
) -> list[tuple[str, Path, Path]]:
    """Copy example pairs to a folder of the page: a drawn one, and those of two folders.

    Args:
        folder (str | Path): Gets the files, each pair in a folder of its own.
        ir_dir (str | Path, optional): Folder of infrared images.
        vi_dir (str | Path, optional): Folder of visible images, paired by stem.
        count (int): Pairs taken of the folders. Defaults to 3.

    Returns:
        list[tuple[str, Path, Path]]: Name, infrared and visible file; the drawn one last.

    Raises:
        FileNotFoundError: A folder is missing or holds no images.
        PairError: A file has no partner.
    """
    folder = Path(folder)
    pairs = find_pairs(ir_dir, vi_dir)[:count] if ir_dir is not None else []
    examples = []
    for index, (name, *files) in enumerate(pairs):
        copies = []
        for modality, file in zip(('ir', 'vi'), files, strict=True):
            copy = folder / str(index) / modality / Path(file).name
            copy.parent.mkdir(parents=True)
            copies.append(Path(shutil.copyfile(file, copy)))
        examples.append((name, *copies))
    scene = draw_scene(0, 1, _EXAMPLE_SIZE)
    drawn = [folder / 'drawn' / f'{modality}_scene.png' for modality in ('infrared', 'visible')]
    for image, path in zip((scene.ir, scene.vi), drawn, strict=True):
        write_image(image, path)
    return [*examples, ('drawn', *drawn)]


def example_thumbnail(ir: str | Path, vi: str | Path, height: int = 120) -> np.ndarray:
    """Thumbnail of a pair: left half of the infrared image, right half of the visible image.

    Args:
        ir (str | Path): Infrared image.
        vi (str | Path): Visible image.
        height (int): Of the result, in pixels. Defaults to 120.

    Returns:
        np.ndarray: (height, W, 3) RGB uint8.

    Raises:
        DemoError: An image cannot be read.
    """
    infrared = to_bytes(read_unit(ir, 'infrared'))
    visible = to_bytes(read_unit(vi, 'visible'))
    size = max(2, round(height * visible.shape[1] / visible.shape[0])), height
    visible = cv2.resize(visible, size, interpolation=cv2.INTER_AREA)
    infrared = cv2.resize(infrared, size, interpolation=cv2.INTER_AREA)
    visible[:, : size[0] // 2] = infrared[:, : size[0] // 2, None]
    return visible
