import os
import signal
import subprocess
import sys
import time

import pytest

from tsjnet_mm.utils import files, whole_file
from tsjnet_mm.utils.files import (
    MAX_PART_AGE,
    owner_is_gone,
    owner_name,
    remove_stale_parts,
    whole_folder,
)

KILLED = """
import os, signal, sys
from tsjnet_mm.utils import whole_file
with whole_file(sys.argv[1]) as partial:
    partial.write_text('half')
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_file_appears_when_the_block_ends(tmp_path):
    path = tmp_path / 'new' / 'a.b.txt'
    with whole_file(path) as partial:
        partial.write_text('text')
        assert partial.suffix == '.txt'
        assert not path.exists()
    assert path.read_text() == 'text'
    assert list(path.parent.iterdir()) == [path]


def test_failure_keeps_the_earlier_file(tmp_path):
    path = tmp_path / 'a.txt'
    path.write_text('old')

    def fail():
        with whole_file(path) as partial:
            partial.write_text('half')
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert path.read_text() == 'old'
    assert list(tmp_path.iterdir()) == [path]


def kill_in_a_write(path):
    process = subprocess.run([sys.executable, '-c', KILLED, path])
    assert process.returncode == -signal.SIGKILL
    (part,) = path.parent.glob('.*.part*')
    return part


def test_parts_of_killed_processes_are_removed_and_those_of_living_ones_stay(tmp_path):
    gone = kill_in_a_write(tmp_path / 'a.png')
    other_host = tmp_path / gone.name.replace(owner_name().rpartition('.')[0], 'elsewhere-1')
    other_host.write_text('another host writes it')
    users = [tmp_path / name for name in ('.hidden.png', 'b.part.png', '.a.part', '.part.png')]
    for path in users:
        path.write_text('not ours')
    with whole_file(tmp_path / 'b.png') as partial:
        partial.write_text('mine')
        kept = {*users, partial, other_host}
        assert {*tmp_path.iterdir()} == kept  # The first write removed the part.
        assert remove_stale_parts(tmp_path) == []
        assert {*tmp_path.iterdir()} == kept
    old = time.time() - MAX_PART_AGE - 60
    for path in (other_host, *users):
        os.utime(path, (old, old))
    assert remove_stale_parts(str(tmp_path)) == [other_host]
    assert remove_stale_parts(tmp_path / 'missing') == []


def test_folder_appears_when_the_block_ends(tmp_path):
    path = tmp_path / 'new' / 'set.1'
    with whole_folder(path) as partial:
        (partial / 'ir').mkdir()
        assert not path.exists()
    assert [*path.parent.iterdir()] == [path] and [*path.iterdir()] == [path / 'ir']
    with pytest.raises(OSError, match='not empty'), whole_folder(path):
        pass
    with pytest.raises(ValueError, match='here'), whole_folder(path, replace=True):
        raise ValueError('here')
    assert [*path.parent.iterdir()] == [path] and [*path.iterdir()] == [path / 'ir']
    with whole_folder(path, replace=True) as partial:
        (partial / 'vi').mkdir()
    assert [*path.parent.iterdir()] == [path] and [*path.iterdir()] == [path / 'vi']


def test_folders_of_killed_processes_are_removed_with_all_that_is_in_them(
    tmp_path, left_by_the_dead
):
    gone = left_by_the_dead(tmp_path / 'set')
    (gone / 'new' / 'link').symlink_to(tmp_path / 'kept', target_is_directory=True)
    (tmp_path / 'kept').mkdir()
    (tmp_path / 'kept' / 'a.png').touch()
    elsewhere = tmp_path / '.set.elsewhere-1.5.0123abcd.part'
    (elsewhere / 'new' / 'ir').mkdir(parents=True)
    old = time.time() - MAX_PART_AGE - 60
    os.utime(elsewhere, (old, old))  # Something was written inside just now.
    assert remove_stale_parts(tmp_path) == [gone]
    for folder in (elsewhere / 'new' / 'ir', elsewhere / 'new'):
        os.utime(folder, (old, old))
    assert remove_stale_parts(tmp_path) == [elsewhere]
    assert (tmp_path / 'kept' / 'a.png').exists()


def test_a_folder_is_searched_once_by_a_process(tmp_path, monkeypatch):
    searched = []
    monkeypatch.setattr(files, 'remove_stale_parts', searched.append)
    for name in ('a.txt', 'b.txt'):
        with whole_file(tmp_path / name) as partial:
            partial.write_text('text')
    assert searched == [tmp_path]


def test_two_writers_of_one_file_with_equal_process_ids_do_not_share_a_part(tmp_path):
    path = tmp_path / 'a.txt'
    with whole_file(path) as first, whole_file(path) as second:
        assert first != second
        first.write_text('first')
        second.write_text('second')
    assert path.read_text() == 'first'
    assert list(tmp_path.iterdir()) == [path]


def test_long_names(tmp_path):
    path = tmp_path / ('\u00e4' * 120 + '.png')
    with whole_file(path) as partial:
        partial.write_text('text')
    assert path.read_text() == 'text'


def test_owners():
    assert not owner_is_gone(owner_name())
    host = owner_name().rpartition('.')[0]
    process = subprocess.Popen([sys.executable, '-c', ''])
    process.wait()
    assert owner_is_gone(f'{host}.{process.pid}')
    assert not owner_is_gone(f'elsewhere.{process.pid}')
    assert not owner_is_gone(f'{host}.1')  # Alive, and of root.
