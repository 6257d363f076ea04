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
optim_wrapper = dict(optimizer=dict(lr=3e-4))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.02, by_epoch=False, end=20),
    dict(
        type='CosineAnnealingLR', by_epoch=True, convert_to_iter_based=True, eta_min_ratio=0.02
    ),
]
train_cfg = dict(max_epochs=1, val_interval=1)
