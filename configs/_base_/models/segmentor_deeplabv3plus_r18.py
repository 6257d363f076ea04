# A small segmentation driver for CPUs and demonstrations; it trains along.
segmentor = dict(
    type='SegmentationDriver',
    config='mmseg::_base_/models/deeplabv3plus_r50-d8.py',
    model=dict(
        pretrained=None,
        backbone=dict(
            depth=18, norm_cfg=dict(type='BN'), dilations=(1, 1, 1, 1), strides=(1, 2, 2, 1)
        ),
        decode_head=dict(
            in_channels=512,
            channels=64,
            c1_in_channels=64,
            c1_channels=16,
            dilations=(1, 6, 12, 18),
            norm_cfg=dict(type='BN'),
            loss_decode=dict(avg_non_ignore=True),
        ),
        auxiliary_head=None,
    ),
    num_classes=9,
    frozen=False,
)
