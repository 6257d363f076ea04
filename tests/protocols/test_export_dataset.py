import json
import os

import numpy as np
import pytest
from PIL import Image

from tsjnet_mm.apis import FusionInferencer
from tsjnet_mm.datasets import FolderDataset
from tsjnet_mm.io.errors import PairError
from tsjnet_mm.io.lens import Lens
from tsjnet_mm.protocols.export_dataset import ExportedSplit, config_lines, export_dataset

BOXES = [(1, 3, 4, 10, 20), (0, 0, 0, 32, 24)]
METAINFO = {'classes': ('person', 'car'), 'seg_classes': ('road', 'car', 'person')}


@pytest.fixture
def root(pair_folder):
    return pair_folder(root='data', boxes=BOXES, seg_classes=3)


@pytest.fixture
def dataset(root):
    return FolderDataset(str(root), metainfo=METAINFO, pipeline=[], serialize_data=False)


@pytest.fixture
def inferencer():
    return FusionInferencer('average', show_progress=False)


def times(folder):
    return {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}


def test_counts(dataset, inferencer, tmp_path):
    out = tmp_path / 'out'
    done = export_dataset(dataset, out, 'train', inferencer, ('coco', 'voc', 'mmseg'))
    assert done == ExportedSplit(pairs=3, written=3, kept=0, objects=6)
    assert sorted(path.name for path in out.iterdir()) == [
        *('VOC2007', 'ann_dir', 'annotations', 'dataset.json', 'img_dir', 'splits', 'train')
    ]
    files = [path for path in out.rglob('*') if path.is_file()]
    # three images of three layouts, three xml, three masks, two lists, two json
    assert len(files) == 9 + 3 + 3 + 2 + 2


def test_pairs_without_boxes_count_none(pair_folder, tmp_path):
    root = pair_folder(root='other', seg_classes=3)
    dataset = FolderDataset(str(root), metainfo=METAINFO, pipeline=[], serialize_data=False)
    assert export_dataset(dataset, tmp_path / 'out', 'a', 'vi', 'mmseg').objects is None


def test_images_are_the_inferencers(dataset, inferencer, root, tmp_path):
    export_dataset(dataset, tmp_path / 'out', 'train', inferencer, 'coco')
    expected = inferencer(root / 'ir' / '002.png', root / 'vi' / '002.png')[0]
    with Image.open(tmp_path / 'out' / 'train' / '002.png') as image:
        assert image.mode == 'RGB'
        assert np.array_equal(np.asarray(image), expected)


def test_a_second_run_finishes_what_is_missing(dataset, inferencer, tmp_path):
    out = tmp_path / 'out'
    export_dataset(dataset, out, 'train', inferencer, ('coco', 'voc'))
    before = times(out / 'train')
    assert export_dataset(dataset, out, 'train', inferencer, ('coco', 'voc'))[1:3] == (0, 3)
    assert times(out / 'train') == before
    (out / 'train' / '001.png').unlink()
    torn = out / 'VOC2007' / 'JPEGImages' / '010.jpg'
    torn.write_bytes(torn.read_bytes()[:20])
    assert export_dataset(dataset, out, 'train', inferencer, ('coco', 'voc'))[1:3] == (2, 1)
    assert times(out / 'train')['002.png'] == before['002.png']
    with Image.open(torn) as image:
        image.load()


def test_other_images_replace_those_there(dataset, inferencer, root, tmp_path):
    out = tmp_path / 'out'
    for images in (inferencer, 'ir', 'vi', root / 'vi', root / 'ir'):
        assert export_dataset(dataset, out, 'train', images, 'coco').written == 3
        assert export_dataset(dataset, out, 'train', images, 'coco').written == 0
    assert export_dataset(dataset, out, 'train', 'ir', 'coco', ir_range=(0, 9)).written == 3
    (root / 'ir' / '002.png').write_bytes((root / 'ir' / '001.png').read_bytes())
    os.utime(root / 'ir' / '002.png', ns=(0, 0))
    done = export_dataset(dataset, out, 'train', 'ir', 'coco', ir_range=(0, 9))
    assert (done.written, done.kept) == (1, 2)


def test_same_names_of_another_folder_are_other_images(dataset, pair_folder, tmp_path):
    out = tmp_path / 'out'
    export_dataset(dataset, out, 'train', 'vi', 'coco')
    root = pair_folder(root='copy', boxes=BOXES)
    for path in (root / 'vi').iterdir():
        Image.open(path).rotate(180).save(path)
        os.utime(path, ns=(0, 0))
    other = FolderDataset(str(root), metainfo=METAINFO, pipeline=[], serialize_data=False)
    assert export_dataset(other, out, 'train', 'vi', 'coco').written == 3


def test_manifest(dataset, inferencer, root, tmp_path):
    out = tmp_path / 'out'
    export_dataset(dataset, out, 'train', inferencer, 'coco')
    export_dataset(dataset, out, 'test', 'ir', ('coco', 'mmseg'))
    manifest = json.loads((out / 'dataset.json').read_text())
    assert manifest['classes'] == ['person', 'car']
    assert manifest['seg_classes'] == ['road', 'car', 'person']
    assert 'palette' not in manifest
    exports = manifest['exports']
    assert {layout: [*splits] for layout, splits in exports.items()} == {
        'coco': ['train', 'test'],
        'mmseg': ['test'],
    }
    train, test = exports['coco'].values()
    assert (train['pairs'], train['objects']) == (3, 6)
    assert train['images']['fusor'] == 'AverageFusor'
    assert len(train['images']['weights']) == 16
    assert train['from']['vi'] == str(root / 'vi')
    assert test['images']['modality'] == 'ir'


