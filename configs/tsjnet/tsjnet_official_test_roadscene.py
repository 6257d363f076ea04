# Test a TSJNet trained on MSRS on RoadScene, as in Table 1.
_base_ = [
    '../_base_/models/tsjnet_official.py',
    '../_base_/datasets/roadscene.py',
    '../_base_/default_runtime.py',
]
model = _base_.fusor
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
