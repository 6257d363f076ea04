import pytest

TOOL = 'dataset_converters/make_split.py'
STEMS = [f'{number:02d}' for number in range(10)]


@pytest.fixture
def root(pair_folder):
    return pair_folder(stems=STEMS, boxes=[(1, 2, 3, 12, 13)])


def test_ratio_then_check(run_main, root):
    status, text, log = run_main(TOOL, root, '--classes', 'person', 'car')
    assert status == 0
    lines = text.splitlines()
    assert lines[0] == (
        '10 pairs in 10 groups of near-duplicates (threshold 0.25); the largest has 1 pair'
    )
    assert [line.split() for line in lines[1:]] == [
        ['list', 'pairs', 'groups', 'car'],
        ['train.txt', '8', '8', '8'],
        ['val.txt', '2', '2', '2'],
    ]
    assert 'comparing' in log and log.endswith('2 lists and split.json written\n')
    listed = [(root / name).read_text().split() for name in ('train.txt', 'val.txt')]
    assert sorted(listed[0] + listed[1]) == STEMS

    status, _, log = run_main(TOOL, root, '--classes', 'person', 'car', '--quiet')
    assert status == 0 and log.endswith('already there, the same\n')
    status, _, log = run_main(TOOL, root, '--seed', 3, '--quiet')
    assert status == 1 and 'not overwritten' in log

    status, text, _ = run_main(TOOL, root, '--check', root / 'split.json')
    assert status == 0 and text.endswith('as they were made, of all 10 pairs\n')
    (root / 'val.txt').write_text('00\n')
    status, _, log = run_main(TOOL, root, '--check', root / 'split.json')
    assert status == 1 and f'{root}/val.txt: changed since it was made' in log


def test_folds_of_a_split(run_main, pair_folder, tmp_path):
    root = pair_folder(root='MSRS/train', stems=STEMS).parent
    options = (root, '--dataset', 'msrs', '--split', 'train', '--folds', 5, '--quiet')
    status, text, _ = run_main(TOOL, *options, '--out', tmp_path / 'folds')
    assert status == 0 and text.count('fold_') == 10
    assert len([*(tmp_path / 'folds').glob('fold_*_val.txt')]) == 5


def test_errors_are_one_line(run_main, root, tmp_path):
    for options, message in (
        ((root, '--counts', 5, 4), 'counts must add up to the 10 pairs, got 9'),
        ((tmp_path / 'none',), 'FolderDataset: no folders'),
        ((root, '--check', tmp_path / 'split.json'), 'no such file'),
    ):
        status, text, log = run_main(TOOL, *options, '--quiet')
        assert (status, text) == (1, '') and message in log and log.startswith('error: ')
    assert not [*root.glob('*.txt')]
