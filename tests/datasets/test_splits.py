import json

import numpy as np
import pytest

from tsjnet_mm.datasets import FolderDataset, splits
from tsjnet_mm.datasets.splits import (
    assign_groups,
    check_split,
    make_split,
    read_record,
    write_split,
)

#: Every third pair repeats the one before it.
GROUPS = [0, 1, 1, 2, 3, 3, 4, 5, 5, 6, 7, 7, 8, 9, 9, 10, 11, 11, 12, 13]
STEMS = [f'frame_{number}' for number in range(len(GROUPS))]


@pytest.fixture
def pairs(monkeypatch):
    """Pairs whose near-duplicates are known without images."""
    monkeypatch.setattr(
        splits,
        'describe_pair',
        lambda ir, vi: np.eye(14, dtype=np.float32)[GROUPS[int(ir.split('_')[1])]],
    )
    return [(stem, stem, stem) for stem in reversed(STEMS)]


def straddling(split):
    sides = {}
    for name, stems in split.lists.items():
        for stem in stems:
            sides.setdefault(split.groups[stem], set()).add(name)
    return [group for group, names in sides.items() if len(names) > 1]


@pytest.mark.parametrize('seed', range(10))
def test_ratio(pairs, seed):
    split = make_split(pairs, ratio=(3, 1), seed=seed)
    assert {name: len(stems) for name, stems in split.lists.items()} == {
        'train.txt': 15,
        'val.txt': 5,
    }
    assert sorted(split.lists['train.txt'] + split.lists['val.txt']) == sorted(STEMS)
    assert not straddling(split)
    assert [*split.groups] == STEMS and [*split.groups.values()] == GROUPS
    numbers = [int(stem[6:]) for stem in split.lists['train.txt']]
    assert numbers == sorted(numbers)


def test_seed_and_options_decide(pairs):
    first = make_split(pairs, ratio=(3, 1), seed=1)
    assert make_split(pairs[::-1], ratio=(3, 1), seed=1, workers=1) == first
    assert make_split(pairs, ratio=(3, 1), seed=2).lists != first.lists
    apart = make_split(pairs, ratio=(3, 1), seed=1, threshold=2)
    assert apart.record['groups'] == 20 and first.record['groups'] == 14


def test_counts_and_names(pairs):
    split = make_split(pairs, counts=(12, 3, 5), names=('train', 'val', 'test'))
    assert [len(stems) for stems in split.lists.values()] == [12, 3, 5]
    assert [*split.lists] == ['train.txt', 'val.txt', 'test.txt']
    assert split.record['counts'] == [12, 3, 5] and split.record['ratio'] is None


