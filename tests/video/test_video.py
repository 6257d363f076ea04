import collections
import shutil
import subprocess
import threading

import cv2
import numpy as np
import pytest

from tsjnet_mm.apis import FusionInferencer
from tsjnet_mm.io.errors import PairError
from tsjnet_mm.video.frame_sources import LiveFrames
from tsjnet_mm.video.fusing import fuse_video
from tsjnet_mm.video.temporal_filter import TemporalFilter
from tsjnet_mm.video.video_files import VideoFile
from tsjnet_mm.video.video_writer import CODECS, VideoWriter


@pytest.fixture
def inferencer():
    return FusionInferencer('laplacian', device='cpu', precision='fp32', show_progress=False)


@pytest.fixture
def videos(make_frames, write_video, tmp_path):
    """Paths of a pair of lossless videos of 12 frames."""
    return [
        write_video(tmp_path / f'{name}.mkv', make_frames(seed=seed))
        for seed, name in enumerate(('ir', 'vi'))
    ]


def fused_one_by_one(inferencer, read_video, videos, **options):
    frames = [read_video(path)[0] for path in videos]
    fused = inferencer.stream(*map(list, frames), temporal=TemporalFilter(), **options)
    return np.array([image for _, image in fused]).astype(int)


@pytest.mark.parametrize('batch_size', [1, 5])
def test_lossless_file_holds_the_fused_frames(
    inferencer, videos, read_video, tmp_path, batch_size
):
    done = fuse_video(inferencer, *videos, tmp_path / 'out.mkv', batch_size=batch_size)
    frames, fps = read_video(tmp_path / 'out.mkv')
    expected = fused_one_by_one(inferencer, read_video, videos)
    assert frames.shape == expected.shape == (12, 48, 64, 3) and fps == 10
    # FFV1 itself is exact; OpenCV's way from RGB to the codec's planes and back may round.
    assert np.abs(frames - expected).max() <= 3
    assert np.abs(frames - expected).mean() < 0.7
    assert (done.frames, done.fps, done.size) == (12, 10, (64, 48))
    assert not done.interrupted and done.ended_early is None and done.flicker is None


def test_files_are_read_and_written_in_threads_while_frames_are_fused(
    inferencer, videos, tmp_path, monkeypatch
):
    threads = collections.defaultdict(set)

    def noting(owner, name):
        function = getattr(owner, name)

        def noted(*args, **options):
            threads[name].add(threading.current_thread() is threading.main_thread())
            return function(*args, **options)

        monkeypatch.setattr(owner, name, noted)

    noting(VideoFile, 'read')
    noting(VideoWriter, 'write')
    noting(inferencer, 'fuse')
    assert fuse_video(inferencer, *videos, tmp_path / 'out.mkv').frames == 12
    assert threads == {'read': {False}, 'write': {False}, 'fuse': {True}}


@pytest.mark.parametrize('extension', CODECS)
def test_every_format_plays_and_keeps_red_red(
    inferencer, videos, read_video, tmp_path, extension
):
    out = tmp_path / f'out{extension}'
    fuse_video(inferencer, *videos, out)
    frames, fps = read_video(out)
    expected = fused_one_by_one(inferencer, read_video, videos)
    assert frames.shape == expected.shape and fps == pytest.approx(10)
    assert np.abs(frames - expected).mean() < 4
    redness = (frames[..., 0].astype(int) - frames[..., 2]).mean((0, 1))
    assert redness[:10].mean() > 20 and redness[-10:].mean() < -20
    assert {path.name for path in tmp_path.iterdir()} == {'ir.mkv', 'vi.mkv', out.name}


def test_grey_and_max_frames(inferencer, videos, read_video, tmp_path):
    done = fuse_video(inferencer, *videos, tmp_path / 'o.mkv', grey=True, max_frames=5, fps=4)
    frames, fps = read_video(tmp_path / 'o.mkv')
    expected = fused_one_by_one(inferencer, read_video, videos, grey=True)[:5]
    assert (done.frames, fps) == (5, 4)
    assert np.abs(frames - expected[..., None]).max() <= 2


