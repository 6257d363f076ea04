import collections
import contextlib
import functools
import http.server
import threading
import time
import types
import warnings

import numpy as np
import pytest

from tsjnet_mm.io.errors import PairError
from tsjnet_mm.video import live_source
from tsjnet_mm.video.frame_sources import open_frames
from tsjnet_mm.video.live_frames import LiveFrames, LiveOptions
from tsjnet_mm.video.live_source import LiveFrame, LiveSource, StreamClock


@pytest.fixture
def paired(monkeypatch):
    """Pair frames that came at given times, without cameras: ``(number of ir, of vi)``."""

    class Came:
        fps = 0

        def __init__(self, times, *_):
            self.times, self.waiting, self.over, self.came = times, collections.deque(), None, 0
            self.rate = (len(times) - 1) / (times[-1] - times[0])

    def pair(ir, vi, until, step=0.01, **options):
        monkeypatch.setattr('tsjnet_mm.video.live_frames.LiveSource', Came)
        frames = LiveFrames(ir, vi, options=LiveOptions(**options))
        given = []
        for now in np.arange(0, until, step):
            for source in frames._sources:
                for number, seconds in enumerate(source.times):
                    if number == source.came and seconds <= now:
                        source.came += 1
                        source.waiting.append(LiveFrame(seconds, seconds, number, None))
            found = frames._choose(now)
            if found:
                given.append((found[0].number, found[1].number, round(float(now), 2)))
        return given, frames

    return pair


def test_each_visible_frame_has_the_nearest_infrared_one_in_time(paired):
    ir, vi = [0.03 + 0.1 * n for n in range(10)], [0.04 * n for n in range(20)]
    given, frames = paired(ir, vi, 0.9)
    nearest = [min(range(10), key=lambda n: abs(ir[n] - at)) for at in vi]
    assert [pair[:2] for pair in given] == [*zip(nearest, range(20), strict=True)]
    # A frame waits no longer than a nearer partner could still come.
    assert all(now - vi[number] <= 0.071 for _, number, now in given)
    assert frames._used == {'ir': 8, 'vi': 20} and frames._again['ir'] == 12


def test_the_infrared_may_lead_and_come_later(paired):
    vi = [0.04 * n for n in range(30)]
    ir = [0.251 + 0.1 * n for n in range(8)]  # Shows what the visible one showed 0.21 s before.
    given, _ = paired(ir, vi, 1.3, lead='ir', ir_delay=0.21)
    assert [pair[:2] for pair in given] == [(n, round((ir[n] - 0.21) / 0.04)) for n in range(8)]
    given, _ = paired(ir, vi, 1.3, ir_delay=0.21, tolerance=0.03)
    assert {vi: ir for ir, vi, _ in given} == {
        at: n for n in range(8) for at in range(30) if abs(ir[n] - 0.21 - 0.04 * at) <= 0.03
    }


def test_frames_far_apart_are_not_paired_and_counted(paired):
    ir = [0.0, 0.1, 0.2, 1.0, 1.1]  # A gap of 0.8 s.
    given, frames = paired(ir, [0.1 * n for n in range(12)], 1.5, tolerance=0.12)
    assert [pair[1] for pair in given] == [0, 1, 2, 3, 9, 10, 11]
    assert frames._alone == 5 and frames._again['ir'] == 2


def test_a_slow_consumer_gets_the_newest_pair(paired):
    times = [0.04 * n for n in range(25)]
    given, _ = paired(times, times, 1.0, step=0.2)
    assert [pair[:2] for pair in given] == [(n, n) for n in (0, 5, 10, 15, 20)]


@pytest.mark.parametrize(
    'options, message',
    [
        ({'lead': 'both'}, 'lead must be one of vi, ir, got'),
        ({'clock': 'sun'}, 'clock must be one of arrival, stream'),
        ({'ir_delay': float('nan')}, 'ir_delay must be within 10'),
        ({'tolerance': 0}, 'tolerance must be above 0'),
        ({'reconnect': -1}, 'reconnect must be 0 or more'),
    ],
)
def test_unusable_options_are_told(options, message):
    with pytest.raises(ValueError, match=message):
        LiveOptions(**options)


def test_options_of_live_sources_are_refused_for_files(tmp_path):
    with pytest.raises(ValueError, match='leave the options of live sources out'):
        open_frames(tmp_path / 'a.mp4', tmp_path / 'b.mp4', live=LiveOptions())


def test_a_device_clock_is_translated_without_the_jitter_of_the_network():
    clock, rng = StreamClock(window=5), np.random.default_rng(0)
    late = rng.uniform(0.01, 0.08, 1000)
    late[::7] = 0.01  # The shortest way.
    taken = 100 + 0.04 * np.arange(1000)
    stamps = (taken - 100) * 1.0005 + 7  # Another zero, and half a second in 1000 s faster.
    local = [
        clock.local(at + delay, stamp)
        for at, delay, stamp in zip(taken, late, stamps, strict=True)
    ]
    assert clock.is_usable
    assert np.abs(np.array(local) - (taken + 0.01))[60:].max() < 0.004
    clock.restart()
    assert [clock.local(500 + at, at) for at in (0, 1, 2)] == [500, 501, 502]
    assert clock.local(503.5, 3.0) == 503  # It came 0.5 s late.


