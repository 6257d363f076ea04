import shutil
import threading
import time

import numpy as np
import pytest
from PIL import Image

from tsjnet_mm.apis import FusionInferencer, watch_to_folder
from tsjnet_mm.apis.folder_watch import NewPairs


@pytest.fixture
def inferencer():
    return FusionInferencer('average', show_progress=False)


def names(pairs):
    return [pair.name for pair in pairs]


def test_a_pair_is_new_once_when_neither_file_changes_any_more(pair_folder):
    data = pair_folder(stems=('1', '2', '10'))
    (data / 'vi' / '2.png').unlink()
    new = NewPairs(data / 'ir', data / 'vi')
    assert new.look(0.0) == [] and (new.alone, new.growing) == (1, 2)
    (data / 'ir' / '10.png').write_bytes((data / 'ir' / '10.png').read_bytes() + b'more')
    assert names(new.look(1.0)) == ['1'] and new.growing == 1
    assert new.look(1.9) == []
    assert names(new.look(2.0)) == ['10'] and new.growing == 0
    assert new.look(3.0) == []
    shutil.copy(data / 'ir' / '2.png', data / 'vi' / '2.png')
    assert new.look(4.0) == [] and names(new.look(5.0)) == ['2'] and new.alone == 0
    (data / 'vi' / '1.png').write_bytes((data / 'vi' / '2.png').read_bytes())
    assert new.look(6.0) == [] and names(new.look(7.0)) == ['1']


def test_an_empty_file_waits(pair_folder):
    data = pair_folder(stems=('1',))
    (data / 'ir' / '1.png').write_bytes(b'')
    new = NewPairs(data / 'ir', data / 'vi')
    assert new.look(0.0) == [] and new.look(5.0) == [] and new.growing == 1


def test_one_folder_for_both_and_empty_ones(tmp_path):
    new = NewPairs(tmp_path, tmp_path)
    assert new.look(0.0) == []
    Image.new('L', (32, 32)).save(tmp_path / 'a_ir.png')
    assert new.look(1.0) == []
    Image.new('RGB', (32, 32)).save(tmp_path / 'a_vis.png')
    assert new.look(2.0) == [] and len(new.look(3.0)) == 1


def test_names_stay_and_are_never_given_again(pair_folder):
    data = pair_folder(stems=('x',), ir='ir/mon', vi='vi/mon')
    new = NewPairs(data / 'ir', data / 'vi')
    new.look(0.0)
    assert names(new.look(1.0)) == ['x']
    shutil.rmtree(data / 'ir' / 'mon')
    shutil.rmtree(data / 'vi' / 'mon')
    pair_folder(stems=('x',), ir='ir/tue', vi='vi/tue')
    new.look(2.0)
    assert names(new.look(3.0)) == ['tue/x']


def test_files_are_not_watched(pair_folder, tmp_path):
    data = pair_folder()
    with pytest.raises(ValueError, match=r'001\.png is a file: only folders'):
        NewPairs(data / 'ir' / '001.png', data / 'vi' / '001.png')
    with pytest.raises(ValueError, match='within infrared files are not watched'):
        NewPairs(data / 'ir', 'embedded')
    with pytest.raises(FileNotFoundError, match=r'no such folder: .*none'):
        NewPairs(tmp_path / 'none', data / 'vi')


