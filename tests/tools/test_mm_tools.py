"""The unchanged tools of mmdet and mmseg, as installed, train and test fused models."""

import importlib.util
import sys
from pathlib import Path

import pytest
import torch
from mmengine.config import Config

ROOT = Path(__file__).resolve().parents[2]
BOXES = [(0, 4.0, 4.0, 24.0, 40.0), (2, 30.0, 10.0, 60.0, 44.0)]


@pytest.fixture
def run_installed(monkeypatch):
    """Run ``tools/<name>`` of an installed OpenMMLab package in this process."""

    def run(package, name, *arguments):
        root = Path(importlib.util.find_spec(package).origin).parent
        path = root / '.mim' / 'tools' / name
        spec = importlib.util.spec_from_file_location(f'{package}_{path.stem}', path)
        script = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(script)
        monkeypatch.setattr(sys, 'argv', [str(path), *map(str, arguments)])
        script.main()

    return run


def shrink(detector):
    """A ResNet of a few channels instead of a pretrained one."""
    detector['backbone'].update(depth=18, base_channels=8, init_cfg=None)
    detector['neck'].update(in_channels=[8, 16, 32, 64], out_channels=8)
    detector['bbox_head'].update(in_channels=8, feat_channels=8, stacked_convs=1)


def shrink_segmentor(segmentor):
    segmentor['backbone']['backbone_cfg'].update(base_channels=8, init_cfg=None)
    segmentor['backbone'].update(
        context_channels=(16, 32, 64), spatial_channels=(8, 8, 8, 16), out_channels=16
    )
    for head in [segmentor['decode_head'], *segmentor['auxiliary_head']]:
        head.update(channels=8, in_channels=16, norm_cfg={'type': 'BN'})
    segmentor['backbone']['norm_cfg'] = {'type': 'BN'}
    segmentor['backbone']['backbone_cfg']['norm_cfg'] = {'type': 'BN'}
    segmentor['data_preprocessor']['size'] = (48, 64)


def write(config, path, batch_size=2):
    for loader in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        config[loader].update(num_workers=0, persistent_workers=False)
    config.train_dataloader.batch_size = batch_size
    config.work_dir = str(path.parent / 'work')
    config.dump(path)
    return path


def test_mmdet_trains_and_tests_a_fused_detector(
    run_installed, pair_folder, tiny_fusor, tmp_path, load_checkpoint, caplog
):
    for split in ('train', 'test'):
        pair_folder(root=f'data/{split}', size=(48, 64), boxes=BOXES)
    config = Config.fromfile(ROOT / 'configs/downstream/fused-retinanet_r50_fpn_1x_msrs.py')
    config.model.fusor = tiny_fusor
    shrink(config.model.detector)
    config.train_cfg.max_epochs = 1
    for name in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        config[name].dataset.data_root = str(tmp_path / 'data')
    path = write(config, tmp_path / 'fused.py')
    run_installed('mmdet', 'train.py', path)
    checkpoint = load_checkpoint(tmp_path / 'work' / 'epoch_1.pth')
    names = set(checkpoint['state_dict'])
    assert {'fusor.decoder.output.gains.2.weight', 'model.bbox_head.retina_reg.weight'} < names
    assert checkpoint['meta']['iter'] == 2
    run_installed('mmdet', 'test.py', path, tmp_path / 'work' / 'epoch_1.pth')


@pytest.mark.slow
def test_mmseg_trains_and_tests_a_fused_segmentor(
    run_installed, pair_folder, tiny_fusor, tmp_path, load_checkpoint
):
    for split in ('train', 'test'):
        pair_folder(
            root=f'data/{split}', size=(48, 64), seg_classes=9, masks='Segmentation_labels'
        )
    config = Config.fromfile(ROOT / 'configs/downstream/fused-bisenetv1_r18-d32_20k_msrs.py')
    config.model.fusor = tiny_fusor
    shrink_segmentor(config.model.segmentor)
    config.train_cfg.update(max_iters=2, val_interval=2)
    config.default_hooks.checkpoint.interval = 2
    crop = next(
        step for step in config.train_dataloader.dataset.pipeline if 'crop_size' in step
    )
    crop.crop_size = (48, 64)
    for name in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        config[name].dataset.data_root = str(tmp_path / 'data')
    path = write(config, tmp_path / 'fused.py')
    run_installed('mmseg', 'train.py', path)
    checkpoint = tmp_path / 'work' / 'iter_2.pth'
    state = load_checkpoint(checkpoint)['state_dict']
    assert all(torch.isfinite(value).all() for value in state.values())
    run_installed('mmseg', 'test.py', path, checkpoint, '--out', tmp_path / 'masks')
    assert len(list((tmp_path / 'masks').glob('*.png'))) == 3
