# Test a TSJNet trained on MSRS on UMS, as in the paper's second version.
_base_ = [
    '../_base_/models/tsjnet_official.py',
    '../_base_/datasets/ums.py',
    '../_base_/default_runtime.py',
]
model = _base_.fusor
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
