"""Pair the frames of two live sources by time, and count what became of them."""

import collections
import math
import statistics
import threading
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from tsjnet_mm.io.errors import PairError
from tsjnet_mm.utils.words import counted

from .live_source import LiveFrame, LiveSource
from .video_files import to_rgb

#: So many of the last pairs count for the medians.
_RECENT = 10_000


@dataclass(frozen=True)
class LiveOptions:
    """How two live sources are paired.

    Attributes:
        lead (str): ``'vi'`` or ``'ir'``: the source whose frames are each fused, with the
            nearest one in time of the other.
        clock (str): ``'arrival'``: a frame has the time at which it is read. ``'stream'``: the
            time stamp of its device, translated to this machine's clock, see
            :class:`.StreamClock`; for RTSP.
        ir_delay (float): So many seconds later than the visible camera the infrared one
            delivers the same moment; may be negative.
        tolerance (float): Frames that are further apart, in seconds, are not paired.
        reconnect (int): So many attempts in a row to open a lost source anew; 0: none.

    Raises:
        ValueError: A value cannot be used.
    """

    lead: str = 'vi'
    clock: str = 'arrival'
    ir_delay: float = 0.0
    tolerance: float = 0.2
    reconnect: int = 8

    CHOICES: ClassVar = {'lead': ('vi', 'ir'), 'clock': ('arrival', 'stream')}

    def __post_init__(self) -> None:
        for name, choices in self.CHOICES.items():
            if getattr(self, name) not in choices:
                raise ValueError(
                    f'{name} must be one of {", ".join(choices)}, got {getattr(self, name)!r}'
                )
        if not math.isfinite(self.ir_delay) or abs(self.ir_delay) > 10:
            raise ValueError(f'ir_delay must be within 10 seconds, got {self.ir_delay}')
        if not 0 < self.tolerance <= 10:
            raise ValueError(
                f'tolerance must be above 0 and at most 10 seconds, got {self.tolerance}'
            )
        if self.reconnect < 0:
            raise ValueError(f'reconnect must be 0 or more, got {self.reconnect}')


