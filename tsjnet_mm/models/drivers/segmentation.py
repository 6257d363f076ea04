"""Segmentation driver (TSJNet, Eq. 13): any mmseg segmentor, its cross entropy."""

from mmengine.structures import PixelData

from tsjnet_mm.registry import MODELS
from tsjnet_mm.structures import FusionDataSample

from .base import BaseDriver, network_images, plain_sample


@MODELS.register_module()
class SegmentationDriver(BaseDriver):
    """Wraps an mmseg segmentor.

    Args:
        model (dict): Config of the segmentor. Where its preprocessor names neither ``size``
            nor ``size_divisor``, images are taken as they are.
        loss_terms (Sequence[str]): See :class:`BaseDriver`. Defaults to all losses.
        loss_weight (float): Factor of the terms. Defaults to 1.
        frozen (bool): See :class:`BaseDriver`. Defaults to True.
        appearance (str): See :class:`BaseDriver`. Defaults to ``'grey'``.
        init_cfg (dict, optional): Initialisation.
    """

    def __init__(
        self,
        model,
        loss_terms=('*loss*',),
        loss_weight=1.0,
        frozen=True,
        appearance='grey',
        init_cfg=None,
    ):
        super().__init__(model, 'mmseg', loss_terms, loss_weight, frozen, appearance, init_cfg)
        preprocessor = self.model.data_preprocessor
        if preprocessor.size is None and preprocessor.size_divisor is None:
            preprocessor.size_divisor = 1

    def _sample(self, sample):
        if 'gt_sem_seg' not in sample:
            raise ValueError(
                f'{sample.get("img_path", "a pair")} has no gt_sem_seg; a segmentation driver '
                'needs masks: give the data set `data_prefix=dict(masks=...)`, or drop the '
                'segmentor from the model config'
            )
        view = FusionDataSample(metainfo=sample.metainfo)
        view.gt_sem_seg = PixelData(data=sample.gt_sem_seg.data)
        return view

    def loss(self, luma, visible, data_samples):
        """Segmentation loss of a batch of images.

        Args:
            luma (Tensor): (B, 1, H, W) in [0, 1].
            visible (Tensor): (B, 3, H, W) RGB in [0, 1], for ``appearance='colour'``.
            data_samples (list[FusionDataSample]): With ``gt_sem_seg`` (1, H, W).

        Returns:
            dict[str, Tensor]: The kept terms, scalars.

        Raises:
            ValueError: A sample has no mask, or no term is kept.
        """
        batch = self.model.data_preprocessor(
            {
                'inputs': network_images(luma, visible, self.appearance),
                'data_samples': [self._sample(sample) for sample in data_samples],
            },
            training=True,
        )
        return self.keep_terms(self.model.loss(batch['inputs'], batch['data_samples']))

    def _predict(self, images, data_samples):
        size = tuple(images[0].shape[-2:])
        samples = [plain_sample(sample, size) for sample in data_samples]
        batch = self.model.data_preprocessor(
            {'inputs': images, 'data_samples': samples},
            training=True,  # In training it pads; in testing only if its config says how.
        )
        padded = tuple(batch['inputs'].shape[-2:])
        for sample in batch['data_samples']:
            sample.set_metainfo({'img_shape': padded, 'pad_shape': padded})
        found = self.model.predict(batch['inputs'], batch['data_samples'])
        masks = []
        for sample, own in zip(found, data_samples, strict=True):
            height, width = own.img_shape[:2]
            masks.append(PixelData(data=sample.pred_sem_seg.data[:, :height, :width].long()))
        return masks
