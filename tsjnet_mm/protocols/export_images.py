"""Sources of the images of an exported dataset."""

import os
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch

from tsjnet_mm.apis.fused_writer import READERS
from tsjnet_mm.apis.inferencer import FusionInferencer
from tsjnet_mm.evaluation.image_files import read_grey_values
from tsjnet_mm.io.errors import PairError
from tsjnet_mm.io.images import IMAGE_EXTENSIONS, image_size, read_image, read_visible
from tsjnet_mm.io.matching import PairSource
from tsjnet_mm.io.names import AFFIXES, match_names
from tsjnet_mm.io.pairs import read_pairs
from tsjnet_mm.io.preparation import Preparation
from tsjnet_mm.utils import recolour


class ImageSource(ABC):
    """Makes the image of each pair.

    Attributes:
        description (dict): What determines the pixels besides the files; goes into JSON.
    """

    description: dict

    @abstractmethod
    def files(self, info: dict) -> tuple[str, ...]:
        """tuple[str, ...]: The files that a pair's image is made of."""

    @abstractmethod
    def make(self, infos: Sequence[dict]) -> Iterator[np.ndarray]:
        """Make images one after the other.

        Args:
            infos (Sequence[dict]): data_info of each pair.

        Yields:
            np.ndarray: (H, W, 3) RGB uint8.
        """


def _to_uint8(unit):
    return np.round(unit * 255).astype(np.uint8)


class _ModalityImages(ImageSource):
    """One of the two images of each pair."""

    def __init__(self, modality, preparation):
        self.modality = modality
        self.description = {'modality': modality}
        self._preparation = preparation
        if modality == 'ir':
            self.description.update(preparation.to_note())

    def files(self, info):
        """See :meth:`ImageSource.files`."""
        if self.modality == 'ir' and self._preparation.moves_infrared:
            return info['ir_path'], info['vi_path']
        return (info[f'{self.modality}_path'],)

    def make(self, infos):
        """See :meth:`ImageSource.make`."""
        for info in infos:
            names = info['ir_path'], info['vi_path']
            if self.modality == 'vi':
                yield _to_uint8(read_visible(names[1]))
                continue
            unit = self._preparation.prepare_infrared(read_image(names[0]), names[0])
            unit = self._preparation.fit(unit, (info['height'], info['width']), names)
            yield np.repeat(_to_uint8(unit)[..., None], 3, axis=-1)


class _FusedImages(ImageSource):
    """Images that an inferencer fuses."""

    def __init__(self, inferencer, batch_size, keep_grey, preparation):
        self._inferencer = inferencer
        self._keep_grey = keep_grey
        self._preparation = preparation
        self._batch_size = batch_size
        self.description = inferencer.describe(preparation, keep_grey)

    def files(self, info):
        """See :meth:`ImageSource.files`."""
        return info['ir_path'], info['vi_path']

    def make(self, infos):
        """See :meth:`ImageSource.make`."""
        sources = (
            PairSource(info['img_id'], info['ir_path'], info['vi_path']) for info in infos
        )
        pairs = read_pairs(sources, self._preparation, READERS)
        results = self._inferencer.fuse_pairs(pairs, self._batch_size, self._keep_grey)
        for _, image in results:
            yield image if image.ndim == 3 else np.repeat(image[..., None], 3, axis=-1)


class _FolderImages(ImageSource):
    """Images that some method made of each pair before."""

    def __init__(self, folder, infos, keep_grey):
        self._keep_grey = keep_grey
        self.description = {'folder': str(folder), 'keep_grey': keep_grey}
        self._paths = _match_folder(Path(folder), infos)
        for info in infos:
            path = self._paths[info['img_id']]
            found, expected = image_size(path), (info['height'], info['width'])
            if found != expected:
                raise PairError.of(
                    'different sizes',
                    path,
                    f'{expected[1]}x{expected[0]} as {info["vi_path"]}',
                    f'{found[1]}x{found[0]}',
                )

    def files(self, info):
        """See :meth:`ImageSource.files`."""
        return self._paths[info['img_id']], info['vi_path']

    def make(self, infos):
        """See :meth:`ImageSource.make`."""
        for info in infos:
            fused = read_grey_values(self._paths[info['img_id']])
            if len(fused) == 1 and not self._keep_grey:
                luma = torch.from_numpy(fused / np.float32(255)).float()
                visible = torch.from_numpy(read_visible(info['vi_path'])).permute(2, 0, 1)
                fused = recolour(luma, visible).numpy() * 255
            levels = np.round(fused).astype(np.uint8).transpose(1, 2, 0)
            yield np.ascontiguousarray(np.broadcast_to(levels, (*levels.shape[:2], 3)))


def _match_folder(folder, infos):
    """Path of the fused image of each pair."""
    if not folder.is_dir():
        raise FileNotFoundError(f'no folder of fused images {folder}')
    names = sorted(
        path.name
        for path in folder.iterdir()
        if path.suffix.lower() in IMAGE_EXTENSIONS and not path.name.startswith('.')
    )
    stems = {os.path.basename(info['vi_path']): info['img_id'] for info in infos}
    match = match_names([*stems], names, (*AFFIXES, folder.name))
    if match.ambiguous:
        firsts, seconds = match.ambiguous[0]
        raise PairError.of(
            'ambiguous name',
            folder,
            f'one image for {" and ".join(firsts)}',
            ', '.join(seconds),
        )
    if match.first_only:
        missing = [stems[name] for name in match.first_only]
        raise PairError.of(
            'missing fused image',
            folder,
            f'one for each of {len(infos)} pairs',
            f'none for {len(missing)}: {", ".join(missing[:5])}'
            + (', ...' if len(missing) > 5 else ''),
        )
    return {stems[name]: str(folder / partner) for name, partner in match.partners.items()}


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
        return _FusedImages(images, batch_size, keep_grey, preparation)
    if images in ('ir', 'vi'):
        return _ModalityImages(images, preparation)
    return _FolderImages(images, infos, keep_grey)
