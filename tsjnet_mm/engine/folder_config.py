"""Write the config of a training on folders, for people to read and change."""

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

#: Model that is trained, from its shipped weights.
MODEL = 'tsjnet-light'
_HEAD = """\
# A training of {model} on one's own pairs, from its shipped weights. To train again:
#     tsjnet train {name}
"""
_JOINT = """\
model = dict(
    type='JointFusor',
    fusor=dict(
        _base_.fusor,
        losses=_base_.losses,
        init_cfg=dict(type='Pretrained', checkpoint='tsjnet_mm://{model}'),
    ),
{drivers})
"""
_ALONE = """\
model = dict(
    _base_.fusor,
    losses=_base_.losses,
    init_cfg=dict(type='Pretrained', checkpoint='tsjnet_mm://{model}'),
)
"""
_LOADERS = """\
load = dict(type='LoadPair'{preparation})
train_dataset = dict(
    type='FolderDataset',
    data_root='',
    {train},
    metainfo=dict({metainfo}),
    pipeline=[
        load,
        dict(type='LoadPairAnnotations'),
        dict(type='PadPair', size={crop}, mode='reflect'),
        dict(type='RandomCropPair', crop_size={crop}),
        dict(type='RandomFlipPair', prob=0.5),
        dict(type='PackFusionInputs'),
    ],
)
train_dataloader = dict(
    batch_size={batch_size},
    num_workers={workers},
    drop_last={drop_last},
    dataset=dict(_delete_=True, {dataset}),
)
"""
_VALIDATION = """\
val_dataloader = dict(
    num_workers={workers},
    persistent_workers={persistent},
    dataset=dict(
        _delete_=True,
        type='FolderDataset',
        data_root='',
        {val},
        metainfo=dict({metainfo}),
        test_mode=True,
        pipeline=[
            load,
            dict(type='LoadPairAnnotations'),
            dict(type='PackFusionInputs'),
        ],
    ),
)
test_dataloader = val_dataloader
"""
_NO_VALIDATION = """\
# One pair cannot be split: nothing is validated.
val_dataloader = val_cfg = val_evaluator = None
test_dataloader = test_cfg = test_evaluator = None
"""
# The drivers begin from random weights, and move faster than the fusor.
_DRIVERS_RATE = """\
    paramwise_cfg=dict(
        custom_keys=dict(detector=dict(lr_mult=10.0), segmentor=dict(lr_mult=10.0)),
    ),
"""
_SCHEDULE = """\
train_cfg = dict(max_epochs={epochs}, val_interval={interval})
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(lr={lr}),
{paramwise})
default_hooks = dict(logger=dict(interval={log_interval}))
work_dir = {work_dir}
"""


def folder_config(
    out: Path,
    train: Mapping[str, Any],
    val: Mapping[str, Any] | None,
    pairs: int,
    classes: Sequence[str] = (),
    seg_classes: Sequence[str] = (),
    preparation: Mapping[str, Any] | None = None,
    epochs: int = 20,
    batch_size: int = 4,
    crop: int = 192,
    workers: int = 2,
    lr: float = 1e-4,
) -> str:
    """The config of a training on folders.

    Args:
        out (Path): The run's folder, which gets the config, too.
        train (Mapping[str, Any]): Options of :class:`.FolderDataset` to train on.
        val (Mapping[str, Any] | None): The same to validate on; None: nothing is.
        pairs (int): Number of pairs to train on.
        classes (Sequence[str]): Of the boxes; none: no detector.
        seg_classes (Sequence[str]): Of the masks; none: no segmentor.
        preparation (Mapping[str, Any], optional): Options of :class:`.LoadPair`.
        epochs (int): Number of epochs.
        batch_size (int): Crops in a batch.
        crop (int): Side of the crops.
        workers (int): Processes that load images.
        lr (float): Learning rate of the fusor.

    Returns:
        str: The file: Python in mmengine's classic style.
    """
    parts, drivers = ['models/tsjnet_light', 'models/losses_margin'], ''
    metainfo = []
    for name, part, names, key in (
        ('detector', 'faster-rcnn_r18_fpn', classes, 'classes'),
        ('segmentor', 'deeplabv3plus_r18', seg_classes, 'seg_classes'),
    ):
        if names:
            parts.append(f'models/{name}_{part}')
            drivers += f'    {name}=dict(_base_.{name}, num_classes={len(names)}),\n'
            metainfo.append(f'{key}={tuple(names)!r}')
    parts += ['datasets/folder', 'schedules/adam_plateau_40e', 'default_runtime']
    bases = ''.join(f"    'tsjnet_mm::_base_/{part}.py',\n" for part in parts)
    # A segmentor normalises over the batch, and pools images to a point: it needs two.
    alone = bool(seg_classes) and pairs % batch_size == 1
    dataset = "type='RepeatDataset', times=2, dataset=train_dataset"
    common = {
        'metainfo': ', '.join(metainfo),
        'workers': workers,
        'crop': crop,
        'batch_size': batch_size,
        'drop_last': alone and pairs > 1,
        'dataset': dataset if alone and pairs == 1 else '**train_dataset',
        'persistent': workers > 0,
        'preparation': ''.join(f', {k}={v!r}' for k, v in (preparation or {}).items()),
        'train': _options(train, 4),
        'val': _options(val or {}, 8),
    }
    batches = -(-pairs // batch_size)
    schedule = _SCHEDULE.format(
        epochs=epochs,
        interval=min(5, epochs),
        lr=lr,
        paramwise=_DRIVERS_RATE if drivers else '',
        log_interval=max(1, min(50, batches)),
        work_dir=repr(str(out)),
    )
    return '\n'.join(
        [
            _HEAD.format(model=MODEL, name=shlex.quote(str(out / 'config.py'))),
            f'_base_ = [\n{bases}]',
            (_JOINT if drivers else _ALONE).format(model=MODEL, drivers=drivers),
            _LOADERS.format(**common),
            (_NO_VALIDATION if val is None else _VALIDATION).format(**common),
            schedule,
        ]
    )


def _options(options, indent):
    """Keyword arguments, one a line."""
    return f',\n{" " * indent}'.join(f'{key}={value!r}' for key, value in options.items())
