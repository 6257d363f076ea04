# The paper's detection driver, pretrained on COCO, whose first three classes are MSRS's person,
# bicycle and car. Frozen: a regression-only loss would not keep a detector a detector.
_base_ = ['mmdet::_base_/models/faster-rcnn_r50_fpn.py']
detector = dict(
    type='DetectionDriver',
    model=dict(
        _base_.pop('model'),
        init_cfg=dict(
            type='Pretrained',
            checkpoint='https://download.openmmlab.com/mmdetection/v2.0/faster_rcnn/'
            'faster_rcnn_r50_fpn_1x_coco/faster_rcnn_r50_fpn_1x_coco_20200130-047c8118.pth',
        ),
    ),
    label_map=[0, 1, 2],
    frozen=True,
)
detector['model']['backbone']['init_cfg'] = None
