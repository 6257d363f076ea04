"""Lists of pairs as people and tools write them, and whether they belong to the data set."""

import json

import pytest

from tsjnet_mm.datasets import FolderDataset, MSRSDataset, PairError, paired
from tsjnet_mm.datasets.split_lists import read_list, read_names
from tsjnet_mm.datasets.splits import make_split, write_split
from tsjnet_mm.io.text import TextError

THERE = ('0001', 'a.b', 'my pair 2', 'Straße', '#7', 'set/x', '5_vis')


@pytest.fixture
def logged(monkeypatch):
    lines = []
    monkeypatch.setattr(paired, 'print_log', lambda message, *_: lines.append(message))
    return lines


@pytest.mark.parametrize(
    'line, stem',
    [
        ('0001', '0001'),
        ('0001.png', '0001'),
        ('0001.PNG', '0001'),
        (r'images\ir\0001.png', '0001'),
        (r'C:\data\vi\0001.bmp', '0001'),
        ('./vi/0001.jpg', '0001'),
        ('../other/a.b.tif', 'a.b'),
        ('a.b', 'a.b'),
        ('ir/my pair 2.png', 'my pair 2'),
        ('my pair 2  # dark', 'my pair 2'),
        ('Strase', None),
        ('Stra\u00dfe', 'Straße'),
        ('#7', '#7'),
        ('#8', ()),
        ('images/set/x.png', 'set/x'),
        (r'set\x', 'set/x'),
        ('5_ir.png', '5_vis'),
        ('0002.png', None),
        ('nan\x0b', None),
    ],
)
def test_lines(line, stem):
    stems, missing = read_list('list.txt', f'0001\n{line}\n' if stem != '0001' else line, THERE)
    stems = stems if stem == '0001' else stems[1:]
    if stem is None:
        assert [*missing] == stems and {*missing.values()} == {2}
    else:
        assert stems == ([stem] if stem else []) and missing == {}


def test_lists_that_cannot_be_meant():
    with pytest.raises(ValueError, match=r'list\.txt: listed more than once: 0001'):
        read_list('list.txt', '0001\nir/0001.png\n', THERE)
    for text in ('', '\n \n', '# nothing\n'):
        with pytest.raises(TextError, match=r'list\.txt: .*stems of pairs, one a line'):
            read_list('list.txt', text, THERE)


def test_dataset_by_a_list_of_windows(pair_folder):
    root = pair_folder(stems=['1', 'ü 2', '3'])
    (root / 'list.txt').write_bytes('# mine\r\n3\r\nC:\\data\\ir\\ü 2.png\r\n'.encode('utf-16'))
    dataset = FolderDataset(str(root), ann_file='list.txt', annotations=[])
    assert [dataset.get_data_info(i)['img_id'] for i in (0, 1)] == ['3', 'ü 2']
    (root / 'list.txt').write_bytes('ü 2\n'.encode('cp1252'))
    with pytest.raises(TextError, match=r'list\.txt: unreadable text: .*0xfc in line 1'):
        FolderDataset(str(root), ann_file='list.txt', annotations=[])
    dataset = FolderDataset(str(root), ann_file='list.txt', annotations=[], encoding='cp1252')
    assert dataset.get_data_info(0)['img_id'] == 'ü 2'


def test_list_of_another_set(pair_folder, logged):
    root = pair_folder(stems=['1', '2', '3'])
    (root / 'list.txt').write_text('1\n00001D\n00002D\n')
    message = (
        r'list\.txt, line 2, 00001D: missing partner: expected the name of a pair in .*ir and '
        r'.*vi, found none \(2 of 3 names'
    )
    with pytest.raises(PairError, match=message):
        FolderDataset(str(root), ann_file='list.txt', annotations=[])
    dataset = FolderDataset(str(root), ann_file='list.txt', annotations=[], on_error='skip')
    assert len(dataset) == 1
    (line,) = logged
    assert line.startswith('FolderDataset: pairs skipped, missing partner: 2 (the first: ')
    (root / 'list.txt').write_text('00001D\n')
    with pytest.raises(ValueError, match='no pair in'):
        FolderDataset(str(root), ann_file='list.txt', annotations=[], on_error='skip')