def test_folders_of_deep_frames_and_odd_size(inferencer, tmp_path, read_video, recwarn):
    rng = np.random.default_rng(0)
    for name in ('ir', 'vi'):
        (tmp_path / name).mkdir()
    for index in (1, 2, 10):
        ir = (7000 + rng.integers(0, 2000, (33, 47)) + 30 * index).astype(np.uint16)
        cv2.imwrite(str(tmp_path / 'ir' / f'{index}.png'), ir)
        vi = np.full((33, 47, 3), 20 * index, np.uint8)
        cv2.imwrite(str(tmp_path / 'vi' / f'{index}.png'), vi)
    folders = tmp_path / 'ir', tmp_path / 'vi'
    done = fuse_video(inferencer, *folders, tmp_path / 'o.mkv', ir_range=(7000, 9300), fps=8)
    frames, fps = read_video(tmp_path / 'o.mkv')
    assert frames.shape == (3, 32, 46, 3) and fps == 8 and done.size == (46, 32)
    assert (np.diff(frames.mean((1, 2, 3))) > 5).all()  # 1, 2, 10


def test_percentiles_of_the_first_frame_hold_for_all(inferencer, tmp_path, read_video):
    inferencer = FusionInferencer('max', device='cpu', show_progress=False)
    for name in ('ir', 'vi'):
        (tmp_path / name).mkdir()
    ramp = np.linspace(1000, 2000, 32 * 48).reshape(32, 48)
    for index, shift in enumerate((0, 0, -500)):
        cv2.imwrite(str(tmp_path / f'ir/{index}.png'), (ramp + shift).astype(np.uint16))
        cv2.imwrite(str(tmp_path / f'vi/{index}.png'), np.zeros((32, 48), np.uint8))
    folders = tmp_path / 'ir', tmp_path / 'vi'
    fuse_video(inferencer, *folders, tmp_path / 'o.mkv', ir_percentiles=(0, 100))
    frames, fps = read_video(tmp_path / 'o.mkv')
    assert fps == 25
    expected = ((ramp.astype(np.uint16) - 1000.0) * 0.255).round()
    assert np.abs(frames[1, ..., 0] - expected).max() <= 2
    assert np.abs(frames[2, ..., 0] - (expected - 127.5).clip(0)).max() <= 3
    blank = np.zeros((32, 48), np.uint8)
    for index in range(3):
        cv2.imwrite(str(tmp_path / f'ir/{index}.png'), blank)
    with pytest.raises(ValueError, match='equal in the first 3 frames'):
        fuse_video(inferencer, *folders, tmp_path / 'p.mkv', ir_percentiles=(1, 99))
    with pytest.raises(ValueError, match='not both'):
        fuse_video(
            inferencer, *folders, tmp_path / 'p.mkv', ir_percentiles=(1, 99), ir_range=(0, 9)
        )


def test_other_infrared_size_needs_an_option(
    inferencer, make_frames, write_video, videos, tmp_path
):
    small = write_video(tmp_path / 'small.mkv', make_frames(size=(24, 32)))
    with pytest.raises(PairError, match=r'different sizes: expected 64x48 .* found 32x24'):
        fuse_video(inferencer, small, videos[1], tmp_path / 'out.mp4')
    assert not list(tmp_path.glob('*out*'))
    assert (
        fuse_video(inferencer, small, videos[1], tmp_path / 'o.mp4', resize=True).frames == 12
    )
    scale = np.diag([2.0, 2, 1])
    done = fuse_video(inferencer, small, videos[1], tmp_path / 'o.mp4', homography=scale)
    assert done.size == (64, 48)