class LiveFrames:
    """Two live sources: each frame of the leading one with the nearest in time of the other.

    A leading frame waits until no nearer partner can come. Frames that could not be fused in
    time are dropped, so that the pictures are current. Frames of a slower camera are used
    several times.

    Args:
        ir (int | str): Camera index or URL of the infrared source.
        vi (int | str): The same of the visible source.
        fps (float, optional): Frame rate of the output.
        options (LiveOptions): How they are paired.

    Attributes:
        count (None): A live source has no end.
        fps (float): What was asked for, else what the visible source says, else 25.
        is_live (bool): True.
        ended_early (str | None): Which source ended; known after the last pair.
        taken (collections.deque[float]): When the pairs that were given, and not yet
            :meth:`fused`, were taken.

    Raises:
        PairError: A source cannot be opened. A password in a URL is not repeated.
    """

    count = None
    is_live = True
    _sources = ()

    def __init__(
        self,
        ir: int | str,
        vi: int | str,
        fps: float | None = None,
        options: LiveOptions = LiveOptions(),
    ) -> None:
        self.ended_early, self._options = None, options
        self.taken = collections.deque()
        self._pairs = self._alone = 0
        self._apart = collections.deque(maxlen=_RECENT)
        self._delays = collections.deque(maxlen=_RECENT)
        self._used = {'ir': 0, 'vi': 0}
        self._again = {'ir': 0, 'vi': 0}
        self._last = {'ir': None, 'vi': None}
        self._condition = threading.Condition()
        hold = options.tolerance + abs(options.ir_delay) + 0.5
        how = self._condition, options.reconnect, options.clock, hold
        first = LiveSource(ir, *how)
        try:
            self._sources = first, LiveSource(vi, *how)
        except PairError:
            first.close()
            raise
        said = self._sources[1].fps
        self.fps = fps or (said if 1 <= said <= 120 else 25.0)

    def __iter__(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        while True:
            with self._condition:
                pair = self._choose(time.monotonic())
                said = [source.events.popleft() for source in self._sources if source.events]
                if pair is None and not said:
                    self.ended_early = self._other.over
                    if not self._lead.waiting:
                        self.ended_early = self.ended_early or self._lead.over
                    if self.ended_early:
                        return
                    # With a timeout, so that Ctrl-C is heard on every platform, and a frame
                    # is not held longer than its partner could still come.
                    self._condition.wait(timeout=0.01 if self._lead.waiting else 0.5)
            for sentence in said:
                warnings.warn(sentence, stacklevel=2)
            if pair is not None:
                self.taken.append(pair[self._options.lead == 'vi'].seconds)
                yield tuple(to_rgb(frame.image) for frame in pair)

    @property
    def _lead(self):
        return self._sources[self._options.lead == 'vi']

    @property
    def _other(self):
        return self._sources[self._options.lead != 'vi']

    def _choose(self, now: float) -> tuple[LiveFrame, LiveFrame] | None:
        """The next pair to fuse, infrared first; None where no partner is certain yet."""
        options, lead, other = self._options, self._lead.waiting, self._other.waiting
        certain = []
        for frame in lead:
            best, apart = self._nearest(frame, now)
            if apart is None:
                break  # A nearer one may still come.
            certain.append((frame, best, apart))
        found = [each for each in certain if each[2] <= options.tolerance]
        # One frame of a slow source makes the partners of several certain at once; what is
        # older than that was not fused in time.
        window = 0.5 / self._other.rate if self._other.rate else 0
        chosen = next((e for e in found if e[0].seconds >= found[-1][0].seconds - window), None)
        for each in certain:
            lead.popleft()
            if each is chosen:
                break
            self._alone += each[2] > options.tolerance
        if chosen is None:
            return None
        frame, best, apart = chosen
        while other[0] is not best:
            other.popleft()
        names = ('vi', 'ir') if options.lead == 'vi' else ('ir', 'vi')
        for name, each in zip(names, (frame, best), strict=True):
            self._again[name] += each is self._last[name]
            self._used[name] += each is not self._last[name]
            self._last[name] = each
        self._pairs += 1
        self._apart.append(apart)
        return (best, frame) if options.lead == 'vi' else (frame, best)

    def _nearest(self, frame, now):
        """The nearest frame of the other source, and how far it is; None where not certain."""
        options, other = self._options, self._other.waiting
        # A leading frame shows what the other source shows so much later.
        wanted = frame.seconds + options.ir_delay * (1 if options.lead == 'vi' else -1)
        best = min(other, key=lambda each: abs(each.seconds - wanted), default=None)
        apart = abs(best.seconds - wanted) if best else math.inf
        until = wanted + min(apart, options.tolerance)
        if options.clock == 'stream':
            until += options.tolerance  # For the jitter of arrival.
        is_before = best is None or (best is other[-1] and best.seconds < wanted)
        is_open = is_before and now < until and not self._other.over
        return best, None if is_open else apart

    def fused(self) -> float:
        """Note that the oldest of the pairs that were given is fused.

        Returns:
            float: When it was taken, in seconds of a clock that only moves forward.
        """
        taken = self.taken.popleft()
        self._delays.append(time.monotonic() - taken)
        return taken

    @property
    def progress(self) -> str:
        """str: Frames dropped of either source, and the delay of the last pair."""
        dropped = [
            source.came - self._used[name]
            for name, source in zip(('ir', 'vi'), self._sources, strict=False)
        ]
        delay = f', delay {self._delays[-1]:.2f} s' if self._delays else ''
        return f'dropped {" + ".join(map(str, dropped))}{delay}'

    @property
    def notes(self) -> list[str]:
        """list[str]: What became of the frames of either source, and of the pairs."""
        if not self._sources:
            return []
        notes = []
        for words, name, source in zip(
            ('infrared', 'visible'), ('ir', 'vi'), self._sources, strict=True
        ):
            used, again = self._used[name], self._again[name]
            note = f'{words} {source.name}: {counted(source.came, "frame")} came'
            note += f' at {source.rate:.1f} per second' if source.rate else ''
            note += f', {used} used' + (f' ({again} times more than once)' if again else '')
            note += f', {source.came - used} dropped'
            if source.lost:
                times = counted(len(source.lost), 'reconnection')
                note += f', {times} after {sum(source.lost):.1f} s without frames'
            notes.append(note)
        if self._alone:
            words, other = ('visible', 'infrared')[:: 1 if self._options.lead == 'vi' else -1]
            notes.append(
                f'{counted(self._alone, f"{words} frame")} had no {other} one within '
                f'{self._options.tolerance:g} s'
            )
        if self._delays:
            notes.append(
                f'{counted(self._pairs, "pair")}: {_spread(self._apart)} apart; '
                f'{_spread(self._delays)} from camera to fused frame'
            )
        return notes

    def describe(self, modality: str, index: int) -> str:
        """Name of a frame in errors: its source and number."""
        names = dict(zip(('infrared', 'visible'), self._sources, strict=False))
        return f'{names[modality].name if names else modality}, frame {index}'

    def close(self) -> None:
        """Stop both threads and let go of the cameras."""
        for source in self._sources:
            source.close()


def _spread(seconds):
    """Median and largest of some times, in words."""
    median, largest = (1000 * value for value in (statistics.median(seconds), max(seconds)))
    return f'{median:.0f} ms (at most {largest:.0f})'
