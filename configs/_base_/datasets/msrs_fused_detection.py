# MSRS for fused detectors: mmdet's pipeline, on images of four channels.
custom_imports = dict(imports=['tsjnet_mm.registry'], allow_failed_imports=False)
data_root = 'data/MSRS/'

train_pipeline = [
    dict(type='tsjnet_mm.LoadImagePair'),
    dict(type='LoadAnnotations', with_bbox=True),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackDetInputs'),
]
test_pipeline = [
    dict(type='tsjnet_mm.LoadImagePair'),
    dict(type='Resize', scale_factor=1.0),  # mmdet's heads ask for a scale_factor
    dict(type='LoadAnnotations', with_bbox=True),
    dict(
        type='PackDetInputs',
        # CocoMetric takes the truth from `instances`.
        meta_keys=(
            'img_id',
            'img_path',
            'ori_shape',
            'img_shape',
            'scale_factor',
            'instances',
        ),
    ),
]

train_dataloader = dict(
    batch_size=2,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type='tsjnet_mm.MSRSDataset',
        data_root=data_root,
        split='train',
        annotations=['boxes'],
        filter_cfg=dict(filter_empty_gt=True),
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    batch_size=1,
    num_workers=2,
    persistent_workers=True,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='tsjnet_mm.MSRSDataset',
        data_root=data_root,
        split='test',
        annotations=['boxes'],
        test_mode=True,
        pipeline=test_pipeline,
    ),
)
test_dataloader = val_dataloader

val_evaluator = dict(type='CocoMetric', metric='bbox')
test_evaluator = val_evaluator
