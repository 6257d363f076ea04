"""Sources of the images of an exported dataset."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from tsjnet_mm.apis.fused_writer import READERS
from tsjnet_mm.apis.inferencer import FusionInferencer
from tsjnet_mm.evaluation.image_files import read_grey_values
from tsjnet_mm.io.images import read_visible
from tsjnet_mm.io.matching import PairSource, find_fused
from tsjnet_mm.io.pairs import read_pairs
from tsjnet_mm.io.preparation import Preparation
from tsjnet_mm.utils import recolour


class ImageSource(NamedTuple):
    """Makes the image of each pair.

    Attributes:
        description (dict): What determines the pixels besides the files; goes into JSON.
        files (Callable): ``files(info)`` returns the files that the image of a pair is made
            of, of its data_info.
        make (Callable): ``make(infos)`` yields the image, (H, W, 3) RGB uint8, of each pair.
    """

    description: dict
    files: Callable[[dict], tuple[str, ...]]
    make: Callable[[Sequence[dict]], Iterator[np.ndarray]]


def _to_uint8(unit):
    return np.round(unit * 255).astype(np.uint8)


def _visible_images():
    def make(infos):
        for info in infos:
            yield _to_uint8(read_visible(info['vi_path']))

    return ImageSource({'modality': 'vi'}, lambda info: (info['vi_path'],), make)


def _infrared_images(preparation):
    def files(info):
        if preparation.moves_infrared:
            return info['ir_path'], info['vi_path']
        return (info['ir_path'],)

    def make(infos):
        for info in infos:
            names = info['ir_path'], info['vi_path']
            unit = preparation.load_infrared(names[0])
            size = info['height'], info['width']
            seen = preparation.seen(unit.shape, size)
            unit = preparation.fit(unit, size, names)
            unit = unit if seen is None else unit * seen  # black where nothing is seen
            yield np.repeat(_to_uint8(unit)[..., None], 3, axis=-1)

    return ImageSource({'modality': 'ir', **preparation.to_note()}, files, make)


def _fused_images(inferencer, batch_size, keep_grey, preparation):
    """Images that an inferencer fuses."""

    def make(infos):
        sources = (
            PairSource(info['img_id'], info['ir_path'], info['vi_path']) for info in infos
        )
        pairs = read_pairs(sources, preparation, READERS)
        for _, image in inferencer.fuse_pairs(pairs, batch_size, keep_grey):
            yield image if image.ndim == 3 else np.repeat(image[..., None], 3, axis=-1)

    description = inferencer.describe(preparation, keep_grey)
    return ImageSource(description, lambda info: (info['ir_path'], info['vi_path']), make)


def _folder_images(folder, infos, keep_grey):
    """Images that some method made of each pair before."""
    paths = find_fused(folder, {info['img_id']: info['vi_path'] for info in infos})

    def make(infos):
        for info in infos:
            fused = read_grey_values(paths[info['img_id']])
            if len(fused) == 1 and not keep_grey:
                luma = torch.from_numpy(fused / np.float32(255)).float()
                visible = torch.from_numpy(read_visible(info['vi_path'])).permute(2, 0, 1)
                fused = recolour(luma, visible).numpy() * 255
            levels = np.round(fused).astype(np.uint8).transpose(1, 2, 0)
            yield np.ascontiguousarray(np.broadcast_to(levels, (*levels.shape[:2], 3)))

    description = {'folder': str(folder), 'keep_grey': keep_grey}
    return ImageSource(description, lambda info: (paths[info['img_id']], info['vi_path']), make)


def build_source(
    images: FusionInferencer | str | Path, infos: Sequence[dict], batch_size: int, options: dict
) -> ImageSource:
    """Choose the source of the images.

    Args:
        images (FusionInferencer | str | Path): See :func:`.export_dataset`.
        infos (Sequence[dict]): data_info of each pair.
        batch_size (int): Pairs that an inferencer fuses at once.
        options (dict): ``keep_grey``, and the parts of a :class:`.Preparation`.

    Returns:
        ImageSource: Of these images.

    Raises:
        FileNotFoundError: There is no such folder.
        PairError: An image is missing there, ambiguous or of another size.
    """
    options = dict(options)
    keep_grey = options.pop('keep_grey')
    preparation = Preparation.of(**options)
    if isinstance(images, FusionInferencer):
        return _fused_images(images, batch_size, keep_grey, preparation)
    if images == 'vi':
        return _visible_images()
    if images == 'ir':
        return _infrared_images(preparation)
    return _folder_images(images, infos, keep_grey)