def test_frames_are_the_visible_ones_where_infrared_sees_nothing(
    inferencer, make_frames, write_video, read_video, videos, tmp_path
):
    bright = write_video(tmp_path / 'bright.mkv', np.full((12, 48, 64, 3), 250, np.uint8))
    shift = [[1, 0, 20], [0, 1, 0], [0, 0, 1]]
    done = fuse_video(
        inferencer,
        bright,
        videos[1],
        tmp_path / 'o.mkv',
        homography=shift,
        measure_flicker=True,
    )
    assert any('sees 69% of the first frame' in note for note in done.notes)  # 44 of 64 columns
    fused, vi = (read_video(path)[0].astype(int) for path in (tmp_path / 'o.mkv', videos[1]))
    assert np.abs(fused - vi)[:, :, :18].max() <= 3  # OpenCV's way to the codec's planes rounds
    assert np.abs(fused - vi)[:, :, 22:].mean() > 20
    still = fuse_video(
        inferencer, bright, videos[1], tmp_path / 'o.mkv', measure_flicker=True
    ).flicker
    assert still.ir == 0 < done.flicker.ir  # outside, both sources are the visible one


def test_flicker_is_measured_on_what_was_fused(inferencer, videos, tmp_path, write_video):
    still = write_video(tmp_path / 'still.mkv', np.full((12, 48, 64, 3), 90, np.uint8))
    found = fuse_video(
        inferencer, still, videos[1], tmp_path / 'o.mkv', measure_flicker=True
    ).flicker
    assert found.ir == 0 and found.vi > 2
    assert 0.5 < found.ratio < 1.5
    found = fuse_video(
        inferencer, still, still, tmp_path / 'o.mkv', measure_flicker=True
    ).flicker
    assert (found.fused, found.static_share, found.static_fused) == (0, 1, 0)


def test_failure_leaves_the_earlier_file_and_no_other(
    inferencer, videos, tmp_path, monkeypatch
):
    out = tmp_path / 'out.mp4'
    out.write_bytes(b'earlier')
    fuse, calls = inferencer.fuse, []

    def fail_at_the_fifth(*args, **options):
        calls.append(1)
        if len(calls) == 5:
            raise RuntimeError('out of memory')
        return fuse(*args, **options)

    monkeypatch.setattr(inferencer, 'fuse', fail_at_the_fifth)
    with pytest.raises(RuntimeError, match='out of memory'):
        fuse_video(inferencer, *videos, out, overwrite=True)
    assert out.read_bytes() == b'earlier'
    with pytest.raises(ValueError, match=r'out\.mp4 is there already .*overwrite=True'):
        fuse_video(inferencer, *videos, out)
    assert {path.name for path in tmp_path.iterdir()} == {'ir.mkv', 'vi.mkv', 'out.mp4'}


@pytest.mark.parametrize('stop_at', [1, 5])
def test_interrupt_finishes_the_file(
    inferencer, videos, tmp_path, monkeypatch, read_video, stop_at
):
    fuse, calls = inferencer.fuse, []

    def interrupt(*args, **options):
        calls.append(1)
        if len(calls) == stop_at:
            raise KeyboardInterrupt
        return fuse(*args, **options)

    monkeypatch.setattr(inferencer, 'fuse', interrupt)
    if stop_at == 1:
        with pytest.raises(KeyboardInterrupt):
            fuse_video(inferencer, *videos, tmp_path / 'out.mp4')
        assert not list(tmp_path.glob('*out*'))
        return
    done = fuse_video(inferencer, *videos, tmp_path / 'out.mp4')
    assert done.interrupted and done.frames == 4
    assert len(read_video(tmp_path / 'out.mp4')[0]) == 4


def test_unusable_requests_are_told_before_anything_is_fused(inferencer, videos, tmp_path):
    for out, options, message in (
        ('o.gif', {}, r"format '\.gif': expected one of \.mp4"),
        ('vi.mkv', {}, 'is the source .*vi.mkv'),
        ('o.mp4', {'fps': 0}, 'fps must be above 0, got 0'),
        ('o.mp4', {'max_frames': -1}, 'max_frames must be above 0'),
    ):
        with pytest.raises(ValueError, match=message):
            fuse_video(inferencer, *videos, tmp_path / out, **options)
    assert {path.name for path in tmp_path.iterdir()} == {'ir.mkv', 'vi.mkv'}


