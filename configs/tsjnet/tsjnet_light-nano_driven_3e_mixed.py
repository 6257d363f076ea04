# The weights tsjnet-driven: tsjnet-light trained further by frozen drivers (YOLOX-nano,
# ESPNetv2), all of their terms, and towards the brightness of the source in which the detector
# sees each object better, and nearly the visible image's elsewhere. The error to both sources
# counts less than before, since it asks for the mean of their brightness.
_base_ = [
    '../_base_/models/tsjnet_light.py',
    '../_base_/models/losses_margin.py',
    '../_base_/models/detector_yolox-nano.py',
    '../_base_/models/segmentor_espnetv2.py',
    '../_base_/datasets/mixed_labelled.py',
    '../_base_/schedules/adamw_cosine_50e.py',
    '../_base_/default_runtime.py',
]
losses = dict(
    _base_.losses,
    mse=dict(_base_.losses.mse, loss_weight=0.5),
    cc=dict(_base_.losses.cc, loss_weight=1.0),
    qabf=dict(_base_.losses.qabf, loss_weight=5.0),
)
model = dict(
    type='JointFusor',
    fusor=dict(
        _base_.fusor,
        losses=losses,
        init_cfg=dict(type='Pretrained', checkpoint='tsjnet_mm://tsjnet-light'),
    ),
    detector=dict(_base_.detector, loss_terms=['loss*']),
    segmentor=_base_.segmentor,
    predict_drivers=False,
    object_loss=dict(
        type='ObjectBrightnessLoss', grow=0.1, share=1.0, background=0.8, loss_weight=100.0
    ),
)
optim_wrapper = dict(optimizer=dict(lr=1e-3))
train_cfg = dict(max_epochs=3, val_interval=3)
