"""Detection driver (TSJNet, section 4.2): any mmdet detector, its regression loss."""

import torch
from mmengine.structures import InstanceData

from tsjnet_mm.registry import MODELS
from tsjnet_mm.structures import FusionDataSample

from .base import BaseDriver, network_images, plain_sample


@MODELS.register_module()
class DetectionDriver(BaseDriver):
    """Wraps an mmdet detector, two-stage or one-stage.

    Args:
        model (dict): Config of the detector.
        loss_terms (Sequence[str]): See :class:`BaseDriver`. Defaults to the names that
            regression terms carry in mmdet, so that the classification loss is left out, as
            in the paper.
        label_map (Sequence[int], optional): The detector's class of each of the data set's
            classes, -1 for none, e.g. when a detector pretrained on COCO drives the fusion.
            Defaults to the same classes.
        loss_weight (float): Factor of the terms. Defaults to 1.
        frozen (bool): See :class:`BaseDriver`. Defaults to True.
        appearance (str): See :class:`BaseDriver`. Defaults to ``'grey'``.
        init_cfg (dict, optional): Initialisation.
    """

    def __init__(
        self,
        model,
        loss_terms=('*loss*bbox*', '*loss*reg*', '*loss_iou*', '*loss_l1*', '*loss_dfl*'),
        label_map=None,
        loss_weight=1.0,
        frozen=True,
        appearance='grey',
        init_cfg=None,
    ):
        super().__init__(model, 'mmdet', loss_terms, loss_weight, frozen, appearance, init_cfg)
        self.label_map = None if label_map is None else torch.tensor(label_map)

    def _sample(self, sample):
        if 'gt_instances' not in sample:
            raise ValueError(
                f'{sample.get("img_path", "a pair")} has no gt_instances; a detection driver '
                'needs boxes: give the data set `data_prefix=dict(boxes=...)`, or drop the '
                'detector from the model config'
            )
        view = FusionDataSample(metainfo=sample.metainfo)
        instances = sample.gt_instances
        if self.label_map is not None:
            labels = self.label_map.to(instances.labels.device)[instances.labels]
            known = labels >= 0
            instances = InstanceData(bboxes=instances.bboxes[known], labels=labels[known])
        view.gt_instances = instances
        if 'ignored_instances' in sample:
            view.ignored_instances = sample.ignored_instances
        return view

    def loss(self, luma, visible, data_samples):
        """Detection loss of a batch of images.

        Args:
            luma (Tensor): (B, 1, H, W) in [0, 1]: the fused, infrared or visible image.
            visible (Tensor): (B, 3, H, W) RGB in [0, 1], for ``appearance='colour'``.
            data_samples (list[FusionDataSample]): With ``gt_instances``.

        Returns:
            dict[str, Tensor]: The kept terms, scalars.

        Raises:
            ValueError: A sample has no boxes, or no term is kept.
        """
        batch = self.model.data_preprocessor(
            {
                'inputs': network_images(luma, visible, self.appearance),
                'data_samples': [self._sample(sample) for sample in data_samples],
            }
        )
        return self.keep_terms(self.model.loss(batch['inputs'], batch['data_samples']))

    def _predict(self, images, data_samples):
        samples = [plain_sample(sample, sample.img_shape[:2]) for sample in data_samples]
        batch = self.model.data_preprocessor({'inputs': images, 'data_samples': samples})
        found = self.model.predict(batch['inputs'], batch['data_samples'])
        return [self._in_own_classes(sample.pred_instances) for sample in found]

    def _in_own_classes(self, found):
        """Detections in the data set's classes, without those that it does not have."""
        labels = found.labels
        known = torch.ones_like(labels, dtype=torch.bool)
        if self.label_map is not None:
            # Of classes that share one of the detector's, the first.
            matches = labels[:, None] == self.label_map.to(labels.device)[None]
            known = matches.any(1)
            labels = matches.int().argmax(1)
        return InstanceData(
            bboxes=found.bboxes[known], scores=found.scores[known], labels=labels[known]
        )