@pytest.mark.parametrize('folds', [2, 5])
def test_each_pair_is_in_one_fold(pairs, folds):
    split = make_split(pairs, folds=folds)
    assert [*split.lists][:2] == ['fold_1_train.txt', 'fold_1_val.txt']
    held = [stems for name, stems in split.lists.items() if name.endswith('_val.txt')]
    assert sorted(stem for stems in held for stem in stems) == sorted(STEMS)
    assert {len(stems) for stems in held} == {20 // folds}
    for fold in range(1, folds + 1):
        train, val = (set(split.lists[f'fold_{fold}_{name}.txt']) for name in ('train', 'val'))
        assert train | val == {*STEMS} and not train & val
        assert not {split.groups[stem] for stem in train} & {split.groups[s] for s in val}


def test_strata_are_spread():
    strata = ['day'] * 40 + ['night'] * 20
    for seed in range(5):
        sides = assign_groups(np.arange(60), [45, 15], seed, strata)
        assert sides[:40].sum() == 10 and sides[40:].sum() == 5
    assert (assign_groups(np.arange(60), [45, 15], 0) != sides).any()


def test_large_group_goes_where_there_is_room():
    groups = np.array([0] * 6 + [1, 2, 3, 4])
    for seed in range(5):
        sides = assign_groups(groups, [2, 8], seed)
        assert sides[0] == 1 and (sides == 0).sum() == 2


def test_balanced_by_class(pairs):
    labels = {stem: ['car'] if int(stem[6:]) < 10 else ['car', 'lamp'] for stem in STEMS}
    split = make_split(pairs, ratio=(1, 1), labels=labels)
    assert split.record['balanced_by_class']
    for name, count, groups, objects in split.rows(labels):
        assert (name.endswith('.txt'), count, objects['car']) == (True, 10, 10)
        assert groups == 7 and 4 <= objects['lamp'] <= 6


@pytest.mark.parametrize(
    'options, message',
    [
        ({}, 'give one of ratio, counts and folds'),
        ({'ratio': (1, 1), 'folds': 2}, 'give one of ratio, counts and folds'),
        ({'ratio': (1, 1, 1)}, r'a number above 0 for each of train, val, got \[1, 1, 1\]'),
        ({'ratio': (1, 0)}, 'a number above 0'),
        ({'counts': (10, 5)}, 'counts must add up to the 20 pairs, got 15'),
        ({'folds': 21}, r'folds must be within 2\.\.20, with two names, got 21 and 2'),
        ({'ratio': (1, 1), 'names': ('a', 'a')}, 'a name of its own, got a, a'),
        ({'ratio': (1, 1), 'threshold': 0}, 'threshold must be above 0, got 0'),
        ({'folds': 15}, '20 pairs in 14 groups of near-duplicates, of up to 2 pairs, do not'),
    ],
)
def test_bad_options(pairs, options, message):
    with pytest.raises(ValueError, match=message):
        make_split(pairs, **options)


def test_written_again_the_same(pairs, tmp_path):
    split = make_split(pairs, ratio=(3, 1), source={'dataset': 'folder'})
    assert write_split(split, tmp_path / 'new')
    files = {path.name: path.read_bytes() for path in (tmp_path / 'new').iterdir()}
    assert {*files} == {'train.txt', 'val.txt', 'split.json'}
    assert files['train.txt'].decode().splitlines() == split.lists['train.txt']
    again = make_split(pairs, ratio=(3, 1), source={'dataset': 'folder'})
    assert not write_split(again, tmp_path / 'new')
    write_split(again, tmp_path / 'other')
    assert files == {path.name: path.read_bytes() for path in (tmp_path / 'other').iterdir()}
    assert read_record(tmp_path / 'new/split.json') == split.record


def test_other_lists_are_not_lost(pairs, tmp_path):
    (tmp_path / 'train.txt').write_text('mine\n')
    split = make_split(pairs, ratio=(3, 1))
    with pytest.raises(FileExistsError, match=r'another train\.txt is there'):
        write_split(split, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ['train.txt']
    assert (tmp_path / 'train.txt').read_text() == 'mine\n'
    assert write_split(split, tmp_path, overwrite=True)
    check_split(tmp_path / 'split.json', STEMS)


def test_check_lists_all_that_differs(pairs, tmp_path):
    write_split(make_split(pairs, ratio=(3, 1)), tmp_path)
    record = tmp_path / 'split.json'
    check_split(record, STEMS)
    with pytest.raises(ValueError) as error:
        check_split(record, [*STEMS[1:], 'frame_99'])
    assert 'not there: frame_0\n  in no list: frame_99' in str(error.value)
    text = (tmp_path / 'val.txt').read_text()
    (tmp_path / 'val.txt').write_text(text + 'frame_1\n')
    with pytest.raises(ValueError, match=r'val\.txt: changed since it was made'):
        check_split(record, STEMS)
    (tmp_path / 'val.txt').unlink()
    with pytest.raises(ValueError, match=r'val\.txt: no such list'):
        check_split(record, STEMS)


def test_no_record(tmp_path):
    with pytest.raises(FileNotFoundError):
        check_split(tmp_path / 'split.json', STEMS)
    for text in ('no json', '[]', json.dumps({'generator': 'other'})):
        (tmp_path / 'split.json').write_text(text)
        with pytest.raises(ValueError, match=r'expected the split\.json of a split'):
            check_split(tmp_path / 'split.json', STEMS)


def test_lists_are_read_by_the_dataset(pair_folder):
    stems = [f'{number}' for number in range(8)] + ['a.b']
    root = pair_folder(stems=stems)
    pairs = [(stem, root / f'ir/{stem}.png', root / f'vi/{stem}.png') for stem in stems]
    split = make_split(pairs, ratio=(2, 1))
    write_split(split, root)
    for name, listed in split.lists.items():
        dataset = FolderDataset(str(root), ann_file=name)
        assert [dataset.get_data_info(i)['img_id'] for i in range(len(dataset))] == listed


def test_real_pairs(real_data):
    dataset = FolderDataset(str(real_data / 'RoadScene'), annotations=[])
    infos = [dataset.get_data_info(index) for index in range(len(dataset))]
    pairs = [(info['img_id'], info['ir_path'], info['vi_path']) for info in infos]
    split = make_split(pairs, folds=5)
    assert (split.record['groups'], split.record['largest_group']) == (167, 2)
    held = {
        stem: name
        for name, stems in split.lists.items()
        for stem in stems
        if name.endswith('_val.txt')
    }
    assert len(held) == 171
    assert held['FLIR_06099'] == held['FLIR_06128']
    assert held['FLIR_07119'] == held['FLIR_07125']
    assert held['FLIR_09437'] == held['FLIR_video_02223']
