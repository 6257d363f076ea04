# The paper's detection driver, pretrained on COCO, whose first three classes are MSRS's person,
# bicycle and car. Frozen: a regression-only loss would not keep a detector a detector.
detector = dict(
    type='DetectionDriver',
    config='mmdet::faster_rcnn/faster-rcnn_r50_fpn_1x_coco.py',
    weights='published',
    label_map=[0, 1, 2],
)
