# A small segmentation driver for CPUs and demonstrations; it trains along.
_base_ = ['mmseg::_base_/models/deeplabv3plus_r50-d8.py']
_base_.pop('data_preprocessor')
_base_.pop('norm_cfg')
segmentor = dict(
    type='SegmentationDriver',
    model=dict(_base_.pop('model'), pretrained=None, auxiliary_head=None),
    frozen=False,
)
segmentor['model']['backbone'].update(
    depth=18, norm_cfg=dict(type='BN'), dilations=(1, 1, 1, 1), strides=(1, 2, 2, 1)
)
segmentor['model']['decode_head'].update(
    in_channels=512,
    channels=64,
    c1_in_channels=64,
    c1_channels=16,
    dilations=(1, 6, 12, 18),
    num_classes=9,
    norm_cfg=dict(type='BN'),
)
segmentor['model']['decode_head']['loss_decode']['avg_non_ignore'] = True
