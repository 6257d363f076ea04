import contextlib
import shutil
import subprocess

import numpy as np
import pytest

from tsjnet_mm.io.errors import PairError
from tsjnet_mm.video.frame_sources import open_frames


def test_files_give_rgb_frames_in_step(make_frames, write_video, tmp_path):
    frames = make_frames(seed=1), make_frames(seed=2)
    paths = [write_video(tmp_path / f'{i}.mkv', each) for i, each in enumerate(frames)]
    with contextlib.closing(open_frames(*paths)) as source:
        assert (source.count, source.fps, source.is_live) == (12, 10, False)
        got = list(source)
    assert source.ended_early is None
    for index in range(2):
        read = np.array([pair[index] for pair in got]).astype(int)
        assert read.shape == (12, 48, 64, 3)
        assert np.abs(read - frames[index]).max() <= 3


def test_folders_come_in_natural_order(pair_folder):
    data = pair_folder(stems=('f10', 'f2', 'f1'))
    source = open_frames(data / 'ir', data / 'vi')
    assert [(ir.stem, vi.stem) for ir, vi in source] == [(f'f{n}',) * 2 for n in (1, 2, 10)]
    assert (source.count, source.fps) == (3, None)
    globbed = open_frames(str(data / 'ir' / '*.png'), str(data / 'vi' / '*'))
    assert [ir for ir, _ in globbed] == [ir for ir, _ in source]


def test_folder_frame_without_partner_is_named(pair_folder):
    data = pair_folder(stems=('a', 'b'))
    (data / 'ir' / 'b.png').unlink()
    with pytest.raises(PairError, match=r'b\.png: no partner'):
        open_frames(data / 'ir', data / 'vi')


def test_different_lengths_and_rates_are_told_before_the_start(
    make_frames, write_video, tmp_path
):
    long = write_video(tmp_path / 'long.mkv', make_frames(12))
    short = write_video(tmp_path / 'short.mkv', make_frames(9))
    fast = write_video(tmp_path / 'fast.mkv', make_frames(12), fps=25)
    with pytest.raises(
        ValueError, match=r'long\.mkv has 12 frames, .*short\.mkv 9: .*max_frames=9 '
    ):
        open_frames(long, short)
    open_frames(long, short, max_frames=9).close()
    with pytest.raises(ValueError, match='set max_frames=9 '):
        open_frames(long, short, max_frames=10)
    with pytest.raises(ValueError, match=r'has 10 frames per second, .*fast\.mkv 25'):
        open_frames(long, fast)
    with contextlib.closing(open_frames(long, fast, fps=12)) as source:
        assert source.fps == 12 and len(list(source)) == 12


def test_file_that_breaks_off_is_named_at_the_end(make_frames, write_video, tmp_path):
    whole = write_video(tmp_path / 'whole.mp4', make_frames(40))
    cut = write_video(tmp_path / 'cut.mkv', make_frames(40))
    data = cut.read_bytes()
    cut.write_bytes(data[: len(data) // 2])
    with contextlib.closing(open_frames(whole, cut)) as source:
        number = len(list(source))
    assert 5 < number < 40
    assert source.ended_early.startswith(f'{cut} ended after {number} frames (40 by')


def test_broken_and_missing_files_are_named(make_frames, write_video, tmp_path):
    good = write_video(tmp_path / 'good.mkv', make_frames(2))
    bad = tmp_path / 'bad.mp4'
    bad.write_bytes(b'no video' * 100)
    with pytest.raises(PairError, match=r'bad\.mp4: unreadable video: .*800 bytes'):
        open_frames(good, bad)
    with pytest.raises(FileNotFoundError, match=r'none\.mp4'):
        open_frames(tmp_path / 'none.mp4', good)


def test_mixed_kinds_are_refused_without_repeating_a_password(tmp_path, pair_folder):
    with pytest.raises(ValueError, match='two files, two folders') as error:
        open_frames('rtsp://me:secret@10.0.0.2/ir', tmp_path / 'vi.mp4')
    assert 'secret' not in str(error.value) and 'me:***@10.0.0.2' in str(error.value)
    with pytest.raises(ValueError, match='two files, two folders'):
        open_frames(pair_folder() / 'ir', tmp_path / 'vi.mp4')


def test_sixteen_bit_video_keeps_its_depth(make_frames, write_video, tmp_path):
    ffmpeg = shutil.which('ffmpeg')
    if ffmpeg is None:
        pytest.skip('makes the video with ffmpeg')
    ramp = (np.arange(48 * 64, dtype=np.uint16).reshape(48, 64) * 20)[None].repeat(3, 0)
    raw = tmp_path / 'ir.mkv'
    command = f'{ffmpeg} -v error -f rawvideo -pix_fmt gray16le -s 64x48 -r 10 -i - -c:v ffv1'
    subprocess.run([*command.split(), str(raw)], input=ramp.tobytes(), check=True)
    visible = write_video(tmp_path / 'vi.mkv', make_frames(3))
    with contextlib.closing(open_frames(raw, visible)) as source:
        got = [ir for ir, _ in source]
    assert got[0].dtype == np.uint16
    assert np.array_equal(got, ramp)