def test_stamps_that_are_no_times_are_not_used():
    fast, still, none = StreamClock(), StreamClock(), StreamClock()
    for number in range(50):  # 10 frames a second, of which the container says 25.
        assert fast.local(0.1 * number, 0.04 * number) <= 0.1 * number
        still.local(0.1 * number, 0)
        assert none.local(0.1 * number, -3.7e20) == 0.1 * number  # What OpenCV says then.
    assert not (fast.is_usable or still.is_usable or none.is_usable)
    assert fast.local(5.0, 2.0) == 5.0


def take(source, count=None, pause=0.0):
    levels = []
    for ir, vi in source:
        levels.append((int(ir.mean()), int(vi.mean())))
        time.sleep(pause)
        if len(levels) == count:
            break
    return levels


def test_absent_camera_and_stream_are_named():
    with pytest.raises(PairError, match=r'^97: unreachable camera'):
        open_frames('97', '98')
    with pytest.raises(
        PairError, match=r'me:\*\*\*@127\.0\.0\.1:9/ir: unreachable stream'
    ) as e:
        open_frames('http://me:secret@127.0.0.1:9/ir', 'http://127.0.0.1:9/vi')
    assert 'secret' not in str(e.value)


def test_live_streams_give_the_newest_frames_and_drop_the_others(serve):
    source = open_frames(serve(200), serve(200))
    with contextlib.closing(source):
        levels = take(source, 4, pause=0.3)
    assert source.is_live and source.count is None
    for index in range(2):
        steps = np.diff([pair[index] for pair in levels])
        assert (steps >= 3).all(), levels


def test_end_of_a_live_stream_is_told(serve):
    url = serve(5)
    live = LiveOptions(reconnect=0)
    with contextlib.closing(open_frames(url, serve(100), live=live)) as source:
        assert len(list(source)) < 100
    assert source.ended_early == f'{url} ended'


def test_a_lost_stream_is_opened_anew_until_the_limit(serve, monkeypatch):
    monkeypatch.setattr(live_source, 'FIRST_PAUSE', 0.05)
    url = serve(12, 12)
    live = LiveOptions(reconnect=2, tolerance=0.05)
    with (
        contextlib.closing(open_frames(url, serve(400), live=live)) as source,
        pytest.warns(UserWarning) as told,
    ):
        levels = take(source)
    infrared = [ir for ir, _ in levels]  # Of the first and of the second connection.
    assert min(infrared) < 22 and max(infrared) == 33
    told = [str(each.message) for each in told]
    assert told[0] == f'{url} was lost: reconnecting in 0.05 s'
    assert told[1].startswith(f'{url} is back after 1 attempt, ')
    assert source.ended_early == f'{url} was lost, and 2 attempts to reconnect failed'
    notes = ' '.join(source.notes)
    assert f'infrared {url}: 24 frames came at ' in notes and ', 1 reconnection after ' in notes
    assert 'visible frames had no infrared one within 0.05 s' in notes


def test_pauses_double_up_to_the_longest(monkeypatch):
    monkeypatch.setattr(live_source, 'LONGEST_PAUSE', 3.0)
    waited = []

    class Lost(LiveSource):
        def __init__(self):
            self.name, self._reconnect, self._is_file, self._size = 'rtsp://x', 5, False, None
            self._capture = self._open()
            self._stop = types.SimpleNamespace(wait=waited.append)
            self._condition, self.events = threading.Condition(), collections.deque()

        def _open(self):
            return types.SimpleNamespace(release=lambda: None, isOpened=lambda: False)

    assert Lost()._find_again() == 'rtsp://x was lost, and 5 attempts to reconnect failed'
    assert waited == [0.5, 1, 2, 3, 3]


def test_other_frames_after_a_reconnection_end_it(serve):
    source = LiveSource(serve(100), threading.Condition())
    source.close()
    assert source._take(np.zeros((40, 64, 3), np.uint8)) == (
        f'{source.name} came back with frames of 64x40 instead of 64x48'
    )


def test_a_gap_does_not_fill_the_memory(serve):
    source = LiveSource(serve(60, seconds_each=0.01), threading.Condition(), hold=0.1)
    with warnings.catch_warnings(), contextlib.closing(source):
        while not source.over:
            time.sleep(0.01)
    assert source.came == 60 and 1 <= len(source.waiting) <= 15


def test_an_address_of_a_file_ends_with_the_file(make_frames, write_video, tmp_path):
    write_video(tmp_path / 'v.mkv', make_frames(6))
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=tmp_path)
    handler.log_message = lambda *_: None
    with http.server.ThreadingHTTPServer(('127.0.0.1', 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f'http://127.0.0.1:{server.server_address[1]}/v.mkv'
        source = LiveSource(url, threading.Condition(), reconnect=3)
        with contextlib.closing(source):
            end = time.monotonic() + 10
            while not source.over and time.monotonic() < end:
                time.sleep(0.01)
        server.shutdown()
    assert (source.over, source.came) == (f'{source.name} ended', 6)


def test_the_clock_begins_anew_after_a_reconnection():
    source = object.__new__(LiveSource)
    source.name, source.last, source.lost, source._clock = 'rtsp://x', 5.0, [], StreamClock()
    source._condition, source.events = threading.Condition(), collections.deque()
    source._take = lambda image: None
    for at in (0, 1, 2, 3):
        source._clock.local(100 + at, at)
    source._resume(6.0, 1, None)
    # Without that, a frame that came at 104 would have been taken at 100.
    assert source._clock.local(104.0, 50.0) == 104.0 and source._clock.is_usable
    assert len(source.lost) == 1
