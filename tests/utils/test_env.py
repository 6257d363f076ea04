import importlib.metadata
import sys
import types
from fractions import Fraction
from pickle import UnpicklingError

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.logging import HistoryBuffer

from tsjnet_mm.utils.env import (
    TESTED_VERSIONS,
    allow_mmengine_checkpoints,
    check_versions,
)


@pytest.fixture
def fakelib(monkeypatch):
    module = types.ModuleType('fakelib')
    module.__version__ = '9.9'
    monkeypatch.setitem(sys.modules, 'fakelib', module)


def test_this_environment_is_a_tested_one(recwarn):
    assert check_versions() == {}
    assert not [warning for warning in recwarn if 'not tested' in str(warning.message)]


def test_untested_version_warns_and_names_tested_ones(fakelib):
    with pytest.warns(UserWarning, match=r'not tested with fakelib 9\.9; .*1\.0 or 2\.0'):
        untested = check_versions(tested={'fakelib': ('1.0', '2.0')})
    assert untested == {'fakelib': '9.9'}


def test_tested_version_passes(fakelib, recwarn):
    assert check_versions(tested={'fakelib': ('1.0', '9.9')}) == {}
    assert not recwarn.list


def test_only_what_is_named_is_checked(fakelib, recwarn):
    tested = {'fakelib': ('1.0',), 'mmengine': TESTED_VERSIONS['mmengine'], 'none': ('1',)}
    assert check_versions('mmengine', tested=tested) == {} and not recwarn.list


def test_an_import_error_inside_a_package_is_its_own(tmp_path, monkeypatch):
    (tmp_path / 'brokenlib.py').write_text('import no_such_dependency\n')
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError) as caught:
        check_versions(tested={'brokenlib': ('1.0',)})
    assert caught.value.name == 'no_such_dependency'


@pytest.mark.parametrize(
    ('base', 'key'),
    [
        ('mmdet::_base_/models/faster-rcnn_r50_fpn.py', 'model'),
        ('mmseg::_base_/models/deeplabv3plus_r50-d8.py', 'model'),
        ('tsjnet_mm::_base_/default_runtime.py', 'default_scope'),
    ],
)
def test_configs_of_other_libraries_are_found(base, key, tmp_path, monkeypatch):
    try:
        importlib.metadata.version('tsjnet_mm')
    except importlib.metadata.PackageNotFoundError:
        pytest.skip('tsjnet_mm is imported from its checkout, not installed')
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'config.py').write_text(f"_base_ = '{base}'\n")
    assert key in Config.fromfile(tmp_path / 'config.py')


@pytest.fixture
def allowed():
    """mmengine's fork forgets what torch was told to allow whenever it loads itself."""
    allow_mmengine_checkpoints()


def test_safe_load_reads_what_the_runner_stores(tmp_path, allowed):
    history = HistoryBuffer([1.0, 2.0], [1, 1])
    history.update(3.5)
    stored = {
        'state_dict': {'weight': torch.ones(2)},
        'message_hub': {
            'log_scalars': {'train/loss': history},
            'runtime_info': {'iter': 3, 'best': np.float64(0.25), 'count': np.int64(7)},
        },
    }
    torch.save(stored, tmp_path / 'checkpoint.pth')
    loaded = torch.load(tmp_path / 'checkpoint.pth', weights_only=True)['message_hub']
    assert loaded['log_scalars']['train/loss'].data[0].tolist() == [1.0, 2.0, 3.5]
    assert loaded['runtime_info'] == stored['message_hub']['runtime_info']


class Getattr:
    """Pickles as ``getattr`` of whatever it is given."""

    def __init__(self, *arguments):
        self.arguments = arguments

    def __reduce__(self):
        return getattr, self.arguments


@pytest.mark.parametrize(
    ('stored', 'message'),
    [
        (Fraction(1, 2), 'Unsupported global: GLOBAL fractions.Fraction'),
        (Getattr(np.ndarray, 'tofile'), 'refusing getattr'),
        (Getattr(HistoryBuffer, 'update'), 'refusing getattr'),
    ],
)
def test_safe_load_still_refuses_the_rest(tmp_path, allowed, stored, message):
    torch.save({'meta': stored}, tmp_path / 'checkpoint.pth')
    with pytest.raises(UnpicklingError, match=message):
        torch.load(tmp_path / 'checkpoint.pth', weights_only=True)
