# Test a TSJNet trained on MSRS on LLVIP, as in Table 1.
_base_ = [
    '../_base_/models/tsjnet_light.py',
    '../_base_/datasets/llvip.py',
    '../_base_/default_runtime.py',
]
model = _base_.fusor
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
