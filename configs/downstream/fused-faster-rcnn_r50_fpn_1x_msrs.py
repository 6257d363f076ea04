# Faster R-CNN behind a frozen fusor: mmdet's config, and what makes it a fused one.
_base_ = [
    'mmdet::_base_/models/faster-rcnn_r50_fpn.py',
    'mmdet::_base_/schedules/schedule_1x.py',
    'mmdet::_base_/default_runtime.py',
    '../_base_/datasets/msrs_fused_detection.py',
]
detector = _base_.pop('model')
detector['roi_head']['bbox_head']['num_classes'] = 3
model = dict(type='tsjnet_mm.FusedDetector', detector=detector, fusor='tsjnet-light')
default_hooks = dict(visualization=dict(type='tsjnet_mm.FusedVisualizationHook'))
