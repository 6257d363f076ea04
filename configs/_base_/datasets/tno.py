# TNO, in the layout that most papers use: data/TNO/{ir,vi}, one name for both images of a pair.
dataset_type = 'FolderDataset'
data_root = 'data/TNO/'

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
