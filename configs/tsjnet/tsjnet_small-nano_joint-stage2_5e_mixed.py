# Second stage of `small`: with small frozen drivers, the regression terms of the detector.
_base_ = [
    './tsjnet_small_fusion_5e_mixed.py',
    '../_base_/models/detector_yolox-nano.py',
    '../_base_/models/segmentor_espnetv2.py',
]
model = dict(
    _delete_=True,
    type='JointFusor',
    fusor=dict(
        _base_.fusor,
        losses=_base_.losses,
        init_cfg=dict(
            type='Pretrained', checkpoint='work_dirs/tsjnet_small_fusion_5e_mixed/epoch_5.pth'
        ),
    ),
    detector=_base_.detector,
    segmentor=_base_.segmentor,
    predict_drivers=False,
)
train_dataloader = dict(
    dataset=dict(
        datasets=[
            dict(part, annotations=['boxes', 'masks'])
            for part in _base_.train_dataloader.dataset.datasets
        ]
    )
)
