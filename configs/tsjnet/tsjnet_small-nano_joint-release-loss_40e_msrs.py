# With the fusion loss of the authors' release instead of the paper's.
_base_ = [
    '../_base_/models/tsjnet_small.py',
    '../_base_/models/losses_release.py',
    '../_base_/models/detector_yolox-nano.py',
    '../_base_/models/segmentor_espnetv2.py',
    '../_base_/datasets/msrs_crop.py',
    '../_base_/schedules/adam_plateau_40e.py',
    '../_base_/default_runtime.py',
]
model = dict(
    type='JointFusor',
    fusor=dict(_base_.fusor, losses=_base_.losses),
    detector=_base_.detector,
    segmentor=_base_.segmentor,
)
optim_wrapper = dict(type='OptimWrapper', paramwise_cfg=dict(_delete_=True))
train_cfg = dict(val_interval=40)
