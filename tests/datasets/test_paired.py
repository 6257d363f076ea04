import json

import numpy as np
import pytest
from mmengine.dataset import ClassBalancedDataset, pseudo_collate
from PIL import Image
from torch.utils.data import DataLoader

from tsjnet_mm.datasets import FolderDataset
from tsjnet_mm.datasets.paired import natural_key
from tsjnet_mm.datasets.transforms import LoadPair, LoadPairAnnotations, PackFusionInputs
from tsjnet_mm.io.errors import PairError
from tsjnet_mm.io.matching import find_pairs

BOXES = [(1, 2, 3, 12, 13), (0, 20, 4, 30, 20)]
CLASSES = {'classes': ('person', 'car')}


def stems(dataset):
    return [dataset.get_data_info(index)['img_id'] for index in range(len(dataset))]


def test_data_info(pair_folder):
    root = pair_folder(boxes=BOXES, seg_classes=9)
    info = FolderDataset(str(root), metainfo=CLASSES).get_data_info(1)
    instances = info.pop('instances')
    assert info == {
        'img_id': '002',
        'ir_path': str(root / 'ir/002.png'),
        'vi_path': str(root / 'vi/002.png'),
        'img_path': str(root / 'vi/002.png'),
        'seg_map_path': str(root / 'masks/002.png'),
        'height': 24,
        'width': 32,
        'sample_idx': 1,
    }
    assert [item['bbox_label'] for item in instances] == [1, 0]
    assert instances[0]['bbox'] == pytest.approx([2, 3, 12, 13])


def test_number_of_seg_classes_comes_from_metainfo(pair_folder):
    root = pair_folder(seg_classes=2)
    dataset = FolderDataset(str(root), metainfo={'seg_classes': ('road', 'car')})
    assert dataset.get_data_info(0)['num_seg_classes'] == 2


def test_natural_order():
    names = ['10', '9', 'frame_2', 'frame_10', 'a1', 'a01', '']
    expected = ['', '9', '10', 'a01', 'a1', 'frame_2', 'frame_10']
    assert sorted(names, key=natural_key) == expected
    names.reverse()
    assert sorted(names, key=natural_key) == expected


def test_stems_with_dots_and_different_extensions(pair_folder):
    root = pair_folder(
        stems=('a.b', 'a.c', 'a'), ir_extension='.tif', vi_extension='.JPG', boxes=BOXES
    )
    (root / 'ir' / 'Thumbs.db').write_text('')
    (root / 'vi' / '.hidden.png').write_text('')
    dataset = FolderDataset(str(root), metainfo=CLASSES)
    assert stems(dataset) == ['a', 'a.b', 'a.c']
    info = dataset.get_data_info(1)
    assert info['ir_path'].endswith('ir/a.b.tif')
    assert info['vi_path'].endswith('vi/a.b.JPG')
    assert len(info['instances']) == 2


def test_list_of_pairs(pair_folder):
    root = pair_folder(stems=('1', '2', '3', 'a.b', 'c.png'))
    (root / 'val.txt').write_text('3\na.b\n\nc.png\n 1.png \n')
    assert stems(FolderDataset(str(root), ann_file='val.txt')) == ['3', 'a.b', 'c.png', '1']
    (root / 'val.txt').write_text('3\n3.png\n')
    with pytest.raises(ValueError, match=r'val\.txt: listed more than once: 3'):
        FolderDataset(str(root), ann_file='val.txt')


def test_prefixes_and_coco_file(pair_folder):
    root = pair_folder(ir='thermal', vi='rgb')
    content = {
        'images': [{'id': 1, 'file_name': f'{stem}.jpg'} for stem in ('001', '002')],
        'categories': [{'id': 5, 'name': 'car'}],
        'annotations': [{'id': 1, 'image_id': 1, 'category_id': 5, 'bbox': [1, 1, 4, 5]}],
    }
    content['images'][1]['id'] = 2
    (root / 'boxes.json').write_text(json.dumps(content))
    (root / 'two.txt').write_text('001\n002')
    dataset = FolderDataset(
        str(root),
        data_prefix={'ir': 'thermal', 'vi': 'rgb', 'boxes': 'boxes.json'},
        ann_file='two.txt',
        metainfo=CLASSES,
    )
    assert dataset.get_data_info(0)['instances'][0]['bbox'] == [1, 1, 5, 6]
    assert dataset.get_data_info(1)['instances'] == []