def test_pairs_are_fused_as_they_arrive_and_one_that_fails_keeps_none_back(
    inferencer, pair_folder, tmp_path
):
    data, late = pair_folder(stems=('1', '2', '3')), pair_folder(stems=('4',), root='late')
    Image.new('L', (16, 16)).save(data / 'ir' / '2.png')  # Of another size.
    out = tmp_path / 'out'

    def arrive():
        time.sleep(0.3)
        for kind in ('ir', 'vi'):
            whole = (late / kind / '4.png').read_bytes()
            with open(data / kind / '4.png', 'wb') as file:  # A slow copy.
                for start in range(0, len(whole), len(whole) // 4):
                    file.write(whole[start : start + len(whole) // 4])
                    file.flush()
                    time.sleep(0.03)

    thread = threading.Thread(target=arrive)
    thread.start()
    with pytest.warns(UserWarning, match=r'^2 is not fused: .*2\.png.*16x16') as told:
        done = watch_to_folder(inferencer, data / 'ir', data / 'vi', out, idle=0.8, settle=0.1)
    thread.join()
    assert len(told) == 1
    assert (done.fused, done.kept, done.failed) == (3, 0, 1) and not done.interrupted
    assert str(done) == '3 fused images, 1 pair could not be fused'
    assert sorted(path.name for path in out.iterdir()) == ['1.png', '3.png', '4.png']
    expected = inferencer(late / 'ir' / '4.png', late / 'vi' / '4.png')[0]
    assert np.array_equal(np.asarray(Image.open(out / '4.png')), expected)


def test_a_second_run_keeps_what_is_there_and_ctrl_c_is_told(
    inferencer, pair_folder, tmp_path, monkeypatch
):
    data = pair_folder(stems=('1', '2'))
    folders = data / 'ir', data / 'vi', tmp_path / 'out'
    watch_to_folder(inferencer, *folders, idle=0.1, settle=0.02)
    before = {path: path.stat().st_mtime_ns for path in folders[2].iterdir()}
    (data / 'vi' / '3.png').touch()
    wait, count = time.sleep, iter(range(100))

    def interrupt(seconds):
        wait(seconds)
        if next(count) == 5:
            raise KeyboardInterrupt

    monkeypatch.setattr('tsjnet_mm.apis.folder_watch.time.sleep', interrupt)
    done = watch_to_folder(inferencer, *folders, settle=0.02)
    assert done.interrupted
    assert str(done) == '0 fused images, 2 there already, 1 file without a partner'
    assert before == {path: path.stat().st_mtime_ns for path in folders[2].iterdir()}


def test_a_file_that_was_cut_and_is_completed_later_has_not_failed(
    inferencer, pair_folder, tmp_path, monkeypatch
):
    data = pair_folder(stems=('1', '2'))
    whole = (data / 'ir' / '2.png').read_bytes()
    (data / 'ir' / '2.png').write_bytes(whole[: len(whole) // 2])
    wait, count = time.sleep, iter(range(1000))

    def complete(seconds):
        wait(seconds)
        if next(count) == 5:
            (data / 'ir' / '2.png').write_bytes(whole)

    monkeypatch.setattr('tsjnet_mm.apis.folder_watch.time.sleep', complete)
    with pytest.warns(UserWarning, match='^2 is not fused'):
        done = watch_to_folder(
            inferencer, data / 'ir', data / 'vi', tmp_path / 'out', idle=0.3, settle=0.04
        )
    assert (done.fused, done.kept, done.failed) == (2, 0, 0)


def test_it_does_not_end_while_a_pair_is_being_written(inferencer, pair_folder, tmp_path):
    data = pair_folder(stems=('1',))
    folders = data / 'ir', data / 'vi', tmp_path / 'out'
    assert watch_to_folder(inferencer, *folders, idle=0.01, settle=0.2).fused == 1


def test_outputs_within_the_sources_and_unusable_options_are_told(inferencer, pair_folder):
    data = pair_folder(stems=('1',))
    folders = data / 'ir', data / 'vi'
    with pytest.raises(ValueError, match=r'\.xyz'):
        watch_to_folder(inferencer, *folders, data / 'o', extension='.xyz')
    with pytest.raises(ValueError, match='idle must be above 0'):
        watch_to_folder(inferencer, *folders, data / 'o', idle=0)
    with pytest.raises(ValueError, match='is inside the source'):
        watch_to_folder(inferencer, *folders, data / 'vi', idle=0.1, settle=0.02)
