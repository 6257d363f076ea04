"""Every config under configs/ trains and validates, or tests, through the tools.

Loaders, batches and schedules are the configs' own; image sizes, the widths of drivers and the
number of epochs are reduced. The training sets have an odd number of pairs, so that a batch of
one comes last.
"""

import importlib.util
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope

from tsjnet_mm.registry import MODELS

ROOT = Path(__file__).resolve().parents[3]
CONFIGS = ROOT / 'configs'
OURS = sorted((CONFIGS / 'tsjnet').glob('*.py'))
FUSED = sorted((CONFIGS / 'downstream').glob('fused-*.py'))
TRAINED = [path for path in OURS if '_test_' not in path.stem] + FUSED
TESTED = [path for path in OURS if '_test_' in path.stem]
#: One of each kind, cheap, for every run: joint with workers, joint on crops, mixed, mmdet.
CHEAP = {
    'tsjnet_light_fusion_40e_msrs',
    'tsjnet_light_det-r18_40e_msrs',
    'tsjnet_light_test_llvip',
}
#: A ResNet of 18 layers in place of 50 or 101: what its config must say differently.
DETECTOR = {
    'backbone.depth': 18,
    'backbone.init_cfg': None,
    'neck.in_channels': '[64,128,256,512]',
    'init_cfg': None,
}
SEGMENTOR = {
    'backbone.depth': 18,
    'backbone.dilations': '(1,1,1,1)',
    'backbone.strides': '(1,2,2,1)',
    'decode_head.in_channels': 512,
    'decode_head.channels': 64,
    'decode_head.c1_in_channels': 64,
    'init_cfg': None,
}


def as_parameters(paths):
    return [
        pytest.param(path, id=path.stem, marks=[] if path.stem in CHEAP else [pytest.mark.slow])
        for path in paths
    ]


def driver_options(config):
    """What makes the drivers of a joint config small; random weights must be allowed."""
    options = {}
    detector, segmentor = config.model.get('detector'), config.model.get('segmentor')
    if 'nano' in Path(config.filename).stem:  # Small as they are.
        for driver in ('detector', 'segmentor'):
            if config.model.get(driver):
                options[f'model.{driver}.weights'] = None
                options[f'model.{driver}.allow_random'] = True
        return options
    if detector and detector.get('frozen', True):
        options |= {f'model.detector.model.{key}': value for key, value in DETECTOR.items()}
        options['model.detector.allow_random'] = True
    if segmentor and segmentor.model.backbone.depth == 101:
        options |= {f'model.segmentor.model.{key}': value for key, value in SEGMENTOR.items()}
    return options


def fused_options(config):
    """Fused detectors and segmentors: small backbones, the config's own pipeline."""
    options = {'default_hooks.checkpoint.interval': 1}
    if 'detector' in config.model:
        options |= {f'model.detector.{key}': value for key, value in DETECTOR.items()}
        # Random weights need their own statistics: with those of a pretrained net they blow up.
        options['model.detector.backbone.norm_eval'] = False
        options['model.detector.backbone.frozen_stages'] = -1
        return options
    network = config.model.segmentor
    options['model.segmentor.data_preprocessor.size'] = '(64,64)'
    options['model.segmentor.pretrained'] = None
    if 'backbone_cfg' in network.backbone:
        options['model.segmentor.backbone.backbone_cfg.init_cfg'] = None
    else:
        options |= {f'model.segmentor.{key}': value for key, value in SEGMENTOR.items()}
        options['model.segmentor.auxiliary_head.in_channels'] = 256
    steps = config.train_dataloader.dataset.pipeline
    for index, step in enumerate(steps):
        if step.type == 'RandomResize':
            options[f'train_dataloader.dataset.pipeline.{index}.scale'] = '(96,64)'
        if step.type == 'RandomCrop':
            options[f'train_dataloader.dataset.pipeline.{index}.crop_size'] = '(64,64)'
    return options


