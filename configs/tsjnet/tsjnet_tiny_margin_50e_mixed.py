# The fastest preset, trained as the shipped weights of tsjnet-light: first stage.
_base_ = [
    '../_base_/models/tsjnet_tiny.py',
    '../_base_/models/losses_margin.py',
    '../_base_/datasets/mixed.py',
    '../_base_/schedules/adamw_cosine_50e.py',
    '../_base_/default_runtime.py',
]
model = dict(_base_.fusor, losses=_base_.losses)
