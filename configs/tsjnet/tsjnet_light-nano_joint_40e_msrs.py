# The paper's losses with small frozen drivers that know COCO's objects and Cityscapes' scenes
# (YOLOX-nano, ESPNetv2), on crops: joint training, and the ablations of Table 3, on a CPU.
_base_ = [
    '../_base_/models/tsjnet_light.py',
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
