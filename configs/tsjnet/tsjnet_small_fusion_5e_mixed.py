# First stage of `small`: the paper's fusion losses alone, on small crops. At random weights the
# gradients of frozen drivers are two hundred times those of these losses.
_base_ = [
    '../_base_/models/tsjnet_small.py',
    '../_base_/models/losses_mff.py',
    '../_base_/datasets/mixed_labelled.py',
    '../_base_/schedules/adamw_cosine_50e.py',
    '../_base_/default_runtime.py',
]
model = dict(_base_.fusor, losses=_base_.losses)
cropping = [dict(type='RandomCropPair', crop_size=(96, 128)), *_base_.cropping[1:]]
train_dataloader = dict(
    batch_size=2,
    dataset=dict(
        datasets=[
            dict(part, annotations=[], pipeline=[*part.pipeline[:-3], *cropping])
            for part in (_base_.roadscene, _base_.msrs, _base_.llvip, _base_.m3svd)
        ]
    ),
)
optim_wrapper = dict(optimizer=dict(lr=1e-3))
train_cfg = dict(max_epochs=5, val_interval=5)
