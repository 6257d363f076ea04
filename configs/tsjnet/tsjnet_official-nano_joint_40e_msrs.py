# The paper's network, losses and schedule with small frozen drivers that know COCO's objects
# and Cityscapes' scenes: YOLOX-nano and ESPNetv2.
_base_ = [
    '../_base_/models/tsjnet_official.py',
    '../_base_/models/losses_mff.py',
    '../_base_/models/detector_yolox-nano.py',
    '../_base_/models/segmentor_espnetv2.py',
    '../_base_/datasets/msrs.py',
    '../_base_/schedules/adam_plateau_40e.py',
    '../_base_/default_runtime.py',
]
model = dict(
    type='JointFusor',
    fusor=dict(_base_.fusor, losses=_base_.losses),
    detector=_base_.detector,
    segmentor=_base_.segmentor,
)
