"""Every way in which a pair can be wrong, raised and skipped."""

import pickle
import re

import numpy as np
import pytest
from mmengine.dataset import pseudo_collate
from PIL import Image
from torch.utils.data import DataLoader

from tsjnet_mm.datasets import FolderDataset, PairError, paired
from tsjnet_mm.datasets.transforms import LoadPair, LoadPairAnnotations

META = {'classes': ('person', 'car'), 'seg_classes': ('road', 'person', 'car')}


@pytest.fixture
def root(pair_folder):
    return pair_folder(boxes=[(1, 2, 3, 12, 13)], seg_classes=3)


@pytest.fixture
def logged(monkeypatch):
    lines = []
    monkeypatch.setattr(paired, 'print_log', lambda message, *_: lines.append(message))
    return lines


def save(path, shape, value=0):
    Image.fromarray(np.full(shape, value, np.uint8)).save(path)


def halve(path):
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def label(text):
    return lambda root: (root / 'labels' / '002.txt').write_text(text)


AT_START = {
    'no infrared': (
        lambda root: (root / 'ir/002.png').unlink(),
        'missing partner',
        r'ir/002\.\*.*expected the infrared image of 002',
    ),
    'no visible': (
        lambda root: (root / 'vi/002.png').unlink(),
        'missing partner',
        r'vi/002\.\*.*expected the visible image of 002',
    ),
    'two images of a name': (
        lambda root: save(root / 'ir/002.bmp', (24, 32)),
        'ambiguous name',
        r'ir/002: .*expected one image, found 002\.bmp, 002\.png',
    ),
    'sizes': (
        lambda root: save(root / 'ir/002.png', (24, 30)),
        'different sizes',
        r'ir/002\.png.*expected 32x24 as .*vi/002\.png, found 30x24',
    ),
    'unreadable visible': (
        lambda root: (root / 'vi/002.png').write_bytes(b''),
        'unreadable file',
        r'vi/002\.png.*expected a whole image, found 0 bytes',
    ),
    'unreadable infrared': (
        lambda root: (root / 'ir/002.png').write_bytes(b'abc'),
        'unreadable file',
        r'ir/002\.png.*found 3 bytes',
    ),
    'no label file': (
        lambda root: (root / 'labels/002.txt').unlink(),
        'missing label file',
        r'labels/002\.txt.*expected labels of 002',
    ),
    'box outside': (
        label('0 0.9 0.5 0.6 0.1'),
        'label outside the image',
        r'labels/002\.txt.*32x24.*corners \(19\.2, 10\.8, 38\.4, 13\.2\) in line 1',
    ),
    'class': (
        label('7 0.5 0.5 0.1 0.1'),
        'unknown class',
        r'labels/002\.txt.*expected one of 0 person, 1 car, found class 7 in line 1',
    ),
    'label': (
        label('person'),
        'malformed label',
        r'labels/002\.txt.*expected class cx cy w h.*in line 1',
    ),
    'no mask': (
        lambda root: (root / 'masks/002.png').unlink(),
        'missing mask',
        r'masks/002\.\*.*expected the mask of 002',
    ),
    'mask size': (
        lambda root: save(root / 'masks/002.png', (12, 16)),
        'mask of another size',
        r'masks/002\.png.*expected 32x24 as .*vi/002\.png, found 16x12',
    ),
}


@pytest.mark.parametrize('kind', AT_START)
def test_raised_at_the_start(root, kind):
    spoil, reason, message = AT_START[kind]
    spoil(root)
    with pytest.raises(PairError, match=message) as caught:
        FolderDataset(str(root), metainfo=META)
    assert caught.value.reason == reason


@pytest.mark.parametrize('kind', AT_START)
def test_skipped_at_the_start(root, logged, kind):
    spoil, reason, _ = AT_START[kind]
    spoil(root)
    dataset = FolderDataset(str(root), metainfo=META, on_error='skip')
    assert [dataset.get_data_info(index)['img_id'] for index in (0, 1)] == ['001', '010']
    assert len(dataset) == 2
    (line,) = logged
    assert line.startswith(f'FolderDataset: pairs skipped, {reason}: 1 (the first: {root}')


