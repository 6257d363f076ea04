import contextlib
import io
import json

import numpy as np
import pytest
from mmdet.datasets import CocoDataset, XMLDataset
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmseg.datasets import BaseSegDataset
from PIL import Image

from tsjnet_mm.datasets import FolderDataset
from tsjnet_mm.protocols.export_dataset import config_lines, export_dataset
from tsjnet_mm.protocols.export_layouts import build_layout

#: label, x1, y1, x2, y2
BOXES = [(1, 3.0, 4.0, 10.0, 20.0), (0, 0.0, 0.0, 32.0, 24.0), (1, 8.5, 2.25, 20.0, 11.0)]
METAINFO = {
    'classes': ('person', 'car'),
    'palette': [(220, 20, 60), (0, 0, 142)],
    'seg_classes': ('road', 'car', 'person'),
}
STEMS = ('001', 'a.b', '010')
DATASETS = {kind.__name__: kind for kind in (CocoDataset, XMLDataset, BaseSegDataset)}


@pytest.fixture
def dataset(pair_folder):
    root = pair_folder(stems=STEMS, boxes=BOXES, seg_classes=3)
    (root / 'labels' / 'a.b.txt').write_text('')
    return FolderDataset(str(root), metainfo=METAINFO, pipeline=[], serialize_data=False)


@pytest.fixture
def exported(dataset, tmp_path):
    out = tmp_path / 'out'
    for split in ('train', 'test'):
        for layout in ('coco', 'mmseg'):
            export_dataset(dataset, out, split, 'vi', layout)
    export_dataset(dataset, out, 'train', 'vi', 'voc')
    return out


def as_config(out, layout):
    """The printed lines, merged with what configs of mmdet and mmseg have."""
    base = ''.join(
        f'{role}_dataloader = dict(dataset=dict(pipeline=[]))\n'
        f"{role}_evaluator = dict(type='CocoMetric', metric='bbox')\n"
        for role in ('train', 'val', 'test')
    )
    (out / 'base.py').write_text(base)
    lines = ["_base_ = ['base.py']", *config_lines(out, layout)]
    (out / 'config.py').write_text('\n'.join(lines) + '\n')
    return Config.fromfile(out / 'config.py')


def build(config, role, library='mmdet'):
    options = {**config[f'{role}_dataloader']['dataset']}
    kind = DATASETS[options.pop('type')]
    options['pipeline'] = [{'type': 'LoadImageFromFile'}, {'type': 'LoadAnnotations'}]
    if library == 'mmdet':
        options['pipeline'][1]['with_bbox'] = True
    scope = DefaultScope.overwrite_default_scope(library)
    with scope, contextlib.redirect_stdout(io.StringIO()):
        return kind(**options, test_mode=True, serialize_data=False)


def corners(sample):
    return sample['gt_bboxes'].tensor.tolist()


@pytest.mark.parametrize('role', ['train', 'val', 'test'])
def test_mmdet_loads_coco(exported, dataset, role):
    loaded = build(as_config(exported, 'coco'), role)
    assert loaded.metainfo['classes'] == ('person', 'car')
    assert len(loaded) == 3
    for index in range(3):
        sample, info = loaded[index], dataset.get_data_info(index)
        assert np.array_equal(sample['img'][..., ::-1], np.asarray(Image.open(info['vi_path'])))
        boxes = [item['bbox'] for item in info['instances']]
        assert corners(sample) == [pytest.approx(box, abs=1e-6) for box in boxes]
        assert sample['gt_bboxes_labels'].tolist() == [
            item['bbox_label'] for item in info['instances']
        ]
    folder = 'train' if role == 'train' else 'test'
    assert loaded[0]['img_path'] == str(exported.resolve() / folder / '001.png')


