"""Fuse and measure the uploads of the web page, without its components."""

import copy
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import torch

from tsjnet_mm.apis.fused_writer import FusedWriter
from tsjnet_mm.evaluation.image_files import FusionFiles, read_files
from tsjnet_mm.io.errors import PairError
from tsjnet_mm.io.images import read_visible, write_image
from tsjnet_mm.io.preparation import Preparation
from tsjnet_mm.io.radiometric import is_flir
from tsjnet_mm.io.warping import Homography
from tsjnet_mm.metrics import FUSION_METRICS, measure
from tsjnet_mm.utils.metric_names import default_metrics, resolve_metrics
from tsjnet_mm.utils.styles import Style
from tsjnet_mm.visualization.drawing import draw_boxes
from tsjnet_mm.visualization.palette import class_colour

from .fusor_choice import DemoModels, Detections
from .options import Options
from .uploads import (
    DemoError,
    check_upload,
    explained,
    find_visible_upload,
    read_upload,
    to_bytes,
)

#: Longest side, in pixels, of the copies that the page shows.
_VIEW_SIDE = 2048


@dataclass
class Fusion:
    """A fused pair, as files in a folder of its own.

    Attributes:
        fused (Path): The fused image, PNG, in the visible image's size.
        views (dict[str, Path]): ``'infrared'``, ``'visible'`` and ``'fused'`` as the page
            shows them: PNG, at most 2048 pixels a side.
        sources (tuple[Path, Path]): Infrared and visible file to measure against; where the
            infrared image was stretched, resized or warped, as it was fused, in 8 bits.
        detections (Detections | None): None where the model has no detector.
        notes (list[str]): What the visitor should know.
        is_measurable (bool): Whether it is a fused luma, and no picture in thermal colours.
        degrees (Path | None): Temperatures on the pixels of the fused image, TIFF; None where
            they are not known.
    """

    fused: Path
    views: dict[str, Path]
    sources: tuple[Path, Path]
    detections: Detections | None
    notes: list[str]
    is_measurable: bool = True
    degrees: Path | None = None


def download_name(
    vi: str | Path, model: str, grey: bool = False, style: Style | None = None
) -> str:
    """File name of a download: ``<visible stem>_<model>_fused.png``, or of a style's name."""
    parts = [Path(vi).stem, model, 'fused_grey' if grey else 'fused']
    if style is not None and style.name != 'luma':
        parts[1:] = [style.name]
    parts = [re.sub(r'[^\w.-]+', '-', part).strip('-.')[:80] for part in parts]
    return '_'.join(part for part in parts if part) + '.png'


def _view(image):
    scale = _VIEW_SIDE / max(image.shape[:2])
    if scale >= 1:
        return image
    size = [max(1, round(side * scale)) for side in (image.shape[1], image.shape[0])]
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)


def save_view(image: np.ndarray, folder: str | Path, name: str) -> Path:
    """Write a copy of an image for the page.

    Args:
        image (np.ndarray): (H, W, 3) RGB or (H, W), uint8.
        folder (str | Path): Where to.
        name (str): Stem of the file.

    Returns:
        Path: A PNG of at most 2048 pixels a side.
    """
    path = Path(folder) / f'{name}.png'
    write_image(_view(image), path)
    return path


def new_folder(folder: str | Path) -> Path:
    """A new folder for one result.

    Args:
        folder (str | Path): Where results are kept.

    Returns:
        Path: It, empty.
    """
    return Path(tempfile.mkdtemp(prefix='result_', dir=folder))


def fuse_upload(
    models: DemoModels,
    name: str,
    ir: str | Path | None,
    vi: str | Path | None,
    folder: str | Path,
    options: Options | None = None,
    homography: Homography | None = None,
    max_megapixels: float = 16.0,
) -> Fusion:
    """Fuse two uploads.

    Args:
        models (DemoModels): The models that there are.
        name (str): The one to use.
        ir (str | Path | None): Infrared image.
        vi (str | Path | None): Visible image; of a radiometric JPEG with one in it, none is
            needed.
        folder (str | Path): A new folder is made in it for the results.
        options (Options, optional): Of the fusion. Nothing is detected in other styles than
            ``'luma'``.
        homography (Homography, optional): From infrared to visible pixels.
        max_megapixels (float): See :func:`read_upload`. Defaults to 16.

    Returns:
        Fusion: Its files are those that ``tools/fuse.py`` writes with the same options.

    Raises:
        DemoError: See :func:`read_upload`; or the model is unknown or cannot fuse this pair.
    """
    if name not in models.names:
        raise DemoError('There is no such model.')
    options = options or Options()
    folder = new_folder(folder)
    size = check_upload(ir, 'infrared', max_megapixels)
    vi, is_within = find_visible_upload(ir, vi, folder)
    preparation = options.preparation(ir, homography, same_view=is_within)
    pair, notes = read_upload(ir, vi, preparation, max_megapixels)
    model = models[name]
    style = options.shown_as()
    fused = folder / download_name(vi, name, bool(options.grey), style)
    degrees = folder / f'{fused.stem.removesuffix("_grey")}_celsius.tif'
    by_value = preparation.ir_percentiles or preparation.ir_celsius
    has_degrees = preparation.ir_unit is not None or (by_value and is_flir(ir))
    degrees = degrees if has_degrees else None
    try:
        with explained(ir, vi):
            image = _fuse(model, pair, (ir, vi), preparation, options, fused, degrees)
    except DemoError:
        raise
    except ValueError as error:
        reason = str(error).removeprefix(f'{pair.name}: ')
        raise DemoError(f'{name} cannot fuse this pair: {reason}') from error
    except (MemoryError, torch.cuda.OutOfMemoryError) as error:
        raise DemoError('The machine has too little memory for images this large.') from error
    seen = pair.ir if pair.seen is None else pair.ir * pair.seen  # black where nothing is seen
    same = preparation == Preparation() and size == pair.ir.shape
    measured = Path(ir) if same else folder / 'infrared_as_fused.png'
    if not same:
        write_image(to_bytes(pair.filled), measured)
    views = {
        'infrared': save_view(to_bytes(seen), folder, 'infrared'),
        'visible': save_view(to_bytes(pair.vi), folder, 'visible'),
        'fused': save_view(image, folder, 'fused'),
    }
    is_fused = style.name == 'luma'
    detections = model.detector(image, pair.vi) if model.detector and is_fused else None
    return Fusion(fused, views, (measured, Path(vi)), detections, notes, is_fused, degrees)


