"""Check the uploads of the web page before they are decoded.

Messages name the uploaded file but no path on the server.
"""

import shutil
import warnings
from pathlib import Path

import cv2
import numpy as np

from tsjnet_mm.datasets.toy import draw_scene
from tsjnet_mm.io.errors import PairError
from tsjnet_mm.io.images import (
    IMAGE_EXTENSIONS,
    read_header,
    read_infrared,
    read_visible,
    write_image,
)
from tsjnet_mm.io.matching import find_pairs
from tsjnet_mm.io.pairs import Pair, iterate_pairs
from tsjnet_mm.utils.styles import Style

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


def check_percentiles(low: float | None, high: float | None) -> tuple[float, float]:
    """Percentiles as the reader takes them.

    Args:
        low (float | None): Percentile that becomes black.
        high (float | None): Percentile that becomes white.

    Returns:
        tuple[float, float]: Both.

    Raises:
        DemoError: They are not numbers with 0 <= low < high <= 100.
    """
    if low is None or high is None or not 0 <= low < high <= 100:
        raise DemoError('The infrared percentiles must be two numbers, 0 <= low < high <= 100.')
    return float(low), float(high)


def choose_style(name: str, palette: str, isotherm: float | None, legend: bool) -> Style:
    """The style that the controls of the page ask for.

    Args:
        name (str): One of :data:`~tsjnet_mm.utils.styles.STYLES`.
        palette (str): One of :data:`~tsjnet_mm.utils.styles.PALETTES`.
        isotherm (float | None): Of the style ``'isotherm'``; of others it has no meaning.
        legend (bool): Of all styles but ``'luma'``.

    Returns:
        Style: The style.

    Raises:
        DemoError: The style lacks an option, or a name is unknown.
    """
    try:
        return Style(
            name,
            palette,
            isotherm if name == 'isotherm' else None,
            legend=bool(legend) and name != 'luma',
        )
    except ValueError as error:
        raise DemoError(f'{error}.') from error


def read_upload(
    ir: str | Path | None,
    vi: str | Path | None,
    percentiles: tuple[float, float] | None = None,
    resize: bool = False,
    max_megapixels: float = 16.0,
) -> tuple[Pair, list[str]]:
    """Read two uploads as ``tools/fuse.py`` reads two files.

    Args:
        ir (str | Path | None): Infrared image.
        vi (str | Path | None): Visible image.
        percentiles (tuple[float, float], optional): See :func:`~tsjnet_mm.apis.iterate_pairs`.
        resize (bool): See there. Defaults to False.
        max_megapixels (float): Of either image. Defaults to 16.

    Returns:
        tuple[Pair, list[str]]: The pair, and what the visitor should know of it.

    Raises:
        DemoError: See :func:`check_upload`; or an image is truncated, its values are
            unusable, or the sizes differ and ``resize`` is not set.
    """
    ir_size = check_upload(ir, 'infrared', max_megapixels)
    vi_size = check_upload(vi, 'visible', max_megapixels)
    if ir_size != vi_size and not resize:
        sizes = [f'{width}x{height}' for height, width in (ir_size, vi_size)]
        raise DemoError(
            f'The infrared image has {sizes[0]} pixels and the visible one {sizes[1]}. If '
            'both show the same field of view, let the infrared image be resized (options).'
        )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter('always')
        try:
            pair = next(iterate_pairs(ir, vi, ir_percentiles=percentiles, resize=resize))
        except PairError as error:
            of_visible = str(vi) in str(error)
            path, modality = (vi, 'visible') if of_visible else (ir, 'infrared')
            raise _explain(error, path, modality) from error
    notes = []
    if any('16-bit infrared image' in str(warning.message) for warning in caught):
        notes.append(
            'The infrared image fills less than a quarter of the 16-bit range and looks '
            'flat: stretch it between percentiles (options).'
        )
    return pair, notes


def _explain(error, path, modality):
    """Sentence for the visitor about a PairError of the readers."""
    name = _describe(path, modality)
    if error.reason == 'unreadable file':
        return DemoError(f'Cannot read {name}: it is truncated or damaged.')
    problem = {
        'not an image': f'it is {error.found}',
        'several pages': 'it is animated or has several pages',
        'unknown colours': f'its colours are {error.found}; save it as RGB or grey',
        'unusable values': f'it has {error.found}',
        'unknown value range': 'its values are neither 8 nor 16 bits',
    }.get(error.reason, error.reason)
    if error.reason == 'unknown value range' and modality == 'infrared':
        problem += ': stretch it between percentiles (options)'
    return DemoError(f'Cannot use {name}: {problem}.')


def preview_upload(
    path: str | Path,
    modality: str,
    percentiles: tuple[float, float] | None = None,
    max_megapixels: float = 16.0,
) -> np.ndarray:
    """A preview of an upload.

    Args:
        path (str | Path): The uploaded file.
        modality (str): ``'infrared'`` or ``'visible'``.
        percentiles (tuple[float, float], optional): Of the infrared image, see
            :func:`read_upload`.
        max_megapixels (float): See there. Defaults to 16.

    Returns:
        np.ndarray: (H, W) or (H, W, 3) RGB, uint8.

    Raises:
        DemoError: See :func:`read_upload`.
    """
    check_upload(path, modality, max_megapixels)
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        try:
            if modality == 'infrared':
                unit = read_infrared(path, percentiles=percentiles)
            else:
                unit = read_visible(path)
        except PairError as error:
            raise _explain(error, path, modality) from error
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
    infrared = preview_upload(ir, 'infrared', max_megapixels=float('inf'))
    visible = preview_upload(vi, 'visible', max_megapixels=float('inf'))
    size = max(2, round(height * visible.shape[1] / visible.shape[0])), height
    visible = cv2.resize(visible, size, interpolation=cv2.INTER_AREA)
    infrared = cv2.resize(infrared, size, interpolation=cv2.INTER_AREA)
    visible[:, : size[0] // 2] = infrared[:, : size[0] // 2, None]
    return visible
