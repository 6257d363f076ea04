import dataclasses
import shutil

import pytest

from tsjnet_mm.datasets.convert import PUBLISHED

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
