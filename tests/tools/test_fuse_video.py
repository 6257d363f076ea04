import functools
import os
import re
import signal
import subprocess
import sys

import cv2
import numpy as np
import pytest

from tsjnet_mm.utils.files import remove_stale_parts


def write(path, count, size=(64, 48)):
    writer = cv2.VideoWriter(
        str(path), cv2.CAP_FFMPEG, cv2.VideoWriter_fourcc(*'mp4v'), 10, size
    )
    for index in range(count):
        level = 20 + index * 7 % 200
        writer.write(np.full((size[1], size[0], 3), level, np.uint8))
    writer.release()
    return path


def count_frames(path):
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    count = 0
    while capture.read()[0]:
        count += 1
    return count


@pytest.fixture
def run_here(run_main):
    """Run the tool in this process, see ``run_main``."""
    return functools.partial(run_main, 'fuse_video.py')


def test_help_teaches(run_here):
    status, text, _ = run_here('--help')
    assert status == 0
    for example in ('--ir ir.mp4', '--ir frames/ir', '--ir 0 --vi 1', 'rtsp://', 'Ctrl-C'):
        assert example in text


def test_two_files(run_tool, tmp_path):
    ir, vi = write(tmp_path / 'ir.mp4', 12), write(tmp_path / 'vi.mp4', 12)
    out = tmp_path / 'new' / 'o.mp4'
    done = run_tool(
        'fuse_video.py', '--ir', ir, '--vi', vi, '--out', out, '--measure-flicker'
    )  # fmt: skip
    assert '12 frames of 64x48 at 10 frames per second' in done.stdout
    assert re.search(r'fused / larger source [01]\.\d+', done.stdout)
    assert '12/12' in done.stderr and 'frame/s' in done.stderr
    assert count_frames(out) == 12


def test_two_folders_in_grey(run_here, pair_folder, tmp_path):
    data = pair_folder(stems=('2', '10', '1'), size=(32, 48))
    out = tmp_path / 'o.avi'
    status, stdout, _ = run_here(
        '--ir', data / 'ir', '--vi', data / 'vi', '--out', out,
        '--fps', '5', '--grey', '--model', 'max',
    )  # fmt: skip
    assert status == 0 and '3 frames of 48x32 at 5 frames per second' in stdout
    assert count_frames(out) == 3


@pytest.mark.parametrize(
    ('ir', 'vi', 'message'),
    [
        ('ir.mp4', 'none.mp4', r'none\.mp4'),
        ('ir.mp4', 'short.mp4', r'ir\.mp4 has 12 frames, \S*short\.mp4 9'),
        ('small.mp4', 'ir.mp4', 'different sizes'),
        ('broken.mp4', 'ir.mp4', r'broken\.mp4: unreadable video'),
        ('98', '97', '98: unreachable camera'),
    ],
)
def test_errors_are_one_line_and_leave_no_file(run_here, tmp_path, ir, vi, message):
    write(tmp_path / 'ir.mp4', 12)
    write(tmp_path / 'short.mp4', 9)
    write(tmp_path / 'small.mp4', 12, (32, 32))
    (tmp_path / 'broken.mp4').write_bytes(b'0' * 999)
    sources = [tmp_path / name if '.' in name else name for name in (ir, vi)]
    status, _, stderr = run_here(
        '--ir', sources[0], '--vi', sources[1], '--out', tmp_path / 'out.mp4'
    )  # fmt: skip
    assert status == 1
    assert re.search(f'^error: .*{message}.*\n\\Z', stderr, re.M)
    assert not list(tmp_path.glob('*out*'))


@pytest.fixture(scope='module')
def long_videos(tmp_path_factory):
    folder = tmp_path_factory.mktemp('videos')
    return [write(folder / f'{name}.mp4', 3000) for name in ('ir', 'vi')]


