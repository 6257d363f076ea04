# Test a TSJNet trained on MSRS on TNO, as in the paper's second version.
_base_ = [
    '../_base_/models/tsjnet_official.py',
    '../_base_/datasets/tno.py',
    '../_base_/default_runtime.py',
]
model = _base_.fusor
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
