"""The data sample of a pair: its annotations, and the results of a model."""

from mmengine.structures import BaseDataElement, InstanceData, PixelData


def _field(name, kind, doc):
    private = f'_{name}'

    def getter(self):
        return getattr(self, private)

    def setter(self, value):
        self.set_field(value, private, dtype=kind)

    def deleter(self):
        delattr(self, private)

    return property(getter, setter, deleter, doc)


class FusionDataSample(BaseDataElement):
    """Annotations and results of one infrared and visible pair.

    The fields carry the names that mmdet's and mmseg's heads read, so a sample goes into
    either's ``loss`` and ``predict`` unchanged.

    Metainfo: ``ir_path``, ``vi_path``, ``img_path`` (the visible one, for mmdet's and
    mmseg's tools), ``ori_shape`` and ``img_shape`` (H, W), ``scale_factor`` (w, h),
    ``flip``, ``flip_direction``; in a batch also ``batch_input_shape`` and ``pad_shape``.
    """

    gt_instances = _field(
        'gt_instances', InstanceData, 'True objects: ``bboxes`` (N, 4) xyxy, ``labels`` (N,).'
    )
    ignored_instances = _field(
        'ignored_instances', InstanceData, 'Objects neither to be found nor to be missed.'
    )
    gt_sem_seg = _field(
        'gt_sem_seg', PixelData, 'True classes: ``data`` (1, H, W) int64, 255 is ignored.'
    )
    fused = _field('fused', PixelData, 'Fused luma: ``data`` (1, H, W) float in [0, 1].')
    pred_instances = _field(
        'pred_instances', InstanceData, 'Found objects: ``bboxes``, ``scores``, ``labels``.'
    )
    pred_sem_seg = _field('pred_sem_seg', PixelData, 'Found classes: ``data`` (1, H, W) int64.')
    ir_pred_instances = _field(
        'ir_pred_instances', InstanceData, 'Found in the infrared image.'
    )
    ir_pred_sem_seg = _field('ir_pred_sem_seg', PixelData, 'Found in the infrared image.')
    vi_pred_instances = _field('vi_pred_instances', InstanceData, 'Found in the visible image.')
    vi_pred_sem_seg = _field('vi_pred_sem_seg', PixelData, 'Found in the visible image.')
