"""Joint training of a fusor with a detector and a segmentor (TSJNet, Eq. 7)."""

from typing import Any

import torch
from torch import Tensor

from tsjnet_mm.registry import MODELS
from tsjnet_mm.structures import FusionDataSample
from tsjnet_mm.utils import rgb_to_luma

from .base import BaseFusor


@MODELS.register_module()
class JointFusor(BaseFusor):
    """A fusor driven by task networks: L_all = L_MFF + L_Det + L_Seg.

    L_Det sums the detector's loss on the infrared, the visible and the fused image (Eq. 11).
    Of a frozen detector the first two are constants, so they are left out of the loss, and
    computed, without gradients, only for the log.

    Args:
        fusor (dict): Config of the fusion network, e.g. :class:`TSJNet` with losses.
        detector (dict, optional): Config of a :class:`DetectionDriver`.
        segmentor (dict, optional): Config of a :class:`SegmentationDriver`.
        object_loss (dict, optional): Config of an :class:`ObjectBrightnessLoss`. It compares
            the detector's scores of the labelled objects in the two sources, at the cost of
            two passes without gradients. Not in the paper.
        log_sources (bool): With a frozen detector, log its loss on the infrared and the
            visible image, at the cost of two passes. Defaults to False.
        predict_drivers (bool): In validation and testing, let the drivers predict on the
            fused, the infrared and the visible image, so that :class:`FusionMetric` can tell
            how well they do on each; three passes of each driver. Defaults to True.
        **options: ``data_preprocessor`` and ``init_cfg``, see :class:`BaseFusor`.

    Raises:
        ValueError: There is an ``object_loss`` and no detector.
    """

    def __init__(
        self,
        fusor: dict,
        detector: dict | None = None,
        segmentor: dict | None = None,
        object_loss: dict | None = None,
        log_sources: bool = False,
        predict_drivers: bool = True,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.fusor = MODELS.build(fusor)
        self.detector = None if detector is None else MODELS.build(detector)
        self.segmentor = None if segmentor is None else MODELS.build(segmentor)
        if object_loss is not None and detector is None:
            raise ValueError('object_loss needs a detector, which sees the objects')
        self.object_loss = None if object_loss is None else MODELS.build(object_loss)
        self.log_sources = log_sources
        self.predict_drivers = predict_drivers
        self.min_size = self.fusor.min_size

    def for_inference(self, dtype: torch.dtype = torch.float32) -> BaseFusor:
        """See :meth:`BaseFusor.for_inference`; the drivers stay behind."""
        return self.fusor.for_inference(dtype)

    def fuse_luma(self, ir: Tensor, vi: Tensor) -> Tensor:
        """See :meth:`BaseFusor.fuse_luma`."""
        return self.fusor.fuse_luma(ir, vi)

    def _add_predictions(self, fused, inputs, data_samples):
        """Predictions of the drivers on the fused, the infrared and the visible image."""
        visible = inputs['vi']
        images = {'': fused, 'ir_': inputs['ir'], 'vi_': rgb_to_luma(visible)}
        drivers = {'pred_instances': self.detector, 'pred_sem_seg': self.segmentor}
        for field, driver in drivers.items():
            if driver is None or not self.predict_drivers:
                continue
            for prefix, luma in images.items():
                found = driver.predict(luma, visible, data_samples)
                for sample, prediction in zip(data_samples, found, strict=True):
                    setattr(sample, prefix + field, prediction)
        for key, driver in (
            ('undetectable', self.detector),
            ('unsegmentable', self.segmentor),
        ):
            for sample in data_samples if driver is not None and driver.unknown else ():
                sample.set_metainfo({key: driver.unknown})

    def _detection_losses(self, outputs, visible, data_samples):
        losses = {}
        for name in ('fused', 'ir', 'vi'):
            constant = self.detector.frozen and name != 'fused'
            if constant and not self.log_sources:
                continue
            with torch.set_grad_enabled(not constant):
                terms = self.detector.loss(outputs[name], visible, data_samples)
            for term, value in terms.items():
                # The Runner sums what has "loss" in its name; constants are only logged.
                term = term.replace('loss_', '') if constant else term
                losses[f'det_{name}.{term}'] = value
        return losses

    def _object_loss(self, outputs, visible, data_samples):
        scores = (
            self.detector.object_scores(outputs[name], visible, data_samples)
            for name in ('ir', 'vi')
        )
        bboxes = [sample.gt_instances.bboxes for sample in data_samples]
        return {'loss_objects': self.object_loss(outputs, bboxes, *scores)}

    def check_drivers(self, metainfo: dict) -> None:
        """Whether the drivers can drive a training on a data set; before its first step.

        Args:
            metainfo (dict): The data set's: ``classes`` and ``seg_classes``.

        Raises:
            ValueError: A frozen driver has random weights, or a driver's classes are not the
                data set's; the message says what to write.
        """
        for driver in (self.detector, self.segmentor):
            if driver is not None:
                driver.check(metainfo)

    def loss(
        self, inputs: dict, data_samples: list[FusionDataSample] | None = None
    ) -> dict[str, Tensor]:
        """All terms of Eq. 7, see :meth:`BaseFusor.forward`.

        Returns:
            dict[str, Tensor]: ``loss_*`` of the fusor, ``det_fused.*`` (and ``det_ir.*``,
            ``det_vi.*``) of the detector, ``loss_objects``, ``seg.*`` of the segmentor.
        """
        visible = inputs['vi']
        outputs = self.fusor.fuse_for_training(inputs['ir'], visible)
        losses = self.fusor.fusion_losses(outputs)
        if self.detector is not None:
            losses.update(self._detection_losses(outputs, visible, data_samples))
        if self.object_loss is not None:
            losses.update(self._object_loss(outputs, visible, data_samples))
        if self.segmentor is not None:
            terms = self.segmentor.loss(outputs['fused'], visible, data_samples)
            losses.update({f'seg.{term}': value for term, value in terms.items()})
        return losses