@pytest.mark.parametrize(
    'annotations, keys',
    [
        ('auto', {'instances', 'seg_map_path'}),
        (['boxes'], {'instances'}),
        (['masks'], {'seg_map_path'}),
        ([], set()),
    ],
)
def test_choice_of_annotations(pair_folder, annotations, keys):
    root = pair_folder(boxes=BOXES, seg_classes=3)
    dataset = FolderDataset(str(root), annotations=annotations, metainfo=CLASSES)
    assert set(dataset.get_data_info(0)) & {'instances', 'seg_map_path'} == keys


def test_annotations_that_are_not_there(pair_folder):
    root = pair_folder()
    assert len(FolderDataset(str(root))) == 3
    with pytest.raises(FileNotFoundError, match=r'no masks at .*masks'):
        FolderDataset(str(root), annotations=['masks'])
    with pytest.raises(FileNotFoundError, match=r'no boxes at .*gone'):
        FolderDataset(str(root), data_prefix={'ir': 'ir', 'vi': 'vi', 'boxes': 'gone'})
    with pytest.raises(FileNotFoundError, match='data_prefix names none'):
        FolderDataset(str(root), data_prefix={'ir': 'ir', 'vi': 'vi'}, annotations=['boxes'])


def test_missing_folders_are_listed(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'nowhere/ir and .*nowhere/vi'):
        FolderDataset(str(tmp_path / 'nowhere'))


def test_folder_without_pairs(tmp_path):
    (tmp_path / 'ir').mkdir()
    (tmp_path / 'vi').mkdir()
    with pytest.raises(ValueError, match=r'no pair in .*ir \(0 images\)'):
        FolderDataset(str(tmp_path))


@pytest.mark.parametrize(
    'options, message',
    [
        ({'on_error': 'ignore'}, "on_error must be 'raise' or 'skip', got 'ignore'"),
        ({'annotations': ['box']}, r"annotations must be .* got \['box'\]"),
        ({'data_prefix': {'ir': 'ir'}}, r"must have ir and vi.*\['ir'\]"),
        ({'data_prefix': {'ir': 'i', 'vi': 'v', 'img': 'x'}}, 'img'),
    ],
)
def test_options_are_checked(options, message):
    with pytest.raises(ValueError, match=message):
        FolderDataset(lazy_init=True, **options)


def test_boxes_need_classes(pair_folder):
    root = pair_folder(boxes=BOXES)
    with pytest.raises(ValueError, match='metainfo must name classes'):
        FolderDataset(str(root))
    assert len(FolderDataset(str(root), annotations=[])) == 3


def test_lazy_init_touches_no_file():
    dataset = FolderDataset('nowhere', lazy_init=True, metainfo=CLASSES)
    assert dataset.metainfo['classes'] == ('person', 'car')
    with pytest.raises(FileNotFoundError, match='nowhere'):
        dataset.full_init()


@pytest.mark.parametrize('serialize', [True, False])
def test_indices_and_subsets(pair_folder, serialize):
    root = pair_folder()
    assert stems(FolderDataset(str(root), indices=2, serialize_data=serialize)) == [
        '001',
        '002',
    ]
    dataset = FolderDataset(str(root), serialize_data=serialize)
    assert stems(dataset.get_subset([2, 0])) == ['010', '001']


def test_filter_is_for_training_only(pair_folder):
    root = pair_folder(boxes=BOXES)
    (root / 'labels' / '002.txt').write_text('')
    options = {'data_root': str(root), 'metainfo': CLASSES}
    assert len(FolderDataset(**options)) == 3
    chosen = FolderDataset(filter_cfg={'filter_empty_gt': True}, **options)
    assert stems(chosen) == ['001', '010']
    assert len(FolderDataset(filter_cfg={'min_size': 24}, **options)) == 3
    with pytest.raises(ValueError, match=r'filter_cfg .* leaves none of 3 pairs'):
        FolderDataset(filter_cfg={'min_size': 25}, **options)
    testing = FolderDataset(filter_cfg={'filter_empty_gt': True}, test_mode=True, **options)
    assert len(testing) == 3


