# A small detection driver for CPUs and demonstrations: three classes, no pretrained weights, so
# it trains along, and all its terms count: a detector that never learns to find gives no drive.
detector = dict(
    type='DetectionDriver',
    config='mmdet::_base_/models/faster-rcnn_r50_fpn.py',
    model=dict(
        backbone=dict(depth=18, frozen_stages=-1, norm_eval=False, init_cfg=None),
        neck=dict(in_channels=[64, 128, 256, 512], out_channels=64),
        rpn_head=dict(in_channels=64, feat_channels=64, anchor_generator=dict(scales=[4])),
        roi_head=dict(
            bbox_roi_extractor=dict(out_channels=64),
            bbox_head=dict(in_channels=64, fc_out_channels=128),
        ),
        train_cfg=dict(
            rpn_proposal=dict(nms_pre=500, max_per_img=200),
            rcnn=dict(sampler=dict(num=128)),
        ),
    ),
    num_classes=3,
    frozen=False,
    loss_terms=['*loss*'],
)
