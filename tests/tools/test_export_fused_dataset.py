import json
import os
import subprocess
import sys
from pathlib import Path

import mmdet
import mmseg
import numpy as np
import pytest
from PIL import Image

from tsjnet_mm.datasets.toy import write_toy_dataset

TOOL = 'export_fused_dataset.py'
BOXES = [(1, 3, 4, 10, 20), (0, 0, 0, 32, 24)]


@pytest.fixture(scope='module')
def toy(tmp_path_factory):
    root = tmp_path_factory.mktemp('data') / 'toy'
    write_toy_dataset(root, train=4, test=2, size=(96, 64))
    return root


@pytest.fixture
def mine(pair_folder):
    return pair_folder(root='mine', boxes=BOXES)


def test_exports_both_splits_and_prints_a_config(run_main, toy, tmp_path):
    arguments = [
        *(TOOL, '--dataset', 'msrs', '--data-root', toy, '--layout', 'coco', 'mmseg'),
        *('--model', 'average', '--out', tmp_path / 'out'),
    ]
    status, text, _ = run_main(*arguments)
    assert status == 0
    objects = {
        split: sum(len(path.read_text().split('\n')) - 1 for path in labels)
        for split in ('train', 'test')
        if (labels := sorted((toy / split / 'labels').iterdir()))
    }
    # Six masks do not hold every class, which is said before.
    assert (
        f'train: 4 images, {objects["train"]} objects\n'
        f'test: 2 images, {objects["test"]} objects\n'
    ) in text
    assert '# coco: at the end of a config of mmdet\n' in text
    assert '# mmseg: at the end of a config of mmseg\n' in text
    assert text.count('num_classes=3') == text.count('num_classes=9') == 1
    status, text, _ = run_main(*arguments)
    assert 'train: 4 images (4 were there already)' in text


def test_fused_folders_of_the_splits(run_main, toy, tmp_path):
    for split in ('train', 'test'):
        (tmp_path / 'mine' / split).mkdir(parents=True)
        for path in (toy / split / 'vi').iterdir():
            image = Image.open(path).convert('L').transpose(Image.Transpose.FLIP_LEFT_RIGHT)
            image.save(tmp_path / 'mine' / split / f'{path.stem}_fused.png')
    status, *_ = run_main(
        *(TOOL, '--dataset', 'msrs', '--data-root', toy, '--layout', 'coco'),
        *('--fused', tmp_path / 'mine', '--keep-grey', '--out', tmp_path / 'out'),
    )
    assert status == 0
    written = sorted((tmp_path / 'out' / 'test').iterdir())
    assert len(written) == 2
    for path in written:
        fused = np.asarray(Image.open(tmp_path / 'mine' / 'test' / f'{path.stem}_fused.png'))
        assert np.array_equal(np.asarray(Image.open(path)), np.stack([fused] * 3, -1))


@pytest.mark.parametrize('as_file', [True, False])
def test_folder_with_classes_and_lists_of_pairs(run_main, mine, tmp_path, as_file):
    (mine / 'train.txt').write_text('001\n010\n')
    (mine / 'val.txt').write_text('002\n')
    classes = 'person, car'
    if as_file:
        classes = tmp_path / 'names.txt'
        classes.write_text('person\ncar\n')
    status, text, error = run_main(
        *(TOOL, '--dataset', 'folder', '--data-root', mine, '--pairs', '{split}.txt'),
        *('--splits', 'train', 'val', '--classes', classes, '--layout', 'voc'),
        *('--source', 'ir', '--out', tmp_path / 'out'),
    )
    assert status == 0, error
    assert text.startswith('train: 2 images, 4 objects\nval: 1 image, 2 objects\n')
    assert sorted(path.name for path in (tmp_path / 'out/VOC2007/JPEGImages').iterdir()) == [
        *('001.jpg', '002.jpg', '010.jpg')
    ]