def test_class_balanced_wrapper(pair_folder):
    root = pair_folder(boxes=BOXES)
    (root / 'labels' / '001.txt').write_text('1 0.5 0.5 0.2 0.2\n')
    dataset = FolderDataset(str(root), metainfo=CLASSES)
    assert dataset.get_cat_ids(0) == [1]
    assert dataset.get_cat_ids(1) == [1, 0]
    assert FolderDataset(str(root), annotations=[]).get_cat_ids(0) == []
    balanced = ClassBalancedDataset(dataset, oversample_thr=1.0)
    assert len(balanced) > len(dataset)


def test_samples_pass_through_workers(pair_folder):
    root = pair_folder(boxes=BOXES, seg_classes=3)
    dataset = FolderDataset(
        str(root),
        metainfo=CLASSES,
        pipeline=[LoadPair(), LoadPairAnnotations(), PackFusionInputs()],
    )
    batches = list(DataLoader(dataset, batch_size=2, num_workers=1, collate_fn=pseudo_collate))
    assert [len(batch['inputs']['ir']) for batch in batches] == [2, 1]
    assert batches[0]['inputs']['vi'][1].shape == (3, 24, 32)
    sample = batches[1]['data_samples'][0]
    assert sample.img_id == '010'
    np.testing.assert_allclose(
        sample.gt_instances.bboxes.numpy(), [box[1:] for box in BOXES], atol=1e-5
    )


def test_pairs_as_fuse_pairs(pair_folder):
    root = pair_folder(seg_classes=3)
    for kind, affix in (('ir', '_ir'), ('vi', '_rgb')):
        for path in (root / kind).iterdir():
            path.rename(path.with_stem(f'{path.stem}{affix}'))
    found = FolderDataset(str(root))
    expected = find_pairs(root / 'ir', root / 'vi')
    for index, pair in enumerate(expected):
        info = found.get_data_info(index)
        assert (info['img_id'], info['ir_path'], info['vi_path']) == pair
        assert info['seg_map_path'] == str(root / 'masks' / f'{pair.name[:3]}.png')
    for kind in ('ir', 'vi'):
        for path in (root / kind).iterdir():
            path.rename(root / path.name)
    prefix = {'ir': '.', 'vi': '.'}
    assert stems(FolderDataset(str(root), data_prefix=prefix)) == [
        pair.name for pair in expected
    ]


def test_affixes_and_equal_stems_in_sub_folders(pair_folder):
    root = pair_folder()
    for path in (root / 'ir').iterdir():
        path.rename(path.with_stem(f'{path.stem}_T'))
    with pytest.raises(PairError, match='missing partner'):
        FolderDataset(str(root))
    assert stems(FolderDataset(str(root), ir_affix='_T')) == ['001', '002', '010']
    for clip in ('V0', 'V1'):
        pair_folder(root=f'kaist/{clip}', ir='lwir', vi='visible', stems=('I0',))
    found = FolderDataset(str(root / 'kaist'), data_prefix={'ir': '.', 'vi': '.'})
    assert stems(found) == ['V0/I0', 'V1/I0']
    assert found.get_data_info(1)['ir_path'].endswith('/V1/lwir/I0.png')


def test_infrared_of_another_size(pair_folder):
    root = pair_folder()
    for path in (root / 'ir').iterdir():
        Image.open(path).resize((16, 12)).save(path)
    options = {'data_root': str(root), 'pipeline': [LoadPair(resize=True)]}
    with pytest.raises(PairError, match='different sizes'):
        FolderDataset(**options)
    assert FolderDataset(any_ir_size=True, **options)[0]['ir'].shape == (24, 32)
    warped = LoadPair(homography=[[2, 0, 0], [0, 2, 0], [0, 0, 1]])
    options['pipeline'] = [warped]
    assert FolderDataset(any_ir_size=True, **options)[0]['ir'].shape == (24, 32)
