# The fusion network alone: no detector, no segmentor, no labels needed.
_base_ = [
    '../_base_/models/tsjnet_light.py',
    '../_base_/models/losses_mff.py',
    '../_base_/datasets/msrs.py',
    '../_base_/schedules/adam_plateau_40e.py',
    '../_base_/default_runtime.py',
]
model = dict(_base_.fusor, losses=_base_.losses)
train_dataloader = dict(dataset=dict(annotations=[]))