def test_all_pairs_of_a_folder_are_one_split(run_main, mine, tmp_path):
    status, text, _ = run_main(
        *(TOOL, '--dataset', 'folder', '--data-root', mine, '--classes', 'person,car'),
        *('--layout', 'coco', '--source', 'vi', '--out', tmp_path / 'out'),
    )
    assert (status, text.split('\n')[0]) == (0, 'train: 3 images, 6 objects')


def test_infrared_images_of_another_size_and_name(run_main, pair_folder, tmp_path):
    root = pair_folder(root='mine', boxes=BOXES)
    for path in [*(root / 'ir').iterdir()]:
        Image.open(path).resize((16, 12)).save(path.with_name(f'cam-a {path.name}'))
        path.unlink()
    arguments = [
        *(TOOL, '--dataset', 'folder', '--data-root', root, '--classes', 'a,b'),
        *('--layout', 'coco', '--source', 'ir', '--out', tmp_path / 'out'),
    ]
    status, _, errors = run_main(*arguments, '--resize')
    assert status == 1 and 'missing partner' in errors and '--ir-affix' in errors
    status, _, errors = run_main(*arguments, '--ir-affix', 'cam-a')
    assert status == 1 and 'expected 32x24' in errors and 'found 16x12' in errors
    status, *_ = run_main(*arguments, '--ir-affix', 'cam-a', '--resize')
    assert status == 0
    ((_, first), *_) = sorted(
        (path.name, Image.open(path)) for path in (tmp_path / 'out').rglob('001.png')
    )
    assert first.size == (32, 24)


def test_a_selection_of_classes(run_main, toy, tmp_path):
    run_main(
        *(TOOL, '--dataset', 'msrs', '--data-root', toy, '--classes', 'car', '--out'),
        *(tmp_path / 'out', '--layout', 'coco', '--source', 'vi', '--splits', 'train'),
    )
    content = json.loads((tmp_path / 'out' / 'annotations' / 'train.json').read_text())
    assert content['categories'] == [{'id': 1, 'name': 'car'}]
    assert {item['category_id'] for item in content['annotations']} == {1}


@pytest.mark.parametrize(
    ('arguments', 'status', 'message'),
    [
        (['--source', 'vi', '--splits', 'a', 'b'], 2, 'folder has no splits of its own'),
        (['--source', 'vi', '--model', 'max'], 2, 'not allowed with'),
        ([], 2, 'one of the arguments --model --fused --source is required'),
        (['--source', 'vi', '--weights', 'w.pth'], 2, '--weights goes with --model'),
        (['--model', 'tsjnet-official'], 2, 'needs --weights'),
        (
            ['--source', 'ir', '--ir-range', '0', '9', '--ir-percentiles', '1', '99'],
            2,
            'not both',
        ),
        (['--fused', 'nowhere'], 1, 'error: no folder of fused images nowhere'),
        (['--source', 'vi', '--layout', 'mmseg'], 1, 'no masks at'),
        (['--source', 'vi', '--pairs', 'nowhere.txt'], 1, 'nowhere.txt'),
        (['--source', 'vi', '--classes', 'cat'], 1, 'unknown class'),
        (['--source', 'vi', '--out', '{root}'], 1, 'export to another folder'),
        (['--model', 'nothing', '--weights', 'w.pth'], 1, 'neither a config file nor'),
    ],
)
def test_what_cannot_be_is_said_in_a_line(run_main, mine, tmp_path, arguments, status, message):
    found, _, error = run_main(
        *(TOOL, '--dataset', 'folder', '--data-root', mine, '--classes', 'person,car'),
        *('--layout', 'coco', '--out', tmp_path / 'out'),
        *(argument.replace('{root}', str(mine)) for argument in arguments),
    )
    assert found == status
    assert message in error
    assert 'Traceback' not in error
    if status == 1:
        assert error.startswith('error: ') and error.count('\n') == 1
    assert not (tmp_path / 'out').exists()