def test_writer_refuses_a_change_of_size_and_notices_a_lost_file(tmp_path):
    writer = VideoWriter(tmp_path / 'o.mkv', 10)
    writer.write(np.zeros((48, 64), np.uint8), times=3)
    with pytest.raises(ValueError, match='frame 3 is 32x48, those before are 64x48'):
        writer.write(np.zeros((48, 32), np.uint8))
    writer.release()
    writer.check()
    data = (tmp_path / 'o.mkv').read_bytes()
    (tmp_path / 'o.mkv').write_bytes(data[:200])
    with pytest.raises(OSError, match='wrote 3 frames, found 0'):
        writer.check()


def test_live_frames_are_repeated_to_the_speed_of_life(
    inferencer, make_frames, monkeypatch, tmp_path, read_video
):
    frames = make_frames()
    clock = iter(np.arange(100) * 0.25)  # 4 fused frames a second

    class Cameras(LiveFrames):
        progress = 'dropped 0 + 0'

        def __init__(self, *_):
            self.fps, self.ended_early = 12.0, None

        def __iter__(self):
            return zip(frames, frames, strict=True)

        def fused(self):
            return next(clock)

        def close(self):
            pass

    monkeypatch.setattr('tsjnet_mm.video.fusing.open_frames', Cameras)
    done = fuse_video(inferencer, 0, 1, tmp_path / 'o.mkv', max_frames=20)
    read, fps = read_video(tmp_path / 'o.mkv')
    assert done.frames == len(read) == 20 and fps == 12
    changes = np.abs(np.diff(read.astype(int), axis=0)).mean((1, 2, 3)) > 0
    assert np.flatnonzero(changes).tolist() == [2, 5, 8, 11, 14, 17]  # At 0.25 s, 0.5 s, ...


@pytest.fixture
def with_sound(make_frames, write_video, tmp_path):
    """Factory of a copy of a video with two seconds of sound."""
    if shutil.which('ffmpeg') is None:
        pytest.skip('needs ffmpeg')

    def make(video, name, codec):
        out = tmp_path / name
        tone = ('-f', 'lavfi', '-i', 'sine=frequency=440:duration=2')
        coding = ('-map', '0:v', '-map', '1:a', '-c:v', 'copy', '-c:a', codec)
        command = ['ffmpeg', '-v', 'error', '-i', str(video), *tone, *coding, str(out)]
        subprocess.run(command, check=True)
        return out

    return make


@pytest.mark.parametrize('codec', ['aac', 'pcm_s16le'])
def test_sound_is_kept_and_cut_to_the_pictures(
    inferencer, videos, with_sound, tmp_path, read_video, codec
):
    loud = with_sound(videos[1], 'loud.mkv', codec)
    done = fuse_video(inferencer, videos[0], loud, tmp_path / 'o.mp4', max_frames=10)
    assert done.sound == 'kept' and len(read_video(tmp_path / 'o.mp4')[0]) == 10
    wav = tmp_path / 'o.wav'
    subprocess.run(['ffmpeg', '-v', 'error', '-i', tmp_path / 'o.mp4', wav], check=True)
    samples = np.frombuffer(wav.read_bytes()[78:], np.int16)
    assert 0.9 < len(samples) / 44100 < 1.1
    assert np.abs(samples[4410:22050].astype(int)).max() > 1000
    # Sound that is longer than the pictures is no reason to think them longer.
    left = fuse_video(inferencer, videos[0], loud, tmp_path / 'p.mp4', keep_sound=False)
    assert (left.frames, left.sound, left.ended_early) == (12, None, None)


def test_without_sound_or_ffmpeg_the_pictures_stay(
    inferencer, videos, tmp_path, monkeypatch, read_video
):
    if shutil.which('ffmpeg'):
        assert fuse_video(inferencer, *videos, tmp_path / 'o.mp4').sound is None
    monkeypatch.setattr('tsjnet_mm.video.video_writer.shutil.which', lambda _: None)
    done = fuse_video(inferencer, *videos, tmp_path / 'o.mp4')
    assert 'ffmpeg is not installed' in done.sound
    assert len(read_video(tmp_path / 'o.mp4')[0]) == 12
