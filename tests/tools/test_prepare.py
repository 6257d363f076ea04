import argparse
import dataclasses
import shutil

import pytest

from tsjnet_mm.cli.dataset_arguments import add_dataset_arguments, has_splits
from tsjnet_mm.datasets.convert import PUBLISHED
from tsjnet_mm.datasets.shipped_splits import find_split

TOOL = 'dataset_converters/prepare.py'


@pytest.fixture
def roadscene(pair_folder, monkeypatch):
    """A folder with all of a RoadScene of three pairs."""
    monkeypatch.setitem(
        PUBLISHED, 'roadscene', dataclasses.replace(PUBLISHED['roadscene'], pairs={None: 3})
    )
    return pair_folder(root='RoadScene', ir='cropinfrared', vi='crop_LR_visible')


def test_archive(run_main, roadscene, tmp_path):
    archive = shutil.make_archive(tmp_path / 'RoadScene-master', 'zip', roadscene)
    out = tmp_path / 'data'
    status, text, log = run_main(TOOL, 'roadscene', archive, '--out', out)
    assert status == 0
    assert text == f'{out}: pairs: all 3; ir, vi; written\n'
    assert 'copying' in log and '6/6' in log
    status, text, log = run_main(TOOL, 'roadscene', archive, '--out', out, '--quiet')
    assert (status, log) == (0, '')
    assert text.endswith('already there, nothing to do\n')


def test_incomplete(run_main, roadscene, tmp_path):
    (roadscene / 'cropinfrared/002.png').unlink()
    options = ('roadscene', roadscene, '--out', tmp_path / 'data', '--quiet')
    status, text, log = run_main(TOOL, *options)
    assert (status, text) == (1, '')
    assert log.startswith(
        'error: roadscene differs from the published data set (--allow-partial takes'
    )
    assert 'cropinfrared: missing: 002' in log
    assert not (tmp_path / 'data').exists()
    status, text, log = run_main(TOOL, *options, '--allow-partial', '--link')
    assert status == 0 and 'pairs: all 2;' in text
    assert 'warning: cropinfrared: missing: 002\n' in log


def test_help_lists_the_datasets(run_main):
    status, text, _ = run_main(TOOL, '--help')
    assert status == 0
    for name, published in PUBLISHED.items():
        assert name in text and published.root in text
    assert 'train 1083, test 361' in text


def test_no_such_source(run_main, tmp_path):
    status, _, log = run_main(TOOL, 'fmb', tmp_path / 'FMB.zip', '--out', tmp_path / 'out')
    assert status == 1
    assert log == f'error: {tmp_path}/FMB.zip: no such file or folder\n'


def test_lists_of_the_package_go_with_it(run_main, pair_folder, monkeypatch, tmp_path):
    stems = [*find_split('roadscene-50').stems()['test'], 'FLIR_other']
    monkeypatch.setitem(
        PUBLISHED, 'roadscene', dataclasses.replace(PUBLISHED['roadscene'], pairs={None: 51})
    )
    source = pair_folder(stems, root='RoadScene', ir='cropinfrared', vi='crop_LR_visible')
    options = ('roadscene', source, '--out', tmp_path / 'data', '--quiet', '--split')
    status, _, log = run_main(TOOL, *options, 'roadscene-50')
    assert status == 1 and 'lists 170 pairs that are missing: FLIR_00006' in log
    assert not (tmp_path / 'data').exists()
    status, _, log = run_main(TOOL, *options, 'm3fd')
    assert status == 1 and 'the split m3fd is of m3fd-detection, not of roadscene' in log


def test_a_split_reaches_other_commands():
    parser = argparse.ArgumentParser()
    add_dataset_arguments(parser)
    named = ['--dataset', 'roadscene', '--data-root', 'data']
    assert parser.parse_args(named).pairs == ''
    args = parser.parse_args([*named, '--split', 'roadscene-50'])
    assert has_splits(args) and args.pairs.endswith('roadscene-50/{split}.txt')
    with pytest.raises(SystemExit):
        parser.parse_args([*named, '--split', 'm3fd', '--pairs', 'mine.txt'])
    with pytest.raises(SystemExit):
        parser.parse_args([*named, '--split', 'tno'])
