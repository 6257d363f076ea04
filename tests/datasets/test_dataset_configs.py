from pathlib import Path

import pytest
from mmengine.config import Config
from mmengine.registry import DATASETS, DefaultScope
from mmengine.runner import Runner

CONFIGS = Path(__file__).resolve().parents[2] / 'configs' / '_base_' / 'datasets'
BOXES = [(0, 2, 3, 12, 13)]

#: Config, folders below the data root that its test loader reads, and how they are laid out.
TESTED = {
    'msrs': ('test', {'boxes': BOXES, 'seg_classes': 9, 'masks': 'Segmentation_labels'}),
    'm3fd': ('', {'ir': 'Ir', 'vi': 'Vis'}),
    'roadscene': ('', {'ir': 'cropinfrared', 'vi': 'crop_LR_visible'}),
    'llvip': ('', {'ir': 'infrared/test', 'vi': 'visible/test'}),
    'folder': ('test', {'boxes': BOXES}),
}


def build(loader, **changes):
    loader = loader.copy()
    loader.dataset.update(changes)
    loader.update(num_workers=0, persistent_workers=False)
    with DefaultScope.overwrite_default_scope('tsjnet_mm'):
        return Runner.build_dataloader(loader, seed=0)


@pytest.mark.parametrize('name', TESTED)
def test_test_loader(pair_folder, name):
    folder, layout = TESTED[name]
    root = pair_folder(root=folder, **layout)
    config = Config.fromfile(CONFIGS / f'{name}.py')
    assert config.data_root.startswith('data/')
    assert config.test_dataloader == config.val_dataloader
    for_split = root if name == 'folder' or not folder else root.parent
    loader = build(config.test_dataloader, data_root=str(for_split))
    assert loader.dataset.test_mode
    batches = list(loader)
    ids = [sample.img_id for batch in batches for sample in batch['data_samples']]
    assert ids == ['001', '002', '010']
    assert batches[0]['inputs']['vi'][0].shape == (3, 24, 32)
    sample = batches[0]['data_samples'][0]
    assert ('gt_instances' in sample) == ('boxes' in layout)
    assert ('gt_sem_seg' in sample) == ('seg_classes' in layout)


@pytest.mark.parametrize('name', ['msrs', 'folder'])
def test_train_loader(pair_folder, name):
    root = pair_folder(
        root='train',
        boxes=BOXES,
        seg_classes=9,
        masks='Segmentation_labels' if name == 'msrs' else 'masks',
    )
    config = Config.fromfile(CONFIGS / f'{name}.py')
    loader = build(
        config.train_dataloader, data_root=str(root.parent if name == 'msrs' else root)
    )
    batch = next(iter(loader))
    assert len(batch['data_samples']) == 2
    for sample in batch['data_samples']:
        assert len(sample.gt_instances) == 1
        assert sample.gt_sem_seg.data.shape == (1, 24, 32)


def test_training_on_msrs_needs_its_labels(pair_folder):
    root = pair_folder(root='train').parent
    config = Config.fromfile(CONFIGS / 'msrs.py')
    with pytest.raises(FileNotFoundError, match=r'no boxes at .*train/labels'):
        build(config.train_dataloader, data_root=str(root))
    loader = build(config.train_dataloader, data_root=str(root), annotations=[])
    assert 'gt_instances' not in next(iter(loader))['data_samples'][0]


@pytest.mark.parametrize('name', TESTED)
def test_types_need_no_scope(name):
    config = Config.fromfile(CONFIGS / f'{name}.py')
    with DefaultScope.overwrite_default_scope('tsjnet_mm'):
        dataset = DATASETS.build({**config.test_dataloader.dataset, 'lazy_init': True})
    assert type(dataset).__name__ == config.dataset_type
