# The paper's segmentation driver, pretrained on Cityscapes. Its last layer is new (nine
# classes), so it trains along (Eq. 2), at the learning rate of the schedule's `segmentor` key.
# Eq. 13 is the cross entropy of one output: no auxiliary head.
segmentor = dict(
    type='SegmentationDriver',
    config='mmseg::_base_/models/deeplabv3plus_r50-d8.py',
    model=dict(
        pretrained=None,
        backbone=dict(depth=101),
        decode_head=dict(loss_decode=dict(avg_non_ignore=True)),
        auxiliary_head=None,
    ),
    weights='https://download.openmmlab.com/mmsegmentation/v0.5/deeplabv3plus/'
    'deeplabv3plus_r101-d8_512x1024_80k_cityscapes/'
    'deeplabv3plus_r101-d8_512x1024_80k_cityscapes_20200606_114143-068fcfe9.pth',
    num_classes=9,
    frozen=False,
)
