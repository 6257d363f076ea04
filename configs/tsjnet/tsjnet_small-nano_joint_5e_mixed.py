# The weights tsjnet-small: the paper's structure at a quarter of its width, its losses, and
# small frozen drivers, on small crops of more pairs.
_base_ = [
    '../_base_/models/tsjnet_small.py',
    '../_base_/models/losses_mff.py',
    '../_base_/models/detector_yolox-nano.py',
    '../_base_/models/segmentor_espnetv2.py',
    '../_base_/datasets/mixed_labelled.py',
    '../_base_/schedules/adamw_cosine_50e.py',
    '../_base_/default_runtime.py',
]
model = dict(
    type='JointFusor',
    fusor=dict(_base_.fusor, losses=_base_.losses),
    detector=_base_.detector,
    segmentor=_base_.segmentor,
    predict_drivers=False,
)
cropping = [dict(type='RandomCropPair', crop_size=(96, 128)), *_base_.cropping[1:]]
train_dataloader = dict(
    batch_size=2,
    dataset=dict(
        datasets=[
            dict(part, pipeline=[*part.pipeline[:-3], *cropping])
            for part in (_base_.roadscene, _base_.msrs, _base_.llvip, _base_.m3svd)
        ]
    ),
)
optim_wrapper = dict(optimizer=dict(lr=1e-3))
train_cfg = dict(max_epochs=5, val_interval=5)