#: Small models on small images; the lines that the tool prints follow.
DETECTOR = """
_base_ = ['{configs}/faster_rcnn/faster-rcnn_r50_fpn_1x_coco.py']
pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations', with_bbox=True),
    dict(type='Resize', scale=(96, 64), keep_ratio=True),
    dict(type='PackDetInputs', meta_keys=('img_id', 'img_path', 'ori_shape', 'img_shape',
                                          'scale_factor')),
]
model = dict(
    backbone=dict(depth=18, init_cfg=None),
    neck=dict(in_channels=[64, 128, 256, 512], out_channels=16),
    rpn_head=dict(in_channels=16, feat_channels=16),
    roi_head=dict(
        bbox_roi_extractor=dict(out_channels=16),
        bbox_head=dict(in_channels=16, fc_out_channels=16, num_classes=3)),
    train_cfg=dict(rpn_proposal=dict(nms_pre=50, max_per_img=20)),
    test_cfg=dict(rpn=dict(nms_pre=50, max_per_img=20)))
train_cfg = dict(_delete_=True, type='IterBasedTrainLoop', max_iters=2, val_interval=2)
param_scheduler = []
default_hooks = dict(checkpoint=dict(by_epoch=False, interval=2), logger=dict(interval=1))
log_processor = dict(by_epoch=False)
"""
SEGMENTOR = """
_base_ = ['{configs}/fcn/fcn_r18-d8_4xb2-80k_cityscapes-512x1024.py']
pipeline = [
    dict(type='LoadImageFromFile'), dict(type='LoadAnnotations'), dict(type='PackSegInputs')]
norm_cfg = dict(type='BN')
model = dict(
    pretrained=None,
    data_preprocessor=dict(size=(64, 96)),
    backbone=dict(norm_cfg=norm_cfg),
    decode_head=dict(channels=16, num_classes=9, norm_cfg=norm_cfg),
    auxiliary_head=dict(channels=16, num_classes=9, norm_cfg=norm_cfg))
train_cfg = dict(max_iters=2, val_interval=2)
default_hooks = dict(checkpoint=dict(interval=2), logger=dict(interval=1))
"""
SMALL = """
for _loader in (train_dataloader, val_dataloader):
    _loader.update(batch_size=2, num_workers=0, persistent_workers=False)
    _loader['dataset']['pipeline'] = pipeline
del _loader
val_dataloader['batch_size'] = 1
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ('layout', 'library', 'model', 'result'),
    [
        ('coco', mmdet, DETECTOR, 'coco/bbox_mAP: '),
        ('voc', mmdet, DETECTOR, 'pascal_voc/mAP: '),
        ('mmseg', mmseg, SEGMENTOR, 'mIoU: '),
    ],
)
def test_unchanged_mmdet_and_mmseg_train_and_test(
    run_main, toy, tmp_path, layout, library, model, result
):
    status, text, _ = run_main(
        *(TOOL, '--dataset', 'msrs', '--data-root', toy, '--layout', layout),
        *('--model', 'average', '--out', tmp_path / 'out'),
    )
    assert status == 0
    installed = Path(library.__file__).parent / '.mim'
    config = tmp_path / 'config.py'
    printed = text[text.index('\n# and num_classes') :]
    config.write_text(model.format(configs=installed / 'configs') + printed + SMALL)
    for tool, more in (('train.py', []), ('test.py', [tmp_path / 'work' / 'iter_2.pth'])):
        command = [installed / 'tools' / tool, config, *more, '--work-dir', tmp_path / 'work']
        environment = {**os.environ, 'OMP_NUM_THREADS': '1'}
        environment.pop('PYTHONPATH', None)
        process = subprocess.run(
            [sys.executable, *map(str, command)],
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=300,
        )
        log = process.stdout + process.stderr
        assert process.returncode == 0, log
        assert result in log
        assert 'tsjnet_mm' not in log
