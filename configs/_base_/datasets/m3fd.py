# M3FD: testing on the 300 pairs of the fusion archive; for the 4200 with boxes set
# data_root to the detection archive.
dataset_type = 'M3FDDataset'
data_root = 'data/M3FD_Fusion/'

test_pipeline = [
    dict(type='LoadPair'),
    dict(type='LoadPairAnnotations'),
    dict(type='PackFusionInputs'),
]

val_dataloader = dict(
    batch_size=1,
    num_workers=2,
    persistent_workers=True,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        test_mode=True,
        pipeline=test_pipeline,
    ),
)
test_dataloader = val_dataloader
