# Crops of the pairs of mixed.py, less M3FD's, with boxes and masks that
#     TSJNET_DRIVERS=checkpoints bash tools/label_training_pairs.sh data data/labelled
# makes; MSRS keeps its own boxes. LLVIP is brought near 640x480. One crop a step.
_base_ = './mixed.py'

data_root = 'data/labelled/'
classes = dict(
    classes=('person', 'bicycle', 'car'),
    seg_classes=(
        'background',
        'car',
        'person',
        'bike',
        'curve',
        'car_stop',
        'guardrail',
        'color_cone',
        'bump',
    ),
)
loading = [dict(type='LoadPair'), dict(type='LoadPairAnnotations')]
cropping = [
    dict(type='RandomCropPair', crop_size=(256, 320)),
    dict(type='RandomFlipPair', prob=0.5),
    dict(type='PackFusionInputs'),
]
roadscene = dict(
    type='FolderDataset',
    data_root=data_root + 'roadscene',
    metainfo=classes,
    annotations=['boxes', 'masks'],
    pipeline=loading + cropping,
)
m3svd = dict(roadscene, data_root=data_root + 'm3svd')
msrs = dict(roadscene, data_root=data_root + 'msrs')
llvip = dict(
    roadscene,
    data_root=data_root + 'llvip',
    pipeline=[*loading, dict(type='ResizePair', scale_factor=0.5), *cropping],
)
train_dataloader = dict(
    _delete_=True,
    batch_size=1,
    num_workers=0,
    persistent_workers=False,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(type='ConcatDataset', datasets=[roadscene, msrs, llvip, m3svd]),
)
