# The light preset driven by a small detector alone, which trains along: needs boxes, but
# neither masks nor pretrained weights, and a CPU will do.
_base_ = [
    '../_base_/models/tsjnet_light.py',
    '../_base_/models/losses_mff.py',
    '../_base_/models/detector_faster-rcnn_r18_fpn.py',
    '../_base_/datasets/msrs.py',
    '../_base_/schedules/adam_plateau_40e.py',
    '../_base_/default_runtime.py',
]
model = dict(
    type='JointFusor',
    fusor=dict(_base_.fusor, losses=_base_.losses),
    detector=_base_.detector,
)
train_dataloader = dict(dataset=dict(annotations=['boxes']))
