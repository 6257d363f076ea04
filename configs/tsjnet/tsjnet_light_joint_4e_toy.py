# A whole joint training in minutes on two CPU cores: the light preset from its shipped weights,
# small drivers from random ones, drawn scenes (tools/dataset_converters/make_toy.py). It is not
# validated on the way, since the quickstart tests its end.
_base_ = [
    '../_base_/models/tsjnet_light.py',
    '../_base_/models/losses_release.py',
    '../_base_/models/detector_faster-rcnn_r18_fpn.py',
    '../_base_/models/segmentor_deeplabv3plus_r18.py',
    '../_base_/datasets/msrs.py',
    '../_base_/schedules/adam_plateau_40e.py',
    '../_base_/default_runtime.py',
]
model = dict(
    type='JointFusor',
    fusor=dict(
        _base_.fusor,
        losses=_base_.losses,
        init_cfg=dict(type='Pretrained', checkpoint='tsjnet_mm://tsjnet-light'),
    ),
    detector=_base_.detector,
    segmentor=_base_.segmentor,
)

data_root = 'data/toy/'
train_pipeline = [
    dict(type='LoadPair'),
    dict(type='LoadPairAnnotations'),
    dict(type='RandomCropPair', crop_size=(96, 128)),
    dict(type='RandomFlipPair', prob=0.5),
    dict(type='PackFusionInputs'),
]
train_dataloader = dict(
    batch_size=4,
    num_workers=0,
    persistent_workers=False,
    dataset=dict(data_root=data_root, pipeline=train_pipeline),
)
val_dataloader = dict(
    num_workers=0, persistent_workers=False, dataset=dict(data_root=data_root)
)
test_dataloader = val_dataloader
optim_wrapper = dict(
    type='OptimWrapper',
    paramwise_cfg=dict(_delete_=True),
)
train_cfg = dict(max_epochs=4, val_begin=5)
default_hooks = dict(logger=dict(interval=4))
