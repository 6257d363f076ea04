# RetinaNet behind a fusor that its losses train along, at a tenth of its learning rate.
_base_ = [
    'mmdet::_base_/models/retinanet_r50_fpn.py',
    'mmdet::_base_/schedules/schedule_1x.py',
    'mmdet::_base_/default_runtime.py',
    '../_base_/datasets/msrs_fused_detection.py',
]
detector = _base_.pop('model')
detector['bbox_head']['num_classes'] = 3
model = dict(
    type='tsjnet_mm.FusedDetector', detector=detector, fusor='tsjnet-light', frozen=False
)
optim_wrapper = dict(
    optimizer=dict(lr=0.01),
    clip_grad=dict(max_norm=10),
    paramwise_cfg=dict(custom_keys=dict(fusor=dict(lr_mult=0.1))),
)
default_hooks = dict(visualization=dict(type='tsjnet_mm.FusedVisualizationHook'))
