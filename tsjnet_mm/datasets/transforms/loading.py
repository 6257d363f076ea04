"""Loading the images, boxes and masks of a pair."""

import numpy as np

from tsjnet_mm.datasets.mask_check import check_indices
from tsjnet_mm.io.images import check_size, check_sizes, read_mask
from tsjnet_mm.io.matching import PairSource
from tsjnet_mm.io.pairs import read_pairs
from tsjnet_mm.io.preparation import Preparation
from tsjnet_mm.registry import TRANSFORMS

from .base import PairTransform


@TRANSFORMS.register_module()
class LoadPair(PairTransform):
    """Load both images as float32 in [0, 1].

    Infrared comes out with one channel: the first of three equal ones, the luma of false
    colour. Visible comes out as RGB, grey repeated. Alpha is dropped and the EXIF orientation
    obeyed in both.

    By default the range of the stored type becomes [0, 1]: 0..255 for 8 bits, 0..65535 for
    16. That is right for 16-bit images that were stretched on export and keeps them
    comparable. Raw thermal images fill a narrow band of it and need one of the options:
    ``ir_range=(0, 16383)`` for 14 bits in 16, ``ir_range=(low, high)`` in counts for a
    known band (temperatures stay comparable between images), or ``ir_percentiles=(1, 99)``
    for a stretch of each image by itself (best contrast, but absolute values are lost and
    video flickers).

    Required keys: ``ir_path``, ``vi_path``. Added keys: ``ir`` (H, W) float32, ``vi``
    (H, W, 3) float32 RGB, ``img_path``, ``img_shape`` and ``ori_shape`` (H, W),
    ``scale_factor`` (1.0, 1.0), ``flip`` False, ``flip_direction`` None.

    Args:
        ir_range (tuple[float, float], optional): Stored infrared values that become 0 and
            1; what lies outside is clipped.
        ir_percentiles (tuple[float, float], optional): Percentiles of each infrared image,
            in 0..100, that become 0 and 1.
        resize (bool): Resize infrared images of another size; the data set then needs
            ``any_ir_size=True``. Defaults to False.
        homography (str | list, optional): Path of a homography's file, or its 3x3 list: warp
            infrared images by it; the data set then needs ``any_ir_size=True``.
        ir_celsius (tuple[float, float], optional): Temperatures in degrees Celsius that become
            0 and 1, of FLIR radiometric JPEGs and of images in ``ir_unit``.
        ir_unit (str, optional): See :class:`.Preparation`.

    Raises:
        ValueError: Two ranges are given, or an option cannot be meant, see
            :class:`.Preparation`.
        FileNotFoundError: There is no such file of a homography.
        PairError: When called: an image cannot be read, or the two differ in size.
    """

    def __init__(
        self,
        ir_range: tuple[float, float] | None = None,
        ir_percentiles: tuple[float, float] | None = None,
        resize: bool = False,
        homography: str | list | None = None,
        ir_celsius: tuple[float, float] | None = None,
        ir_unit: str | None = None,
    ) -> None:
        self.preparation = Preparation(
            ir_range, ir_percentiles, resize, homography, ir_celsius, ir_unit
        )

    def transform(self, results: dict) -> dict:
        """See the class."""
        source = PairSource('', results['ir_path'], results['vi_path'])
        # A radiometric JPEG's temperatures may have another size than its picture.
        may_be_radiometric = self.preparation.ir_celsius or self.preparation.ir_percentiles
        if not self.preparation.moves_infrared and not may_be_radiometric:
            check_sizes(source.ir, source.vi)
        (pair,) = read_pairs([source], self.preparation)
        ir, vi = pair.filled, pair.vi
        size = vi.shape[:2]
        results.update(
            ir=ir,
            vi=vi,
            img_path=results['vi_path'],
            img_shape=size,
            ori_shape=size,
            scale_factor=(1.0, 1.0),
            flip=False,
            flip_direction=None,
        )
        return results


@TRANSFORMS.register_module()
class LoadPairAnnotations(PairTransform):
    """Turn a pair's instances into arrays and load its mask, where it has them.

    Required keys: ``img_shape``. Read where present: ``instances``; ``seg_map_path`` and
    ``num_seg_classes``. Added keys with the first: ``gt_bboxes`` (N, 4) float32 corners,
    ``gt_bboxes_labels`` (N,) int64, ``gt_ignore_flags`` (N,) bool; with the second:
    ``gt_seg_map`` (H, W) uint8, 255 ignored.

    Args:
        with_boxes (bool): Whether to take the instances. Defaults to True.
        with_masks (bool): Whether to load the mask. Defaults to True.

    Raises:
        PairError: When called: the mask cannot be read, is no index image, has another size
            than the pair, or an index that is neither a class nor 255.
    """

    def __init__(self, with_boxes: bool = True, with_masks: bool = True) -> None:
        self.with_boxes = with_boxes
        self.with_masks = with_masks

    def transform(self, results: dict) -> dict:
        """See the class."""
        if self.with_boxes and 'instances' in results:
            instances = results['instances']
            results['gt_bboxes'] = np.array(
                [item['bbox'] for item in instances], np.float32
            ).reshape(-1, 4)
            results['gt_bboxes_labels'] = np.array(
                [item['bbox_label'] for item in instances], np.int64
            )
            results['gt_ignore_flags'] = np.array(
                [item['ignore_flag'] for item in instances], bool
            )
        if self.with_masks and 'seg_map_path' in results:
            results['gt_seg_map'] = self._load_mask(results)
        return results

    @staticmethod
    def _load_mask(results):
        path = results['seg_map_path']
        reference = results.get('vi_path', 'its image')
        check_size(path, results['img_shape'], reference, 'mask of another size')
        mask = read_mask(path)
        counts = np.bincount(mask.ravel(), minlength=256)
        check_indices(counts, results.get('num_seg_classes'), path)
        return mask
