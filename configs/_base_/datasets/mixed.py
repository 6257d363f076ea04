# The pairs that the shipped weights are trained on: crops, without labels, of streets by day
# and by night. splits/ lists them, so that larger copies of these data sets give the same
# pairs. MSRS's test pairs are never trained on; of the 171 RoadScene pairs that most papers do
# not test on, 21 are held out, near-duplicates on one side (splits/README.md).
splits = '{{ fileDirname }}/splits/'
crop_size = 192

loading = [dict(type='LoadPair')]
cropping = [
    dict(type='PadPair', size=crop_size, mode='reflect'),
    dict(type='RandomCropPair', crop_size=crop_size),
    dict(type='RandomFlipPair', prob=0.5),
    dict(type='PackFusionInputs'),
]
# Larger images are brought near 640x480 first.
roadscene = dict(
    type='RoadSceneDataset',
    data_root='data/RoadScene/',
    ann_file=splits + 'roadscene_train.txt',
    annotations=[],
    pipeline=loading + cropping,
)
msrs = dict(
    type='MSRSDataset',
    data_root='data/MSRS/',
    ann_file=splits + 'msrs_train.txt',
    annotations=[],
    pipeline=loading + cropping,
)
m3svd = dict(
    type='FolderDataset',
    data_root='data/M3SVD/0111_1716/',
    ann_file=splits + 'm3svd_train.txt',
    annotations=[],
    pipeline=loading + cropping,
)
llvip = dict(
    type='LLVIPDataset',
    data_root='data/LLVIP/',
    ann_file=splits + 'llvip_train.txt',
    annotations=[],
    pipeline=[*loading, dict(type='ResizePair', scale_factor=0.5), *cropping],
)
m3fd = dict(
    type='M3FDDataset',
    data_root='data/M3FD/',
    ann_file=splits + 'm3fd_train.txt',
    annotations=[],
    pipeline=[*loading, dict(type='ResizePair', scale_factor=0.75), *cropping],
)
# 150, 34 (three times), 32 (twice), 20 and 6 (four times) pairs: 360 crops an epoch.
train_dataloader = dict(
    batch_size=4,
    num_workers=0,  # the shipped weights were: workers draw other crops
    persistent_workers=False,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type='ConcatDataset',
        ignore_keys=['classes', 'palette', 'seg_classes', 'seg_palette'],
        datasets=[
            roadscene,
            dict(type='RepeatDataset', times=3, dataset=msrs),
            dict(type='RepeatDataset', times=2, dataset=llvip),
            m3svd,
            dict(type='RepeatDataset', times=4, dataset=m3fd),
        ],
    ),
)
val_dataloader = dict(
    batch_size=1,
    num_workers=1,
    persistent_workers=True,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='RoadSceneDataset',
        data_root='data/RoadScene/',
        ann_file=splits + 'roadscene_heldout.txt',
        test_mode=True,
        pipeline=[
            dict(type='LoadPair'),
            dict(type='LoadPairAnnotations'),
            dict(type='PackFusionInputs'),
        ],
    ),
)
test_dataloader = val_dataloader
