"""The lists of names that the package has."""

import json
from itertools import pairwise

import pytest

from tsjnet_mm.datasets import shipped_splits
from tsjnet_mm.datasets.shipped_splits import (
    check_against,
    copy_lists,
    find_split,
    splits_dir,
)
from tsjnet_mm.datasets.split_lists import read_names
from tsjnet_mm.datasets.splits import check_split, group_by_number, make_split

SIZES = {
    'msrs': {'train': 1083, 'test': 361},
    'm3fd': {'train': 3250, 'val': 500, 'test': 450},
    'm3fd-300': {'test': 300},
    'llvip': {'train': 12025, 'test': 3463},
    'fmb': {'train': 1220, 'test': 280},
    'roadscene-221': {'test': 221},
    'roadscene-50': {'train': 170, 'test': 50},
    'roadscene-21': {'train': 150, 'test': 21},
}


@pytest.mark.parametrize('name', SIZES)
def test_lists_have_the_published_sizes_and_do_not_overlap(name):
    stems = find_split(name).stems()
    assert {split: len(each) for split, each in stems.items()} == SIZES[name]
    every = [stem for each in stems.values() for stem in each]
    assert len({*every}) == len(every)


def test_splits_of_roadscene_are_parts_of_all_pairs():
    every = {*find_split('roadscene-221').stems()['test']}
    fifty, held_out = (find_split(f'roadscene-{number}').stems() for number in (50, 21))
    assert {*fifty['train'], *fifty['test']} == every - {'FLIR_09512'}  # A near-duplicate.
    assert not {*fifty['test']} & {*held_out['train'], *held_out['test']}


def test_m3fd_is_as_the_split_maker_makes_it():
    split = find_split('m3fd')
    names = [f'{number:05d}' for number in range(4200)]
    made = make_split(
        [(name, '', '') for name in names],
        [8, 1, 1],
        names=('train', 'val', 'test'),
        blocks=250,
        seed=16,
    )
    assert {k.removesuffix('.txt'): tuple(v) for k, v in made.lists.items()} == split.stems()
    check_split(split.lists['train'].with_name('split.json'), names)
    # Neighbours are on one side, but for those at the ends of blocks.
    side = {stem: name for name, stems in split.stems().items() for stem in stems}
    cut = [n for n in range(1, 4200) if side[names[n]] != side[names[n - 1]]]
    assert cut == [2750, 3000, 3250, 3500, 3750, 4000]


def test_m3fd_300_is_a_part_of_the_4200():
    fusion = {*find_split('m3fd-300').stems()['test']}
    shares = {k: len(fusion & {*stems}) for k, stems in find_split('m3fd').stems().items()}
    assert shares == {'train': 265, 'val': 17, 'test': 18}  # docs/datasets.md says so.


def test_a_place_of_llvip_is_on_one_side():
    stems = find_split('llvip').stems()
    places = {split: {stem[:2] for stem in each} for split, each in stems.items()}
    assert {split: len(each) for split, each in places.items()} == {'train': 19, 'test': 7}
    assert not places['train'] & places['test']
    assert {*read_names(splits_dir() / 'llvip_train.txt')} <= {*stems['train']}


def test_fmb_lists_all_names_in_runs():
    stems = find_split('fmb').stems()
    names = [f'{number:05d}' for number in range(1, 1501)]
    assert {*stems['train'], *stems['test']} == {*names}
    test = {*stems['test']}
    assert sum((a in test) != (b in test) for a, b in pairwise(names)) == 39


def test_numbers_make_groups():
    stems = ['v1_0099', 'v1_0100', 'v2_0100', 'v1_0199']
    assert group_by_number(stems, 100).tolist() == [0, 1, 2, 1]
    with pytest.raises(ValueError, match="'nothing' has no number"):
        group_by_number(['nothing'], 100)
    with pytest.raises(ValueError, match='at least 1'):
        group_by_number(stems, 0)


def test_a_changed_list_is_refused(monkeypatch, tmp_path):
    split = find_split('roadscene-50')
    folder = tmp_path / 'roadscene-50'
    folder.mkdir()
    for name, stems in split.stems().items():
        (folder / f'{name}.txt').write_text('\n'.join(stems[::-1]))  # Order does not count.
    index = split.lists['test'].parents[1] / 'index.json'
    (tmp_path / 'index.json').write_text(index.read_text())
    monkeypatch.setattr(shipped_splits, 'splits_dir', lambda: tmp_path)
    assert find_split('roadscene-50').stems()['test'] == split.stems()['test'][::-1]
    (folder / 'test.txt').write_text('FLIR_00211\n')
    with pytest.raises(ValueError, match='expected 50 names'):
        find_split('roadscene-50')
    with pytest.raises(ValueError, match="'tno' is no split"):
        find_split('tno')


def test_a_list_is_looked_for_in_its_own_folder():
    split = find_split('fmb')
    stems = split.stems()
    check_against(split, stems)
    check_against(split, {None: [*stems['train'], *stems['test']]})
    first, second, *others = stems['train']
    moved = {'train': others, 'test': [*stems['test'], first, second]}
    with pytest.raises(ValueError, match=f'2 .* folder of their list: {first}, {second}'):
        check_against(split, moved)


def test_lists_go_into_a_data_set_that_has_their_pairs(tmp_path):
    split = find_split('m3fd')
    with pytest.raises(ValueError, match='lists 4199 pairs that are missing: 00001'):
        check_against(split, {None: ['00000']})
    copy_lists(split, tmp_path)
    copy_lists(split, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {
        *('train.txt', 'val.txt', 'test.txt', 'split.json')
    }
    assert json.loads((tmp_path / 'split.json').read_text())['blocks'] == 250
    (tmp_path / 'val.txt').write_text('mine\n')
    with pytest.raises(FileExistsError, match='another list is there'):
        copy_lists(split, tmp_path)
    assert (tmp_path / 'val.txt').read_text() == 'mine\n'
