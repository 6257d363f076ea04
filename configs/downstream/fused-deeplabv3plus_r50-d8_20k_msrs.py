# DeepLabV3+ behind a frozen fusor.
_base_ = [
    'mmseg::_base_/models/deeplabv3plus_r50-d8.py',
    'mmseg::_base_/schedules/schedule_20k.py',
    'mmseg::_base_/default_runtime.py',
    '../_base_/datasets/msrs_fused_segmentation.py',
]
segmentor = _base_.pop('model')
segmentor['data_preprocessor']['size'] = (480, 480)
for head in ('decode_head', 'auxiliary_head'):
    segmentor[head]['num_classes'] = 9
model = dict(type='tsjnet_mm.FusedSegmentor', segmentor=segmentor, fusor='tsjnet-light')
default_hooks = dict(visualization=dict(type='tsjnet_mm.FusedVisualizationHook'))
