from pathlib import Path

import pytest
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmengine.runner import Runner

from tsjnet_mm.datasets import FMBDataset, PairError
from tsjnet_mm.datasets.transforms import LoadPairAnnotations
from tsjnet_mm.registry import DATASETS

CONFIG = Path(__file__).resolve().parents[2] / 'configs' / '_base_' / 'datasets' / 'fmb.py'
PUBLISHED = {'ir': 'Infrared', 'vi': 'Visible', 'masks': 'Label'}


@pytest.fixture
def root(pair_folder):
    pair_folder(root='FMB/train', stems=('00001', '00002'), seg_classes=15, **PUBLISHED)
    return pair_folder(root='FMB/test', stems=('00010',), seg_classes=15, **PUBLISHED).parent


def test_published_layout(root):
    train, test = (FMBDataset(str(root), split=split) for split in ('train', 'test'))
    assert [len(train), len(test)] == [2, 1]
    info = test.get_data_info(0)
    assert info['seg_map_path'] == str(root / 'test/Label/00010.png')
    assert info['num_seg_classes'] == 15
    assert 'instances' not in info


def test_own_layout(pair_folder):
    root = pair_folder(root='mine/train', seg_classes=15).parent
    info = FMBDataset(str(root)).get_data_info(2)
    assert info['ir_path'] == str(root / 'train/ir/010.png')
    assert info['seg_map_path'] == str(root / 'train/masks/010.png')


def test_metainfo():
    meta = DATASETS.build({'type': 'FMBDataset', 'lazy_init': True}).metainfo
    assert meta['seg_classes'].index('road') == 1
    assert meta['seg_classes'].index('person') == 8
    assert meta['seg_classes'].index('pole') == 14
    assert len(meta['seg_palette']) == len(set(meta['seg_palette'])) == 15
    assert meta['seg_palette'][1] == (179, 228, 228)
    assert 'classes' not in meta


def test_mask_index_out_of_range(pair_folder):
    root = pair_folder(root='FMB/train', seg_classes=200, **PUBLISHED).parent
    info = FMBDataset(str(root)).get_data_info(0)
    with pytest.raises(PairError, match='mask index out of range'):
        LoadPairAnnotations()({**info, 'img_shape': (24, 32)})


def test_config(root):
    config = Config.fromfile(CONFIG)
    assert config.data_root == 'data/FMB/'
    assert config.test_dataloader == config.val_dataloader
    for name, ids in (('train', {'00001', '00002'}), ('test', {'00010'})):
        loader = config[f'{name}_dataloader']
        loader.dataset.data_root = str(root)
        loader.update(num_workers=0, persistent_workers=False)
        with DefaultScope.overwrite_default_scope('tsjnet_mm'):
            samples = [
                sample
                for batch in Runner.build_dataloader(loader, seed=0)
                for sample in batch['data_samples']
            ]
        assert {sample.img_id for sample in samples} == ids
        assert samples[0].gt_sem_seg.data.shape == (1, 24, 32)
