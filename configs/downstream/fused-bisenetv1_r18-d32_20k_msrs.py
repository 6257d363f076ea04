# BiSeNet behind a fusor that its losses train along, at a tenth of its learning rate.
_base_ = [
    'mmseg::_base_/models/bisenetv1_r18-d32.py',
    'mmseg::_base_/schedules/schedule_20k.py',
    'mmseg::_base_/default_runtime.py',
    '../_base_/datasets/msrs_fused_segmentation.py',
]
segmentor = _base_.pop('model')
segmentor['data_preprocessor']['size'] = (480, 480)
for head in [segmentor['decode_head'], *segmentor['auxiliary_head']]:
    head['num_classes'] = 9
model = dict(
    type='tsjnet_mm.FusedSegmentor', segmentor=segmentor, fusor='tsjnet-light', frozen=False
)
optim_wrapper = dict(paramwise_cfg=dict(custom_keys=dict(fusor=dict(lr_mult=0.1))))
default_hooks = dict(visualization=dict(type='tsjnet_mm.FusedVisualizationHook'))
