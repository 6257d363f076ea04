import importlib
import sys

import pytest

from tsjnet_mm.utils import after_import as room


@pytest.fixture
def watcher(monkeypatch, tmp_path):
    """A watcher of this test's own, and a folder on the path."""
    fresh = room._Watcher()
    monkeypatch.setattr(room, '_WATCHER', fresh)
    monkeypatch.syspath_prepend(tmp_path)
    yield fresh
    sys.meta_path[:] = [finder for finder in sys.meta_path if finder is not fresh]
    for name in ('watched_module', 'other_module'):
        sys.modules.pop(name, None)


def mark(module):
    module.marks = getattr(module, 'marks', 0) + 1


def test_a_module_is_changed_when_it_is_imported(watcher, tmp_path):
    (tmp_path / 'watched_module.py').write_text('value = 1\n')
    (tmp_path / 'other_module.py').write_text('value = 1\n')
    room.after_import('watched_module', mark)
    assert 'watched_module' not in sys.modules
    import other_module
    import watched_module

    assert watched_module.marks == 1 and watched_module.value == 1
    assert not hasattr(other_module, 'marks')


def test_an_imported_module_is_changed_now_or_when_asked(watcher, tmp_path):
    (tmp_path / 'watched_module.py').write_text('')
    import watched_module

    room.after_import('watched_module', mark, now=False)
    assert not hasattr(watched_module, 'marks')
    room.change_imported()
    assert watched_module.marks == 1
    room.after_import('watched_module', mark)
    assert watched_module.marks == 2


def test_an_import_that_failed_is_watched_again(watcher, tmp_path):
    path = tmp_path / 'watched_module.py'
    path.write_text('raise ValueError("torn")')
    room.after_import('watched_module', mark)
    with pytest.raises(ValueError, match='torn'):
        importlib.import_module('watched_module')
    path.write_text('value = "longer than before"')
    importlib.invalidate_caches()
    assert importlib.import_module('watched_module').marks == 1


def test_a_missing_module_stays_missing(watcher):
    room.after_import('watched_module', mark)
    with pytest.raises(ModuleNotFoundError, match='watched_module'):
        importlib.import_module('watched_module')


def test_a_function_by_name_is_imported_when_it_is_called(watcher, tmp_path):
    (tmp_path / 'other_module.py').write_text('def change(module): module.changed = True\n')
    (tmp_path / 'watched_module.py').write_text('')
    room.after_import('watched_module', 'other_module:change')
    assert 'other_module' not in sys.modules
    assert importlib.import_module('watched_module').changed