def test_list_is_compared_with_its_record(pair_folder, logged):
    stems = [f'{number}' for number in range(6)]
    root = pair_folder(stems=stems)
    pairs = [(stem, root / f'ir/{stem}.png', root / f'vi/{stem}.png') for stem in stems]
    write_split(make_split(pairs, ratio=(2, 1), source={'dataset': 'folder'}), root)

    def build():
        logged.clear()
        FolderDataset(str(root), ann_file='train.txt', annotations=[])
        return '\n'.join(logged)

    assert build() == ''
    text = (root / 'train.txt').read_text()
    (root / 'train.txt').write_bytes(b'\xef\xbb\xbf' + text.replace('\n', '\r\n').encode())
    assert build() == ''  # an editor's line ends are no change
    (root / 'train.txt').write_text(text.partition('\n')[2])
    assert build() == (
        f'FolderDataset: {root}/train.txt: changed since it was made, as {root}/split.json says'
    )
    (root / 'train.txt').write_text(text)
    for folder in ('ir', 'vi'):
        (root / folder / '5.png').rename(root / folder / '6.png')
    (root / 'train.txt').write_text(text.replace('5', '6'))
    assert f'{root}/train.txt: made for other pairs (6, as {root}/split.json says)' in build()
    (root / 'split.json').write_text(json.dumps({'another': 'tool'}))
    assert build() == ''


def test_list_of_another_dataset(pair_folder, logged):
    stems = ['1', '2', '3', '4']
    root = pair_folder(stems=stems)
    for folder in ('ir', 'vi'):
        (root / 'train').mkdir(exist_ok=True)
        (root / folder).rename(root / 'train' / folder)
    root /= 'train'
    pairs = [(stem, root / f'ir/{stem}.png', root / f'vi/{stem}.png') for stem in stems]
    write_split(make_split(pairs, ratio=(1, 1), source={'dataset': 'm3fd'}), root.parent)
    MSRSDataset(str(root.parent), ann_file='train.txt', annotations=[])
    assert logged == [
        f'MSRSDataset: {root.parent}/train.txt: made for the data set m3fd, as '
        f'{root.parent}/split.json says, not for msrs'
    ]


def test_names_of_classes(pair_folder, tmp_path):
    path = tmp_path / 'names.txt'
    path.write_bytes('\ufeff# mine\r\n person \r\n\r\ntraffic light\r\n'.encode())
    assert read_names(path) == ('person', 'traffic light')
    root = pair_folder(boxes=[(1, 2, 3, 12, 13)])
    dataset = FolderDataset(str(root), metainfo={'classes': str(path)})
    assert dataset.metainfo['classes'] == ['person', 'traffic light']
    path.write_bytes('人\n汽车\n'.encode('gbk'))
    dataset = FolderDataset(str(root), metainfo={'classes': str(path)}, encoding='gbk')
    assert dataset.metainfo['classes'] == ['人', '汽车']
    with pytest.raises(TextError, match=r'names\.txt: unreadable text'):
        FolderDataset(str(root), metainfo={'classes': str(path)})
    path.write_text('\n')
    with pytest.raises(TextError, match=r'names\.txt: malformed file: .*found none'):
        FolderDataset(str(root), metainfo={'classes': str(path)})
    with pytest.raises(FileNotFoundError, match=r'person: no such file; classes is a tuple'):
        FolderDataset(str(root), metainfo={'classes': 'person'})
    with pytest.raises(ValueError, match=r'each class once, got car twice'):
        FolderDataset(str(root), metainfo={'classes': ('car', 'person', 'car')})


def test_labels_that_do_not_belong_are_logged_once(pair_folder, logged):
    root = pair_folder(boxes=[(1, 2, 3, 12, 13)])
    for name in ('old_1.txt', 'old_2.TXT', 'classes.txt'):
        (root / 'labels' / name).write_text('person\ncar\n')
    FolderDataset(str(root), metainfo={'classes': ('person', 'car')})
    assert logged == [
        f'FolderDataset: {root}/labels: labels without an image, not used: 2 '
        '(old_1.txt, old_2.TXT)'
    ]