def _fuse(model, pair, files, preparation, options, fused, degrees):
    """Fuse a pair, write it, and the temperatures where they are known."""
    inferencer = copy.copy(model.inferencer)
    inferencer.style = options.shown_as()
    inferencer.parallax = options.parallax
    inferencer.keep_hue = bool(options.keep_hue)
    inferencer.denoise = options.denoise
    settings = inferencer.describe(preparation, bool(options.grey))
    source = pair.name, *map(str, files)
    writer = FusedWriter(fused, [source], settings, temperatures=degrees)
    pairs = writer.measure(pair for _ in writer.watch([source]))
    images = inferencer.fuse_pairs(pairs, grey=bool(options.grey))
    ((_, image),) = writer.write_behind(images)
    return image


def draw_detections(fusion: Fusion, threshold: float) -> tuple[Path, int]:
    """Draw what the detector found on the fused image.

    Args:
        fusion (Fusion): With ``detections``.
        threshold (float): Least score, in [0, 1].

    Returns:
        tuple[Path, int]: A PNG as in :attr:`Fusion.views`, and the number of objects.

    Raises:
        DemoError: The image was deleted since.
    """
    found = fusion.detections.above(threshold)
    try:
        image = to_bytes(read_visible(fusion.fused))
    except PairError as error:
        raise DemoError('This result is no longer kept: fuse the pair again.') from error
    view = _view(image)
    scale = view.shape[1] / image.shape[1]
    names = found.names()
    labels = [f'{name} {score:.2f}' for name, score in zip(names, found.scores, strict=True)]
    colours = [class_colour(*pair) for pair in zip(names, found.labels.tolist(), strict=True)]
    drawn = draw_boxes(view, found.boxes * scale, labels, colours)
    name = f'objects_{round(threshold * 1000)}'
    return save_view(drawn, fusion.fused.parent, name), len(names)


class MetricRow(NamedTuple):
    """A line of the table of metrics.

    Attributes:
        name (str): As in :data:`~tsjnet_mm.metrics.FUSION_METRICS`.
        title (str): Its name in full.
        value (float | None): None where the image is too small for it.
        higher_is_better (bool): The direction.
    """

    name: str
    title: str
    value: float | None
    higher_is_better: bool


def measure_fusion(
    fusion: Fusion, convention: str = 'plain', all_metrics: bool = False
) -> list[MetricRow]:
    """Measure a fused image as ``tools/evaluate.py`` does.

    Args:
        fusion (Fusion): What to measure.
        convention (str): What the metrics' names mean. Defaults to ``'plain'``.
        all_metrics (bool): All metrics of the convention instead of the paper's six. Without
            effect where it lacks one of the six. Defaults to False.

    Returns:
        list[MetricRow]: In the order of the tables.

    Raises:
        DemoError: The convention is unknown, or the images were deleted since.
    """
    try:
        wanted = 'all' if all_metrics else default_metrics(convention)
        metrics = resolve_metrics(wanted, convention)
    except ValueError as error:
        raise DemoError(str(error)) from error
    files = FusionFiles('pair', *map(str, fusion.sources), {'fused': str(fusion.fused)})
    try:
        images = read_files(files, convention)
    except PairError as error:
        raise DemoError('This result is no longer kept: fuse the pair again.') from error
    ir, vi, fused = (torch.from_numpy(image)[None].double() for image in images)
    side = min(fused.shape[-2:])
    fitting = [name for name in metrics if FUSION_METRICS[name].min_size(convention) <= side]
    with torch.inference_mode():
        values = measure(fused, ir, vi, fitting, convention)
    return [
        MetricRow(
            name,
            FUSION_METRICS[name].title,
            values[name].item() if name in values else None,
            FUSION_METRICS[name].higher_is_better,
        )
        for name in metrics
    ]
