"""One live source: a thread that reads it, and opens it anew when it is lost."""

import collections
import re
import threading
import time
from typing import NamedTuple

import cv2
import numpy as np

from tsjnet_mm.io.errors import PairError
from tsjnet_mm.utils.words import counted

#: Seconds until the first attempt to reconnect, and the most between two attempts.
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
#: Seconds without an answer after which a stream counts as lost.
_TIMEOUT = 10
#: Seconds beyond which a time stamp is none: OpenCV's of a stream without stamps is -4e20.
_LATEST = 1e12


def hide_password(source: int | str) -> str:
    """A source for messages, without the password in a URL."""
    return re.sub(r'(://[^/:@]*):[^/@]*@', r'\1:***@', str(source))


class LiveFrame(NamedTuple):
    """A frame of a live source.

    Attributes:
        seconds (float): When it was taken, on this machine's clock (``time.monotonic``).
        arrived (float): When it was read, on the same clock.
        number (int): Its number, from 1.
        image (np.ndarray): (H, W) or (H, W, 3), as OpenCV gives it.
    """

    seconds: float
    arrived: float
    number: int
    image: np.ndarray


class StreamClock:
    """Translate the time stamps of a device into the time of this machine.

    A device's clock has another zero and may run a little faster or slower. A frame cannot
    arrive before it was taken, so the smallest difference of arrival and stamp, of the last
    frames, is the offset of the clocks plus the shortest way. Jitter of the network is thus
    taken out, and drift is followed. In the first two seconds frames have the time of arrival.

    Args:
        window (float): Seconds that the smallest difference is taken of. Defaults to 20.

    Attributes:
        is_usable (bool): False once a stamp was missing or stood still, or the stamps ran at
            another speed than time (by 5 % and half a second); then frames have the time of
            arrival.
    """

    def __init__(self, window: float = 20.0) -> None:
        self._window, self._seen = window, collections.deque()
        self.is_usable = True

    def local(self, arrived: float, stamp: float) -> float:
        """When a frame was taken.

        Args:
            arrived (float): When it was read, in seconds.
            stamp (float): What the device says, in seconds.

        Returns:
            float: On the clock of ``arrived``, and never after it.
        """
        if abs(stamp) > _LATEST or (self._seen and stamp == self._seen[-1][1]):
            self.is_usable = False
        if not self.is_usable:
            return arrived
        if self._seen and stamp < self._seen[-1][1]:
            self.restart()
        self._seen.append((arrived, stamp))
        while arrived - self._seen[0][0] > self._window:
            self._seen.popleft()
        real, told = arrived - self._seen[0][0], stamp - self._seen[0][1]
        if real < 2:
            return arrived
        if abs(told - real) > max(0.5, 0.05 * real):
            self.is_usable = False
            return arrived
        return stamp + min(came - said for came, said in self._seen)

    def restart(self) -> None:
        """Forget the offset: the stamps begin anew, as after a reconnection."""
        self._seen.clear()