def test_mmdet_loads_voc_without_loss(exported, dataset):
    loaded = build(as_config(exported, 'voc'), 'train')
    assert loaded.metainfo['classes'] == ('person', 'car')
    assert len(loaded) == 3
    for index in range(3):
        info = dataset.get_data_info(index)
        assert np.array_equal(
            loaded[index]['img'][..., ::-1], np.asarray(Image.open(info['vi_path']))
        )
    assert corners(loaded[0]) == [[3, 4, 10, 20], [0, 0, 32, 24], [8, 2, 20, 11]]
    assert loaded[0]['gt_bboxes_labels'].tolist() == [1, 0, 1]
    assert corners(loaded[1]) == corners(loaded[0])
    assert corners(loaded[2]) == []


@pytest.mark.parametrize('role', ['train', 'test'])
def test_mmseg_loads_masks(exported, dataset, role):
    loaded = build(as_config(exported, 'mmseg'), role, 'mmseg')
    assert loaded.metainfo['classes'] == ('road', 'car', 'person')
    for index in range(3):
        sample, info = loaded[index], dataset.get_data_info(index)
        assert np.array_equal(sample['img'][..., ::-1], np.asarray(Image.open(info['vi_path'])))
        expected = np.asarray(Image.open(info['seg_map_path']))
        assert np.array_equal(sample['gt_seg_map'], expected)
        assert info['img_id'] in sample['seg_map_path']


def test_ignored_mask_pixels_stay_so(dataset, tmp_path):
    path = dataset.get_data_info(0)['seg_map_path']
    mask = np.asarray(Image.open(path)).copy()
    mask[:5] = 255
    Image.fromarray(mask).save(path)
    export_dataset(dataset, tmp_path / 'out', 'train', 'ir', 'mmseg')
    with Image.open(tmp_path / 'out' / 'ann_dir' / 'train' / '001.png') as image:
        assert image.mode == 'L'
        assert np.array_equal(np.asarray(image), mask)


def test_evaluators_of_mmdet(exported):
    coco = as_config(exported, 'coco')
    path = f'{exported.resolve()}/annotations/test.json'
    assert coco.val_evaluator == {'type': 'CocoMetric', 'metric': 'bbox', 'ann_file': path}
    assert coco.test_evaluator == coco.val_evaluator
    voc = as_config(exported, 'voc')
    assert voc.test_evaluator == {'type': 'VOCMetric', 'metric': 'mAP', 'eval_mode': 'area'}


@pytest.mark.parametrize(
    ('splits', 'chosen'),
    [
        (['test', 'train', 'val'], ['train', 'val', 'test']),
        (['train', 'val'], ['train', 'val', 'val']),
        (['day', 'night'], ['day', 'night', 'night']),
        (['train'], ['train', 'train', 'train']),
    ],
)
def test_splits_of_a_config(tmp_path, splits, chosen):
    lines = build_layout('coco', tmp_path, METAINFO).config_lines(splits)
    values = {}
    exec('\n'.join(lines), values)
    found = [
        values[f'{role}_dataloader']['dataset']['ann_file'] for role in ('train', 'val', 'test')
    ]
    assert found == [f'annotations/{split}.json' for split in chosen]
    assert values['test_evaluator']['ann_file'].endswith(f'/annotations/{chosen[2]}.json')
    assert '# and num_classes=2 in the heads of the model' in lines


def test_voc_splits_do_not_share_names(exported, dataset):
    with pytest.raises(ValueError, match=r'train\.txt: 001 is in the split train too'):
        export_dataset(dataset, exported, 'test', 'vi', 'voc')
    assert not (exported / 'VOC2007' / 'ImageSets' / 'Main' / 'test.txt').exists()


def test_lists_are_in_natural_order(exported):
    lists = ['splits/test.txt', 'VOC2007/ImageSets/Main/train.txt']
    assert [(exported / path).read_text() for path in lists] == ['001\n010\na.b\n'] * 2
    content = json.loads((exported / 'annotations' / 'test.json').read_text())
    assert [item['file_name'] for item in content['images']] == [
        *('001.png', '010.png', 'a.b.png')
    ]


def test_unknown_layout(tmp_path):
    with pytest.raises(ValueError, match="one of coco, voc, mmseg, got 'yolo'"):
        build_layout('yolo', tmp_path, METAINFO)