def size_options(config):
    """Smaller crops, and of the mixed sets so few that 13 = 3 x 4 + 1 or 7 are an epoch."""
    dataset, options = config.train_dataloader.dataset, {}
    if dataset.type == 'ConcatDataset':
        for index, part in enumerate(dataset.datasets):
            name = f'train_dataloader.dataset.datasets.{index}'
            repeated = 'dataset' in part
            first = 4 if 'labelled' in part.get('data_root', '') else 3
            leaf, pairs = (part.dataset, 1) if repeated else (part, 1 if index else first)
            prefix = f'{name}.dataset' if repeated else name
            options[f'{prefix}.indices'] = pairs
            for step, transform in enumerate(leaf.pipeline):
                if 'crop_size' in transform:
                    options[f'{prefix}.pipeline.{step}.crop_size'] = 64
                if transform.type == 'PadPair':
                    options[f'{prefix}.pipeline.{step}.size'] = 64
        options['val_dataloader.dataset.indices'] = 2
        return options
    for step, transform in enumerate(dataset.pipeline):
        if transform.type == 'RandomCropPair':
            options[f'train_dataloader.dataset.pipeline.{step}.crop_size'] = '(64,64)'
    return options


def reduced(path):
    """Options of a config's command line."""
    config = Config.fromfile(path)
    if 'max_iters' in config.train_cfg:
        options = {'train_cfg.max_iters': 2, 'train_cfg.val_interval': 2}
    else:
        options = {
            'train_cfg.max_epochs': 1,
            'train_cfg.val_interval': 1,
            'train_cfg.val_begin': 1,
        }
    if config.load_from:  # of the stage before
        options['load_from'] = None
    start = config.model.get('fusor', {}).get('init_cfg')
    if start and start.checkpoint.startswith('work_dirs'):
        options['model.fusor.init_cfg'] = None
    if path in FUSED:
        options |= fused_options(config)
    else:
        options |= size_options(config) | driver_options(config)
    return [f'{key}={value}' for key, value in options.items()]


def values_of(work_dir):
    """What the training logged, by name: the last value of each."""
    values = {}
    for file in sorted(work_dir.glob('*/vis_data/*.json')):
        for line in file.read_text().splitlines():
            values.update(json.loads(line))
    return values


