"""Videos whose frames tell their number by their level, at times that the tests choose."""

import contextlib
import shutil
import struct

import numpy as np
import pytest
from PIL import Image

from tsjnet_mm.apis import FusionInferencer
from tsjnet_mm.io.errors import PairError
from tsjnet_mm.video import fuse_video
from tsjnet_mm.video.frame_sources import open_frames

BURST = [25] * 8 + [250] * 4  # milliseconds; 1.2 s like 12 frames at 10 a second
TIMES = {'steady': np.arange(12) * 100.0, 'burst': np.cumsum([0, *BURST[:-1]])}


@pytest.fixture
def inferencer():
    return FusionInferencer('max', device='cpu', precision='fp32', show_progress=False)


@pytest.fixture
def numbered(write_video, retime, tmp_path):
    """Factory of videos whose frame i has the level 10 + 18 i; ``durations`` in ms."""

    def make(name, count=12, fps=10, durations=None, size=(32, 48), aspect=None):
        levels = 10 + 18 * np.arange(count, dtype=np.uint8)
        frames = np.broadcast_to(levels[:, None, None, None], (count, *size, 3))
        path = write_video(tmp_path / f'{name}.mp4', frames, fps)
        if durations or aspect:
            retime(path, durations or [1000 // fps] * count, aspect)
        return path

    return make


def numbers(images):
    return [round((float(np.mean(image)) - 10) / 18) for image in images]


def read_pairs(*paths, **options):
    """Numbers of the frames that are paired, how often each pair is written, and the source."""
    with contextlib.closing(open_frames(*paths, **options)) as source:
        pairs = list(source)
    return [numbers(side) for side in zip(*pairs, strict=True)], list(source.repeats), source


def test_steady_videos_are_paired_frame_by_frame(numbered):
    (ir, vi), repeats, source = read_pairs(numbered('ir'), numbered('vi'))
    assert ir == vi == list(range(12)) and repeats == [1] * 12
    assert source.notes == [] and source.ended_early is None


@pytest.mark.parametrize(('ir', 'vi'), [('steady', 'burst'), ('burst', 'steady')])
def test_time_is_time_where_a_frame_rate_varies(numbered, ir, vi):
    durations = {'steady': None, 'burst': BURST}
    paths = numbered('ir', durations=durations[ir]), numbered('vi', durations=durations[vi])
    (irs, vis), repeats, source = read_pairs(*paths)
    assert source.fps == 10 and source.count == 12
    assert sum(repeats) == 12  # 1.2 s stay 1.2 s
    shown = np.repeat(vis, repeats)
    for tick, number in enumerate(shown):
        # What is shown began at most half an output frame later than it is shown.
        assert TIMES[vi][number] <= tick * 100 + 50
        assert number == 11 or TIMES[vi][number + 1] >= tick * 100 + 50
    for one, other in zip(irs, vis, strict=True):
        distances = np.abs(TIMES[ir] - TIMES[vi][other])
        assert distances[one] == distances.min() <= 150
    assert source.ended_early is None
    text = ' '.join(source.notes)
    if vi == 'burst':
        assert f'{paths[1]}: 6 frames left out and 4 frames shown longer' in text
        # Those at 0 ms, 300, 400, 600, 800, 900 and 1100 are nearest to none that is shown.
        assert f'{paths[0]}: 7 frames left out and 1 frame used again' in text
    else:
        assert f'{paths[1]}:' not in text
        assert f'{paths[0]}: 6 frames left out and 4 frames used again' in text


def test_output_keeps_the_duration_and_says_what_was_dropped(
    inferencer, numbered, read_video, tmp_path
):
    ir, vi = numbered('ir'), numbered('vi', durations=BURST)
    done = fuse_video(inferencer, ir, vi, tmp_path / 'o.mkv')
    frames, fps = read_video(tmp_path / 'o.mkv')
    assert (done.frames, len(frames), fps) == (12, 12, 10)
    # At 100 ms the eighth of the visible frames is near, and of the infrared ones the second.
    assert numbers(frames) == [2, 5, 8, 8, 9, 9, 9, 10, 10, 10, 11, 11]
    assert any('6 frames left out and 4 frames shown longer' in note for note in done.notes)
    cut = fuse_video(inferencer, ir, vi, tmp_path / 'c.mkv', max_frames=6)
    assert cut.frames == len(read_video(tmp_path / 'c.mkv')[0]) == 6


def test_given_rate_pairs_by_number(numbered):
    paths = numbered('ir'), numbered('vi', durations=BURST)
    (ir, vi), repeats, source = read_pairs(*paths, fps=10)
    assert ir == vi == list(range(12)) and repeats == [1] * 12 and source.notes == []


def test_other_rates_of_one_duration_are_paired_by_time(numbered):
    slow, fast = numbered('slow', 6, 5), numbered('fast', 12, 10)
    (ir, vi), repeats, source = read_pairs(slow, fast)
    assert vi == list(range(12)) and repeats == [1] * 12 and source.count == 12
    assert all(abs(2 * one - other) <= 1 for one, other in zip(ir, vi, strict=True))
    (ir, vi), repeats, source = read_pairs(fast, slow)
    assert vi == list(range(6)) and ir == [0, 2, 4, 6, 8, 10] and source.fps == 5
    assert f'{fast}: 6 frames left out' in source.notes[0]


def test_other_counts_of_one_duration_are_paired_by_time(numbered):
    varied = numbered('varied', 9, 10, durations=[50] * 6 + [300] * 3)
    (ir, vi), repeats, _ = read_pairs(varied, numbered('vi'))
    assert vi == list(range(12)) and sum(repeats) == 12 and max(ir) == 8
    with pytest.raises(ValueError, match=r'short\.mp4 has 9 frames, .*vi\.mp4 12'):
        open_frames(numbered('short', 9), numbered('vi'))
    message = r'longer\.mp4 has .* per second, .*they last 1\.65 and 1\.20 s'
    with pytest.raises(ValueError, match=message):
        open_frames(numbered('longer', 9, durations=[50] * 6 + [450] * 3), numbered('vi'))


def test_source_that_ends_early_is_named_in_time_too(numbered):
    whole = numbered('whole', durations=BURST)
    short = numbered('short', durations=[100] * 12)
    data = short.read_bytes()
    at = data.index(b'mdat')
    (size,) = struct.unpack('>I', data[at - 4 : at])
    middle = at + size // 2
    short.write_bytes(data[:middle] + bytes(at - 4 + size - middle) + data[at - 4 + size :])
    for paths in ((short, whole), (whole, short)):
        _, repeats, source = read_pairs(*paths)
        assert sum(repeats) < 12
        assert source.ended_early.startswith(f'{short} ended after')


def test_errors_name_the_file_and_the_frame(inferencer, numbered, tmp_path):
    small = numbered('small', size=(16, 24))
    message = (
        r'small\.mp4, frame 0: different sizes: expected 48x32 as .*vi\.mp4, frame 0 .*24x16'
    )
    with pytest.raises(PairError, match=message):
        fuse_video(inferencer, small, numbered('vi'), tmp_path / 'o.mp4')
    with contextlib.closing(open_frames(numbered('ir'), numbered('vi', durations=BURST))) as f:
        list(f)
    assert f.describe('visible', 2).endswith('vi.mp4, frame 8')


def test_frames_without_contrast_are_counted_once(inferencer, numbered, tmp_path):
    paths = numbered('ir'), numbered('vi')
    with pytest.warns(UserWarning, match=r'ir\.mp4, frame 0 has no contrast') as caught:
        done = fuse_video(inferencer, *paths, tmp_path / 'o.mkv')
    assert len([w for w in caught if 'no contrast' in str(w.message)]) == 1
    assert any('infrared has no contrast: in 12 frames' in note for note in done.notes)


@pytest.mark.parametrize(
    ('size', 'note'),
    [
        ((33, 47), 'the last row and column of 47x33 are left out'),
        ((33, 48), 'the last row of 48x33 is left out'),
        ((32, 47), 'the last column of 47x32 is left out'),
        ((32, 48), None),
    ],
)
def test_odd_edge_is_said(inferencer, tmp_path, size, note):
    rng = np.random.default_rng(0)
    for folder in ('ir', 'vi'):
        (tmp_path / folder).mkdir()
        image = rng.integers(0, 256, size, dtype=np.uint8)
        Image.fromarray(image).save(tmp_path / folder / '1.png')
    done = fuse_video(inferencer, tmp_path / 'ir', tmp_path / 'vi', tmp_path / 'o.mkv')
    assert done.size == (size[1] // 2 * 2, size[0] // 2 * 2)
    assert [text.split(':')[0] for text in done.notes] == ([note] if note else [])


def test_shape_of_pixels_is_kept_or_said(
    inferencer, numbered, tmp_path, monkeypatch, read_video
):
    ir, vi = numbered('ir'), numbered('vi', aspect=(4, 3))
    source = open_frames(ir, vi)
    assert source.aspect == (4, 3)
    source.close()
    if shutil.which('ffmpeg'):
        done = fuse_video(inferencer, ir, vi, tmp_path / 'kept.mp4')
        assert not any('pixels' in note for note in done.notes)
        kept = open_frames(tmp_path / 'kept.mp4', tmp_path / 'kept.mp4')
        assert kept.aspect == (4, 3)
        kept.close()
    monkeypatch.setattr('tsjnet_mm.video.video_writer.shutil.which', lambda _: None)
    done = fuse_video(inferencer, ir, vi, tmp_path / 'o.mp4')
    assert [note for note in done.notes if 'pixels of the visible video are 4:3' in note]
    assert any('play it at 2:1' in note for note in done.notes)
    assert len(read_video(tmp_path / 'o.mp4')[0]) == 12
