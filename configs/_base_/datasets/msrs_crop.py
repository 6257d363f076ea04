# MSRS in crops, loaded by the training process itself: for small drivers on a CPU.
_base_ = './msrs.py'

train_pipeline = [
    dict(type='LoadPair'),
    dict(type='LoadPairAnnotations'),
    dict(type='RandomCropPair', crop_size=(160, 192)),
    dict(type='RandomFlipPair', prob=0.5),
    dict(type='PackFusionInputs'),
]
train_dataloader = dict(
    num_workers=0, persistent_workers=False, dataset=dict(pipeline=train_pipeline)
)
