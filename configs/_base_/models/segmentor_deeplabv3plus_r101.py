# The paper's segmentation driver, pretrained on Cityscapes. Its last layer is new (nine
# classes), so it trains along (Eq. 2), at the learning rate of the schedule's `segmentor` key.
# Eq. 13 is the cross entropy of one output: no auxiliary head.
_base_ = ['mmseg::_base_/models/deeplabv3plus_r50-d8.py']
_base_.pop('data_preprocessor')
_base_.pop('norm_cfg')
segmentor = dict(
    type='SegmentationDriver',
    model=dict(
        _base_.pop('model'),
        pretrained=None,
        auxiliary_head=None,
        init_cfg=dict(
            type='Pretrained',
            checkpoint='https://download.openmmlab.com/mmsegmentation/v0.5/deeplabv3plus/'
            'deeplabv3plus_r101-d8_512x1024_80k_cityscapes/'
            'deeplabv3plus_r101-d8_512x1024_80k_cityscapes_20200606_114143-068fcfe9.pth',
        ),
    ),
    frozen=False,
)
segmentor['model']['backbone']['depth'] = 101
segmentor['model']['decode_head']['num_classes'] = 9
segmentor['model']['decode_head']['loss_decode']['avg_non_ignore'] = True
