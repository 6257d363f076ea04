import os
import time

import pytest

from tsjnet_mm.demo.store import DemoStore, Limits

MANY = Limits(10**9, 10**6)


def write(folder, name, size=100, age=0):
    path = folder / name
    path.parent.mkdir(exist_ok=True, parents=True)
    path.write_bytes(b'x' * size)
    os.utime(path, (time.time() - age,) * 2)
    return path


def names(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob('*') if path.is_file())


@pytest.mark.parametrize('limit', [Limits(350, 10**6), Limits(10**9, 3)])
def test_results_beyond_the_limits_go_oldest_first(tmp_path, limit):
    store = DemoStore(tmp_path, MANY, MANY, limit, age=1000)
    for index in range(6):
        write(tmp_path, f'{index % 2}/{index}.png', age=(60, 10, 50, 20, 40, 30)[index])
    store.sweep()
    assert names(tmp_path) == ['1/1.png', '1/3.png', '1/5.png']
    assert not (tmp_path / '0').exists()


def test_results_go_with_age_and_what_the_page_began_with_stays(tmp_path):
    store = DemoStore(tmp_path, MANY, MANY, Limits(10**9, 2), age=1000)
    for index in range(5):
        write(tmp_path, f'thumbnail{index}.png', age=5000)
    store.protect()
    write(tmp_path, 'old/a.png', age=1001)
    write(tmp_path, 'new/a.png', age=900)
    store.sweep()
    assert names(tmp_path) == ['new/a.png', *(f'thumbnail{index}.png' for index in range(5))]


def test_uploads_and_results_do_not_displace_each_other(tmp_path):
    store = DemoStore(tmp_path, MANY, Limits(250, 99), Limits(250, 99), age=1000)
    for index in range(4):
        store.add_uploads('a', [write(tmp_path, f'up{index}/a.png')])
        write(tmp_path, f'result{index}/a.png', age=100 - index)
    store.sweep()
    assert names(tmp_path) == [
        f'{kind}{index}/a.png' for kind in ('result', 'up') for index in (2, 3)
    ]


def test_uploads_go_with_age(tmp_path, monkeypatch):
    store = DemoStore(tmp_path, MANY, MANY, MANY, age=1000)
    store.add_uploads('a', [write(tmp_path, 'up/a.png')])
    later = time.time() + 1001
    monkeypatch.setattr(time, 'time', lambda: later)
    store.sweep()
    assert names(tmp_path) == []


def test_an_upload_of_the_same_content_counts_once_and_as_new(tmp_path):
    store = DemoStore(tmp_path, Limits(250, 99), MANY, MANY, age=1000)
    for name in ('one', 'two', 'one', 'three'):
        store.add_uploads('a', [write(tmp_path, f'{name}/a.png')])
    assert names(tmp_path) == ['one/a.png', 'three/a.png']


def test_files_outside_are_left_alone(tmp_path):
    outside = write(tmp_path, 'mine.png')
    store = DemoStore(tmp_path / 'cache', Limits(1, 1), Limits(1, 1), Limits(1, 1), age=0)
    store.add_uploads('a', [outside, tmp_path / 'missing.png'])
    assert outside.exists() and store._known == {}