@pytest.fixture
def fuse_and_signal(repository, long_videos, tmp_path):
    """Fuse two long videos in a process that gets a signal when some frames are fused."""

    def run(number):
        out = tmp_path / 'o.mp4'
        process = subprocess.Popen(
            [
                *(sys.executable, str(repository / 'tools' / 'fuse_video.py'), '--ir'),
                *(long_videos[0], '--vi', long_videos[1], '--out', out, '--model', 'average'),
            ],
            env={**os.environ, 'PYTHONPATH': str(repository), 'OMP_NUM_THREADS': '1'},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            # A shell's background jobs, and what they start, ignore SIGINT.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )
        try:
            seen = b''
            while not re.search(rb' [1-9]\d+/3000', seen):
                character = process.stderr.read(1)
                assert character, seen.decode()
                seen += character
            assert not out.exists()
            process.send_signal(number)
            stdout, stderr = (text.decode() for text in process.communicate(timeout=60))
        finally:
            process.kill()
        return process.returncode, stdout, stderr

    return run


@pytest.mark.skipif(os.name == 'nt', reason='no such signals')
@pytest.mark.parametrize(
    'number, status',
    [(signal.SIGINT, 130), pytest.param(signal.SIGTERM, 143, marks=pytest.mark.slow)],
)
def test_interrupt_leaves_a_playable_file(number, status, fuse_and_signal, tmp_path):
    returned, stdout, stderr = fuse_and_signal(number)
    assert returned == status
    assert 'the file holds what was fused until then' in stderr
    assert 'Traceback' not in stderr
    number = int(re.match(r'(\d+) frames', stdout)[1])
    assert 10 <= number < 3000
    assert count_frames(tmp_path / 'o.mp4') == number
    assert [path.name for path in tmp_path.iterdir()] == ['o.mp4']


@pytest.mark.skipif(os.name == 'nt', reason='no such signals')
@pytest.mark.slow
def test_what_a_kill_leaves_is_removed_by_the_next_run(fuse_and_signal, tmp_path):
    assert fuse_and_signal(signal.SIGKILL)[0] == -signal.SIGKILL
    left = [*tmp_path.iterdir()]
    assert left and all(path.name.startswith('.o.') for path in left)
    assert {*remove_stale_parts(tmp_path)} == {*left}
    assert not [*tmp_path.iterdir()]


@pytest.mark.slow
def test_exported_models_need_no_weights(run_tool, tmp_path):
    command = 'fuse_video.py', '--ir', 'x.mp4', '--vi', 'y.mp4', '--out', tmp_path / 'z.mp4'
    done = run_tool(*command, '--model', 'none.onnx', check=False)
    assert done.returncode == 1 and 'no ONNX model at none.onnx' in done.stderr
    done = run_tool(*command, '--model', 'tsjnet-official', check=False)
    assert done.returncode == 2 and 'needs --weights' in done.stderr


def test_live_streams_of_unequal_rates(run_here, serve, tmp_path):
    ir, vi = serve(400, seconds_each=0.1), serve(400, seconds_each=0.03)
    status, stdout, stderr = run_here(
        '--ir', ir, '--vi', vi, '--out', tmp_path / 'o.mkv', '--max-frames', '30',
        '--model', 'average', '--ir-delay', '0.02', '--fps', '20',
    )  # fmt: skip
    assert status == 0 and '30 frames of 64x48 at 20 frames per second' in stdout
    assert count_frames(tmp_path / 'o.mkv') == 30
    assert re.search(
        rf'^infrared {ir}: \d+ frames came at ([89]|1\d)\.\d per second, ', stdout, re.M
    )
    assert re.search(rf'^visible {vi}: \d+ .* used, \d+ dropped$', stdout, re.M)
    assert re.search(r'^\d+ pairs: \d+ ms \(at most \d+\) apart; \d+ ms ', stdout, re.M)
    assert re.search(r'dropped \d+ \+ \d+, delay 0\.\d\d s', stderr)


@pytest.mark.skipif(os.name == 'nt', reason='no such signals')
@pytest.mark.slow
@pytest.mark.parametrize('number, status', [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_live_streams_also_within_a_gap(
    number, status, serve, tmp_path, repository
):
    ir, vi = serve(20, seconds_each=0.05), serve(4000, seconds_each=0.05)
    process = subprocess.Popen(
        [
            *(sys.executable, str(repository / 'tools' / 'fuse_video.py'), '--ir', ir),
            *('--vi', vi, '--out', tmp_path / 'o.mp4', '--model', 'average'),
        ],
        env={**os.environ, 'PYTHONPATH': str(repository), 'OMP_NUM_THREADS': '1'},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    try:
        seen = ''
        while 'was lost: reconnecting in 0.5 s' not in seen:
            seen += process.stderr.read(1)
        process.send_signal(number)
        stdout, stderr = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == status
    assert 'Traceback' not in seen + stderr
    assert 'the file holds what was fused until then' in stderr
    frames = int(re.match(r'(\d+) frames', stdout)[1])
    assert count_frames(tmp_path / 'o.mp4') == frames > 5
    assert f'infrared {ir}: 20 frames came at ' in stdout