def test_other_classes_go_elsewhere(dataset, root, tmp_path):
    out = tmp_path / 'out'
    export_dataset(dataset, out, 'train', 'vi', 'coco')
    metainfo = {**METAINFO, 'classes': ('human', 'car')}
    other = FolderDataset(str(root), metainfo=metainfo, pipeline=[], serialize_data=False)
    with pytest.raises(ValueError, match=r"dataset\.json: expected the classes \['human'"):
        export_dataset(other, out, 'test', 'vi', 'coco')
    assert not (out / 'test').exists()


@pytest.mark.parametrize('text', ['', '[]', '{"exports": 3}'])
def test_damaged_manifest(dataset, tmp_path, text):
    (tmp_path / 'dataset.json').write_text(text)
    with pytest.raises(ValueError, match=r'dataset\.json: expected the description'):
        export_dataset(dataset, tmp_path, 'train', 'vi', 'coco')
    with pytest.raises(ValueError, match=r'dataset\.json: expected the description'):
        config_lines(tmp_path, 'coco')


def test_config_of_a_layout_that_is_not_there(dataset, tmp_path):
    export_dataset(dataset, tmp_path / 'out', 'train', 'vi', 'coco')
    with pytest.raises(ValueError, match='layout voc, found none'):
        config_lines(tmp_path / 'out', 'voc')


@pytest.mark.parametrize(
    ('layout', 'folders', 'metainfo', 'message'),
    [
        ('coco', {}, {}, 'CocoLayout needs boxes, and the data have none .* 001'),
        ('voc', {}, {}, 'VocLayout needs boxes'),
        ('mmseg', {'boxes': BOXES}, METAINFO, 'MmsegLayout needs masks'),
        ('mmseg', {'seg_classes': 3}, {}, 'MmsegLayout needs names: give seg_classes'),
    ],
)
def test_data_that_lack_something(pair_folder, tmp_path, layout, folders, metainfo, message):
    root = pair_folder(root='other', **folders)
    dataset = FolderDataset(str(root), metainfo=metainfo, pipeline=[], serialize_data=False)
    with pytest.raises(ValueError, match=message):
        export_dataset(dataset, tmp_path / 'out', 'train', 'vi', ('coco', layout)[-1:])
    assert not (tmp_path / 'out').exists()


@pytest.mark.parametrize('split', ['', '.', '../a', 'a/b', 'annotations', 'img_dir'])
def test_names_that_are_no_split(dataset, tmp_path, split):
    with pytest.raises(ValueError, match='a split is named by letters'):
        export_dataset(dataset, tmp_path / 'out', split, 'vi', 'coco')


def test_sources_are_not_written_over(dataset, root, tmp_path):
    before = {path: path.read_bytes() for path in root.rglob('*') if path.is_file()}
    for out in (root, root / 'vi', tmp_path):
        with pytest.raises(ValueError, match='export to another folder'):
            export_dataset(dataset, out, 'vi', 'ir', 'coco')
    assert {path: path.read_bytes() for path in before} == before
    fused = tmp_path / 'out' / 'img_dir' / 'train'
    export_dataset(dataset, tmp_path / 'out', 'train', 'vi', 'mmseg')
    with pytest.raises(ValueError, match='export to another folder'):
        export_dataset(dataset, tmp_path / 'out', 'train', fused, 'mmseg')


def test_labels_do_not_fit_straightened_images(dataset, tmp_path):
    lens = Lens([[32, 0, 16], [0, 32, 12], [0, 0, 1]], [-0.4, 0.1, 0, 0])
    for kind in ('vi', 'ir'):
        with pytest.raises(
            ValueError, match='labels are of the visible images as they are sto'
        ):
            export_dataset(
                dataset, tmp_path / 'out', 'train', kind, 'coco', vi_calibration=lens
            )
    assert not (tmp_path / 'out').exists()
    export_dataset(dataset, tmp_path / 'out', 'train', 'ir', 'coco', ir_calibration=lens)


def test_lists_come_after_all_images(dataset, root, tmp_path):
    (root / 'vi' / '010.png').write_bytes((root / 'vi' / '010.png').read_bytes()[:60])
    with pytest.raises(PairError, match=r'010\.png: unreadable file'):
        export_dataset(dataset, tmp_path / 'out', 'train', 'vi', ('coco', 'voc', 'mmseg'))
    files = {path.name for path in (tmp_path / 'out').rglob('*') if path.is_file()}
    assert files == {'001.png', '001.jpg', '002.png', '002.jpg'}


def test_masks_out_of_range(dataset, root, tmp_path):
    Image.fromarray(np.full((24, 32), 3, np.uint8)).save(root / 'masks' / '002.png')
    with pytest.raises(PairError, match=r'masks/002\.png: .*classes 0 to 2.*index 3'):
        export_dataset(dataset, tmp_path / 'out', 'train', 'vi', 'mmseg')
    assert not (tmp_path / 'out' / 'splits').exists()
