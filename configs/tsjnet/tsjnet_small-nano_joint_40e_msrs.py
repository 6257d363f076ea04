# The losses of the paper and the structure of `official` at a quarter of its width, with small
# drivers that know COCO's objects and Cityscapes' scenes, frozen, on crops.
_base_ = [
    '../_base_/models/tsjnet_small.py',
    '../_base_/models/losses_mff.py',
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