def test_one_line_for_each_reason(root, logged):
    (root / 'ir/001.png').unlink()
    (root / 'vi/002.png').unlink()
    save(root / 'ir/010.png', (24, 30))
    (root / 'ann.txt').write_text('001\n002\n010')
    with pytest.raises(ValueError, match=r'no pair in .*3 skipped'):
        FolderDataset(str(root), metainfo=META, on_error='skip')
    assert [line.split('(')[0] for line in logged] == [
        'FolderDataset: pairs skipped, missing partner: 2 ',
        'FolderDataset: pairs skipped, different sizes: 1 ',
    ]


def test_listed_pair_that_is_not_there(root, logged):
    (root / 'ann.txt').write_text('001\n003\n')
    with pytest.raises(PairError, match=r'003.*missing partner'):
        FolderDataset(str(root), metainfo=META, ann_file='ann.txt')
    dataset = FolderDataset(str(root), metainfo=META, ann_file='ann.txt', on_error='skip')
    assert len(dataset) == 1


WHEN_LOADED = {
    'truncated infrared': (
        lambda root: halve(root / 'ir/002.png'),
        True,
        r'ir/002\.png: unreadable file',
    ),
    'truncated visible': (
        lambda root: halve(root / 'vi/002.png'),
        True,
        r'vi/002\.png: unreadable file',
    ),
    'truncated mask': (
        lambda root: halve(root / 'masks/002.png'),
        True,
        r'masks/002\.png: unreadable file',
    ),
    'mask index': (
        lambda root: save(root / 'masks/002.png', (24, 32), 3),
        True,
        r'masks/002\.png: mask index out of range: expected classes 0 to 2.*found index 3',
    ),
    'colour mask': (
        lambda root: save(root / 'masks/002.png', (24, 32, 3)),
        True,
        r'masks/002\.png: mask not an index image.*mode RGB',
    ),
    'sizes without check': (
        lambda root: save(root / 'ir/002.png', (24, 30)),
        False,
        r'ir/002\.png: different sizes: expected 32x24 as .*vi/002\.png, found 30x24',
    ),
    'mask size without check': (
        lambda root: save(root / 'masks/002.png', (12, 16)),
        False,
        r'masks/002\.png: mask of another size: expected 32x24 as .*, found 16x12',
    ),
}


def build(root, check, **options):
    return FolderDataset(
        str(root),
        metainfo=META,
        check=check,
        pipeline=[LoadPair(), LoadPairAnnotations()],
        **options,
    )


@pytest.mark.parametrize('kind', WHEN_LOADED)
@pytest.mark.parametrize('on_error, test_mode', [('raise', False), ('skip', True)])
def test_raised_when_loaded(root, kind, on_error, test_mode):
    spoil, check, message = WHEN_LOADED[kind]
    spoil(root)
    dataset = build(root, check, on_error=on_error, test_mode=test_mode)
    assert dataset[0]['img_id'] == '001'
    with pytest.raises(PairError, match=message):
        dataset[1]


@pytest.mark.parametrize('kind', WHEN_LOADED)
def test_replaced_when_loaded(root, logged, kind):
    spoil, check, message = WHEN_LOADED[kind]
    spoil(root)
    dataset = build(root, check, on_error='skip')
    np.random.seed(0)
    taken = {dataset[1]['img_id'] for _ in range(20)}
    assert taken == {'001', '010'}
    (line,) = logged
    assert line.startswith('FolderDataset: pair skipped')
    assert re.search(message, line)


def test_error_survives_a_worker(root):
    halve(root / 'ir/002.png')
    loader = DataLoader(build(root, True), num_workers=1, collate_fn=pseudo_collate)
    with pytest.raises(PairError, match=r'ir/002\.png: unreadable file'):
        list(loader)


def test_error_keeps_its_reason_when_pickled():
    error = pickle.loads(pickle.dumps(PairError.of('why', 'a.png', 'this', 'that')))
    assert str(error) == 'a.png: why: expected this, found that'
    assert error.reason == 'why'
