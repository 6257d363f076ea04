import numpy as np
import pytest

from tsjnet_mm.datasets import MSRSDataset, PairError
from tsjnet_mm.datasets.transforms import LoadPair, LoadPairAnnotations, PackFusionInputs
from tsjnet_mm.registry import DATASETS

PIPELINE = [LoadPair(), LoadPairAnnotations(), PackFusionInputs()]
BOXES = [(0, 2, 3, 12, 13), (2, 20, 4, 30, 20)]


@pytest.fixture
def root(pair_folder):
    options = {'boxes': BOXES, 'seg_classes': 9, 'masks': 'Segmentation_labels'}
    pair_folder(root='MSRS/train', stems=('00001D', '00002N'), **options)
    return pair_folder(root='MSRS/test', stems=('00004N',), **options).parent


def test_layout(root):
    train, test = (MSRSDataset(str(root), split=split) for split in ('train', 'test'))
    assert len(train) == 2
    assert len(test) == 1
    info = test.get_data_info(0)
    assert info['seg_map_path'] == str(root / 'test/Segmentation_labels/00004N.png')
    assert info['num_seg_classes'] == 9
    assert [item['bbox_label'] for item in info['instances']] == [0, 2]


def test_metainfo():
    meta = DATASETS.build({'type': 'MSRSDataset', 'lazy_init': True}).metainfo
    assert meta['classes'] == ('person', 'bicycle', 'car')
    assert meta['seg_classes'].index('color_cone') == 7
    assert len(meta['palette']) == 3
    assert len(meta['seg_palette']) == len(set(meta['seg_palette'])) == 9


def test_some_of_the_classes_in_another_order(root):
    dataset = MSRSDataset(str(root), metainfo={'classes': ('car', 'bicycle')})
    (instance,) = dataset.get_data_info(0)['instances']
    assert instance['bbox_label'] == 0
    assert instance['bbox'] == pytest.approx([20, 4, 30, 20])
    with pytest.raises(ValueError, match=r"classes among .*'car'.*, got \['lorry'\]"):
        MSRSDataset(str(root), metainfo={'classes': ('car', 'lorry')})


def test_unknown_class_names_file_and_classes(root):
    (root / 'train/labels/00002N.txt').write_text('3 .5 .5 .1 .1')
    with pytest.raises(PairError, match=r'00002N\.txt.*0 person, 1 bicycle, 2 car.*class 3'):
        MSRSDataset(str(root))


def test_split_that_is_not_there(root):
    with pytest.raises(FileNotFoundError, match=r'val/ir'):
        MSRSDataset(str(root), split='val')
    with pytest.raises(ValueError, match='needs a split'):
        MSRSDataset(str(root), split=None)


@pytest.mark.parametrize('split, pairs', [('train', 34), ('test', 180)])
def test_real_pairs(real_data, split, pairs):
    dataset = MSRSDataset(str(real_data / 'MSRS'), split=split, pipeline=PIPELINE)
    assert len(dataset) == pairs
    objects = 0
    for index in range(0, pairs, 1 if split == 'train' else 10):
        sample = dataset[index]
        assert sample['inputs']['ir'].shape == (1, 480, 640)
        assert sample['inputs']['vi'].shape == (3, 480, 640)
        assert 0 <= sample['inputs']['ir'].min() < sample['inputs']['ir'].max() <= 1
        instances = sample['data_samples'].gt_instances
        boxes = instances.bboxes.numpy()
        objects += len(boxes)
        assert (boxes[:, :2] < boxes[:, 2:]).all()
        assert (boxes >= 0).all()
        assert (boxes <= np.array([640, 480, 640, 480])).all()
        assert set(instances.labels.tolist()) <= {0, 1, 2}
    assert objects > 20
