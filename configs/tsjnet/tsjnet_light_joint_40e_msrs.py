# The light preset with the paper's drivers, losses and schedule.
_base_ = [
    '../_base_/models/tsjnet_light.py',
    '../_base_/models/losses_mff.py',
    '../_base_/models/detector_faster-rcnn_r50_fpn.py',
    '../_base_/models/segmentor_deeplabv3plus_r101.py',
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
