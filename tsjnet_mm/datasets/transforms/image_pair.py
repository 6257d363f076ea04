"""A pair as one image of four channels, which the transforms of mmdet and mmseg take."""

import os

import numpy as np

from tsjnet_mm.io.errors import PairError
from tsjnet_mm.io.images import IMAGE_EXTENSIONS
from tsjnet_mm.registry import TRANSFORMS

from .base import PairTransform
from .loading import LoadPair
from .three_channels import accept_pairs


def _partner(path, folder, partner_folder):
    """The file of the same name, or stem, under the partner's folder."""
    parts = path.split(os.sep)
    places = [index for index, part in enumerate(parts[:-1]) if part == folder]
    if not places:
        raise PairError.of(
            'missing partner', path, f'a folder {folder!r} in its path', 'no such folder'
        )
    parts[places[-1]] = partner_folder
    same_name = os.sep.join(parts)
    stem = os.path.splitext(same_name)[0]
    for candidate in (same_name, *(stem + extension for extension in IMAGE_EXTENSIONS)):
        if os.path.isfile(candidate):
            return candidate
    raise PairError.of(
        'missing partner', stem + '.*', f'the infrared image of {path}', 'no image'
    )


@TRANSFORMS.register_module()
class LoadImagePair(PairTransform):
    """Load a pair as one image: blue, green, red, infrared.

    It takes the place of ``LoadImageFromFile`` in a pipeline of mmdet or mmseg. Resizing,
    flipping, cropping, padding and mixing then change both images equally, also by transforms
    of mmcv, mmdet and mmseg that need three channels (see
    :func:`~tsjnet_mm.datasets.transforms.three_channels.accept_pairs`).

    The infrared image is ``ir_path`` where the dataset gives one, as those of this package do.
    Otherwise ``img_path`` is the visible image, and the infrared one has the same name, or at
    least the same stem, in the folder ``infrared_folder`` instead of ``visible_folder``: for
    ``data/visible/train/1.jpg`` and ``('visible', 'infrared')`` in ``data/infrared/train``.

    Required keys: ``img_path``, or ``ir_path`` and ``vi_path``. Added keys: ``img``
    (H, W, 4) uint8 in 0..255, ``ir_path``, ``vi_path``, ``img_shape`` and ``ori_shape`` (H, W).

    Args:
        visible_folder (str): Defaults to ``'vi'``.
        infrared_folder (str): Defaults to ``'ir'``.
        ir_range (tuple[float, float], optional): See :class:`LoadPair`.
        ir_percentiles (tuple[float, float], optional): See :class:`LoadPair`.
        to_float32 (bool): Give float32, still in 0..255, so that infrared images of 16 bits
            are not rounded to 8. Defaults to False.
        resize (bool): See :class:`LoadPair`.
        homography (str | list, optional): See :class:`LoadPair`.
        ir_celsius (tuple[float, float], optional): See :class:`LoadPair`.
        ir_unit (str, optional): See :class:`LoadPair`.

    Raises:
        ValueError: See :class:`LoadPair`.
        PairError: When called: there is no infrared image, see above, or see
            :class:`LoadPair`.
    """

    def __init__(
        self,
        visible_folder: str = 'vi',
        infrared_folder: str = 'ir',
        ir_range: tuple[float, float] | None = None,
        ir_percentiles: tuple[float, float] | None = None,
        to_float32: bool = False,
        resize: bool = False,
        homography: str | list | None = None,
        ir_celsius: tuple[float, float] | None = None,
        ir_unit: str | None = None,
    ) -> None:
        accept_pairs()
        self.visible_folder = visible_folder
        self.infrared_folder = infrared_folder
        self.to_float32 = to_float32
        self.load = LoadPair(ir_range, ir_percentiles, resize, homography, ir_celsius, ir_unit)

    def __setstate__(self, state: dict) -> None:
        """In a worker process that gets the transform, let the others there take pairs, too."""
        accept_pairs()
        self.__dict__.update(state)

    def transform(self, results: dict) -> dict:
        """See the class."""
        if 'ir_path' not in results:
            path = results['img_path']
            results['vi_path'] = path
            results['ir_path'] = _partner(path, self.visible_folder, self.infrared_folder)
        results = self.load(results)
        ir, vi = results.pop('ir'), results.pop('vi')
        image = np.concatenate([vi[..., ::-1], ir[..., None]], axis=-1) * np.float32(255)
        if not self.to_float32:
            image = np.rint(image).astype(np.uint8)
        results['img'] = image
        return results