class LiveSource:
    """Frames of a camera or a stream, read by its own thread.

    When no frame comes, the source is opened anew: after half a second, then after twice as
    long each time, at most 30 seconds, ``reconnect`` times in a row. A URL that leads to a
    video file, which says how many frames it has, just ends.

    Args:
        source (int | str): Camera index or URL.
        condition (threading.Condition): Is notified of each frame; hold it to look at the
            attributes.
        reconnect (int): Attempts in a row. Defaults to 0.
        clock (str): ``'arrival'`` or ``'stream'``: whose time a frame has.
        hold (float): Frames that arrived so many seconds before the newest are dropped.
            Defaults to 1.

    Attributes:
        name (str): The source, without a password.
        waiting (collections.deque[LiveFrame]): Frames that nobody took yet, the oldest first.
        came (int): Number of frames.
        first (float | None): When the first frame arrived; ``last`` is of the newest.
        lost (list[float]): Seconds of each gap that a reconnection ended.
        events (collections.deque[str]): What is to be said: lost, back.
        over (str | None): How it ended, once it has.

    Raises:
        PairError: It cannot be opened.
    """

    def __init__(
        self,
        source: int | str,
        condition: threading.Condition,
        reconnect: int = 0,
        clock: str = 'arrival',
        hold: float = 1.0,
    ) -> None:
        self.name = hide_password(source)
        self._source, self._reconnect, self._hold = source, reconnect, hold
        self._clock = StreamClock() if clock == 'stream' else None
        self._condition, self._stop = condition, threading.Event()
        self._capture = self._open()
        if not self._capture.isOpened():
            kind = 'camera' if isinstance(source, int) else 'stream'
            raise PairError.of(
                f'unreachable {kind}', self.name, f'a {kind} that OpenCV can open', 'none'
            )
        self.fps = self._capture.get(cv2.CAP_PROP_FPS)
        self._is_file = self._capture.get(cv2.CAP_PROP_FRAME_COUNT) > 0
        self.waiting = collections.deque()
        self.came, self.first, self.last, self._size = 0, None, None, None
        self.lost, self.events, self.over = [], collections.deque(), None
        self._thread = threading.Thread(target=self._fetch, daemon=True)
        self._thread.start()

    @property
    def rate(self) -> float:
        """float: Frames per second that came, without the gaps; 0 before the second."""
        seconds = (self.last - self.first - sum(self.lost)) if self.came > 1 else 0
        return (self.came - 1) / seconds if seconds > 0 else 0.0

    def _open(self):
        if isinstance(self._source, int):
            return cv2.VideoCapture(self._source)
        limit = 1000 * _TIMEOUT
        options = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, limit]
        options += [cv2.CAP_PROP_READ_TIMEOUT_MSEC, limit]
        return cv2.VideoCapture(self._source, cv2.CAP_FFMPEG, options)

    def _fetch(self):
        over = None
        while over is None and not self._stop.is_set():
            is_read, image = self._capture.read()
            over = self._take(image) if is_read else self._find_again()
        self._capture.release()
        with self._condition:
            self.over = over
            self._condition.notify_all()

    def _take(self, image):
        """Keep a frame; returns how the source ended if its frames have another size."""
        arrived = time.monotonic()
        size = f'{image.shape[1]}x{image.shape[0]}'
        self._size = self._size or size
        if size != self._size:
            return f'{self.name} came back with frames of {size} instead of {self._size}'
        seconds = arrived
        if self._clock is not None:
            was_usable = self._clock.is_usable
            stamp = self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
            seconds = self._clock.local(arrived, stamp)
            if was_usable and not self._clock.is_usable:
                self.events.append(
                    f'{self.name}: its time stamps do not run like time, so its frames have '
                    'the time of their arrival'
                )
        with self._condition:
            self.came += 1
            self.first, self.last = self.first or arrived, arrived
            self.waiting.append(LiveFrame(seconds, arrived, self.came, image))
            while arrived - self.waiting[0].arrived > self._hold:
                self.waiting.popleft()
            self._condition.notify_all()
        return None

    def _find_again(self):
        """Open the source anew; returns how it ended if that fails."""
        if self._is_file or not self._reconnect:
            return f'{self.name} ended'
        self._capture.release()
        lost, pause = time.monotonic(), FIRST_PAUSE
        self._say(f'{self.name} was lost: reconnecting in {pause:g} s')
        for attempt in range(1, self._reconnect + 1):
            if self._stop.wait(pause):
                return None
            self._capture = self._open()
            if self._capture.isOpened():
                is_read, image = self._capture.read()
                if is_read:
                    return self._resume(lost, attempt, image)
            self._capture.release()
            pause = min(2 * pause, LONGEST_PAUSE)
        times = counted(self._reconnect, 'attempt')
        return f'{self.name} was lost, and {times} to reconnect failed'

    def _resume(self, lost, attempt, image):
        if self._clock is not None:
            self._clock.restart()
        gap = time.monotonic() - (self.last or lost)
        self.lost.append(gap)
        attempts = counted(attempt, 'attempt')
        self._say(f'{self.name} is back after {attempts}, {gap:.1f} s without frames')
        return self._take(image)

    def _say(self, sentence):
        with self._condition:
            self.events.append(sentence)
            self._condition.notify_all()

    def close(self) -> None:
        """Stop the thread and let go of the camera."""
        self._stop.set()
        # A camera that hangs must not keep the video from being finished.
        self._thread.join(timeout=2)