@pytest.mark.parametrize('path', as_parameters(TRAINED))
def test_config_trains_and_validates(
    path, data_folder, mixed_folder, tmp_path, run_main, monkeypatch, load_checkpoint
):
    monkeypatch.chdir(mixed_folder if 'mixed' in path.stem else data_folder)
    work_dir = tmp_path / 'work'
    status, output, error = run_main(
        'train.py', path, '--work-dir', work_dir, '--debug', '--cfg-options', *reduced(path)
    )
    assert status == 0, output + error
    config = Config.fromfile(path)
    saved = load_checkpoint((work_dir / 'last_checkpoint').read_text())
    weights = [v for v in saved['state_dict'].values() if v.is_floating_point()]
    assert all(torch.isfinite(value).all() for value in weights)
    values = values_of(work_dir)
    loader = config.train_dataloader
    if path in FUSED:
        # mmseg's loop ends after two; mmdet's batches have the two pairs with objects.
        assert saved['meta']['iter'] == (2 if 'segmentor' in config.model else 1)
        # Of a detector that has found nothing yet mmdet gives no AP.
        assert 'mIoU' in values if 'segmentor' in config.model else 'Epoch(val) [1]' in output
        return
    pairs = 13 if 'mixed' in path.stem else 5 if 'toy' in path.stem else 3
    if 'labelled' in str(loader.dataset):
        pairs = 7
    assert loader.batch_size == 1 or pairs % loader.batch_size == 1  # The last is one pair.
    assert saved['meta']['iter'] == -(-pairs // loader.batch_size)
    assert 'fusion/SSIM' in values
    for driver, score in (('detector', 'mAP@.5'), ('segmentor', 'mIoU')):
        names = {f'drivers/{image}/{score}' for image in ('ir', 'vi', 'fused')}
        predicts = config.model.get(driver) and config.model.get('predict_drivers', True)
        assert names <= values.keys() if predicts else not names & values.keys()


@pytest.mark.parametrize('path', as_parameters(TESTED))
def test_config_tests(path, data_folder, tmp_path, run_main, monkeypatch):
    monkeypatch.chdir(data_folder)
    with DefaultScope.overwrite_default_scope('tsjnet_mm'):
        weights = MODELS.build(Config.fromfile(path).model).state_dict()
    # The checkpoint of a joint training, whose fusor is tested.
    torch.save({f'fusor.{name}': value for name, value in weights.items()}, tmp_path / 'x.pth')
    status, output, error = run_main(
        'test.py', path, tmp_path / 'x.pth', '--work-dir', tmp_path, '--debug'
    )
    assert status == 0, output + error
    assert path.stem in output


def test_every_config_is_driven():
    """Protocols take their data from tools/downstream.py; mmyolo cannot be installed here."""
    protocols = {
        'bisenetv1_r18-d32_200e_msrs',
        'deeplabv3plus_r18_20e_toy',
        'faster-rcnn_r18_fpn_20e_toy',
        'yolov7_l_300e_m3fd',
        'yolox_m_300e_m3fd',
    }
    driven = {path.stem for path in TRAINED + TESTED} | protocols
    rooms = ('tsjnet', 'downstream')
    assert driven == {path.stem for room in rooms for path in (CONFIGS / room).glob('*.py')}


OWN_DATA = """
_base_ = [
    'tsjnet_mm::_base_/models/tsjnet_light.py',
    'tsjnet_mm::_base_/models/losses_mff.py',
    'tsjnet_mm::_base_/datasets/{}.py',
    'tsjnet_mm::_base_/schedules/adam_plateau_40e.py',
    'tsjnet_mm::_base_/default_runtime.py',
]
model = dict(_base_.fusor, losses=_base_.losses)
"""


def training_set(name):
    """Lines that train on a set whose config only tests, with workers as MSRS has them."""
    if name in ('msrs', 'fmb', 'folder', 'mixed'):
        return ''
    return """
train_dataloader = dict(
    batch_size=2,
    num_workers=2,
    persistent_workers=False,
    worker_init_fn=dict(type='tsjnet_mm.epoch_worker_init_fn'),
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(_base_.val_dataloader.dataset, test_mode=False),
)
"""


@pytest.mark.parametrize(
    'name',
    [
        'folder',
        *(
            pytest.param(name, marks=pytest.mark.slow)
            for name in ('msrs', 'fmb', 'm3fd', 'roadscene', 'llvip')
        ),
    ],
)
def test_own_config_on_the_packages_bases_trains(
    name, data_folder, tmp_path, run_main, monkeypatch
):
    """The config printed in docs/training.md, and the same on the other sets, with workers."""
    text = OWN_DATA.format(name)
    if name == 'folder':
        page = (ROOT / 'docs' / 'training.md').read_text()
        assert text.strip() in page
    config = tmp_path / 'mine.py'
    config.write_text(text + training_set(name))
    monkeypatch.chdir(data_folder)
    status, output, error = run_main(
        'train.py', config, '--work-dir', tmp_path / 'work', '--debug', '--cfg-options',
        'train_cfg.max_epochs=1', 'train_cfg.val_interval=1',
    )  # fmt: skip
    assert status == 0, output + error
    assert 'fusion/SSIM' in values_of(tmp_path / 'work')
    assert Config.fromfile(config).train_dataloader.num_workers == 2


@pytest.mark.slow
def test_own_mixed_config_trains(mixed_folder, tmp_path, run_main, monkeypatch):
    text = OWN_DATA.format('mixed')
    config = tmp_path / 'mine.py'
    config.write_text(text)
    workers = [
        'train_dataloader.num_workers=2',
        'train_dataloader.worker_init_fn.type=tsjnet_mm.epoch_worker_init_fn',
    ]
    options = [f'{k}={v}' for k, v in size_options(Config.fromfile(config)).items()]
    monkeypatch.chdir(mixed_folder)
    status, output, error = run_main(
        'train.py', config, '--work-dir', tmp_path / 'work', '--debug', '--cfg-options',
        'train_cfg.max_epochs=1', 'train_cfg.val_interval=1', *options, *workers,
    )  # fmt: skip
    assert status == 0, output + error
    assert 'fusion/SSIM' in values_of(tmp_path / 'work')


def free_port():
    with socket.socket() as sock:
        sock.bind(('127.0.0.1', 0))
        return sock.getsockname()[1]


@pytest.mark.slow
@pytest.mark.skipif(torch.cuda.is_available(), reason='gloo between CPU processes')
@pytest.mark.parametrize('preset', ['light', 'official'])
def test_joint_config_trains_in_two_processes(preset, data_folder, tmp_path, load_checkpoint):
    path = CONFIGS / 'tsjnet' / f'tsjnet_{preset}_joint_40e_msrs.py'
    work_dir = tmp_path / 'work'
    done = subprocess.run(
        [
            *('bash', ROOT / 'tools' / 'dist_train.sh', path, '2', '--work-dir', work_dir),
            *('--cfg-options', *reduced(path)),
        ],
        env={
            **os.environ,
            'PYTHON': sys.executable,
            'PORT': str(free_port()),
            'OMP_NUM_THREADS': '1',
        },
        cwd=data_folder,
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    # Three pairs, two processes: each takes two (one is taken twice), one batch of two.
    assert load_checkpoint(work_dir / 'epoch_1.pth')['meta']['iter'] == 1
    values = values_of(work_dir)
    assert {'fusion/SSIM', 'drivers/fused/mAP@.5', 'drivers/ir/mIoU'} <= values.keys()


@pytest.mark.slow
@pytest.mark.parametrize(
    ('task', 'name', 'options'),
    [
        (
            'detection',
            'yolox_m_300e_m3fd',
            [
                'model.backbone.widen_factor=0.125',
                'model.neck.in_channels=[32,64,128]',
                'model.neck.out_channels=32',
                'model.bbox_head.in_channels=32',
                'model.bbox_head.feat_channels=32',
                'train_cfg.max_epochs=1',
                'train_cfg.val_interval=1',
            ],
        ),
        ('detection', 'yolov7_l_300e_m3fd', []),
        (
            'segmentation',
            'bisenetv1_r18-d32_200e_msrs',
            [
                'model.backbone.backbone_cfg.init_cfg=None',
                'train_dataloader.batch_size=2',  # Of its three pairs.
                'train_cfg.max_epochs=1',
                'train_cfg.val_interval=1',
            ],
        ),
        ('detection', 'faster-rcnn_r18_fpn_20e_toy', ['train_cfg.max_epochs=1']),
        (
            'segmentation',
            'deeplabv3plus_r18_20e_toy',
            ['train_dataloader.batch_size=2', 'train_cfg.max_epochs=1'],
        ),
    ],
)
def test_protocol_trains_and_tests(task, name, options, data_folder, tmp_path, run_tool):
    if 'yolov7' in name and importlib.util.find_spec('mmyolo') is None:
        pytest.skip('mmyolo is not installed: it asks for mmcv below 2.1')
    data = data_folder / 'data' / 'MSRS'
    run_tool(
        'downstream.py', task, '--dataset', 'msrs', '--data-root', data,
        '--config', CONFIGS / 'downstream' / f'{name}.py', '--work-dir', tmp_path / 'work',
        '--cfg-options', *options,
    )  # fmt: skip
    score = 'mAP@.5' if task == 'detection' else 'mIoU'
    assert score in (tmp_path / 'work' / 'table.md').read_text()
