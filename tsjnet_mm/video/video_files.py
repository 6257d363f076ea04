"""Pair the frames of two video files by time."""

import collections
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from tsjnet_mm.io.errors import PairError
from tsjnet_mm.utils.words import counted

_RAW_16_BIT = int.from_bytes(b'Y1\x00\x10', 'little')
#: A frame rate above this is taken for the unit of time that a container counts in.
_HIGHEST_RATE = 250


def to_rgb(frame: np.ndarray) -> np.ndarray:
    """A frame of OpenCV's, BGR or grey, as RGB or grey."""
    return cv2.cvtColor(frame, cv2.COLOR_BGR2RGB) if frame.ndim == 3 else frame


class Frame(NamedTuple):
    """A frame of a file.

    Attributes:
        seconds (float): When it is shown, counted from the first.
        number (int): Its number, from 0.
        image (np.ndarray): (H, W) or (H, W, 3) RGB.
    """

    seconds: float
    number: int
    image: np.ndarray


class Timing(NamedTuple):
    """How the frames of a file follow each other.

    Attributes:
        seconds (float): How long they last together.
        interval (float): Mean time from one to the next, in seconds.
        is_steady (bool): Whether that is always about the same.
    """

    seconds: float
    interval: float
    is_steady: bool


class VideoFile:
    """A video file, read frame by frame.

    Args:
        path (str | Path): The file.

    Attributes:
        fps (float): Frame rate by its header, the mean where it varies; 0 if it does not say.
        count (int): Number of frames by its header, 0 if it does not say; exact once scanned.
        number (int): As many frames were read.
        seconds (float): When the newest of them is shown, counted from the first.
        aspect (tuple[int, int]): Width and height of a pixel; (1, 1) is square.

    Raises:
        FileNotFoundError: There is no such file.
        PairError: It is no video that can be read.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = path
        if not Path(path).is_file():
            raise FileNotFoundError(f'no such file or folder: {path}')
        self._capture = self._open()
        if int(self._capture.get(cv2.CAP_PROP_CODEC_PIXEL_FORMAT)) == _RAW_16_BIT:
            self._capture.set(cv2.CAP_PROP_CONVERT_RGB, 0)
        self.fps = max(0.0, self._capture.get(cv2.CAP_PROP_FPS))
        self.count = max(0, int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT)))
        aspect = [
            int(self._capture.get(getattr(cv2, f'CAP_PROP_SAR_{part}', -1)))
            for part in ('NUM', 'DEN')
        ]
        self.aspect = tuple(aspect) if min(aspect) > 0 else (1, 1)
        self._stated_end = self.count / self.fps if self.fps else 0.0
        self._restart()

    def _open(self):
        capture = cv2.VideoCapture(str(self.path), cv2.CAP_FFMPEG)
        if not capture.isOpened():
            raise PairError.of(
                'unreadable video',
                self.path,
                'a video that OpenCV can decode',
                f'{Path(self.path).stat().st_size} bytes that it cannot',
            )
        return capture

    def _restart(self):
        self.number, self.seconds, self.longest_gap, self._first = 0, 0.0, 0.0, 0.0

    def _note_time(self, capture):
        """Take the time of the frame that was grabbed; without one, the next by the rate."""
        stated = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
        if not self.number:
            self._first = stated
        else:
            seconds = stated - self._first
            if not seconds > self.seconds:
                seconds = self.seconds + 1 / (self.fps or 25)
            self.longest_gap = max(self.longest_gap, seconds - self.seconds)
            self.seconds = seconds
        self.number += 1

    def read(self) -> Frame | None:
        """Read the next frame.

        Returns:
            Frame | None: None at the end.
        """
        is_read, frame = self._capture.read()
        if not is_read:
            return None
        self._note_time(self._capture)
        return Frame(self.seconds, self.number - 1, to_rgb(frame))

    @property
    def interval(self) -> float:
        """Mean time between the frames that were read, in seconds."""
        return self.seconds / (self.number - 1) if self.number > 1 else 1 / (self.fps or 25)

    @property
    def is_steady(self) -> bool:
        """Whether the frames that were read came at a constant rate."""
        return self.longest_gap <= 1.5 * self.interval

    @property
    def end(self) -> float:
        """When the newest frame that was read ends if it is the last, in seconds.

        Only the header knows; but it may mean the sound, or a file that was cut since.
        """
        lasts = max(self._stated_end - self.seconds, self.interval)
        return self.seconds + min(lasts, max(self.longest_gap, self.interval))

    def scan(self) -> Timing:
        """Go through all frames once, and forget it.

        Returns:
            Timing: Of the whole file; ``count`` is exact from then on.
        """
        capture = self._open()
        while capture.grab():
            self._note_time(capture)
        capture.release()
        self.count = self.number
        found = Timing(self.end, self.interval, self.is_steady)
        self._restart()
        return found

    def close(self) -> None:
        """Close the file."""
        self._capture.release()


class FileFrames:
    """Two video files, paired by the time at which their frames are shown.

    Both begin at the same moment. Each visible frame goes with the infrared frame that is
    nearest in time, and is to be written as often as the output's frame rate asks, so that the
    scene keeps its duration. At one constant rate that is frame by frame, once each. With
    ``fps``, times are not looked at: frames are paired by number.

    Frames are uint8 RGB, of 16-bit grey videos uint16.

    Args:
        ir (str | Path): Infrared video.
        vi (str | Path): Visible video.
        fps (float, optional): Frame rate of both; replaces those of the files.
        max_frames (int, optional): How many frames are needed.

    Attributes:
        count (int | None): Number of frames to write by the files' headers; None where they
            do not say.
        fps (float | None): Frame rate of the output; None where the files do not say.
        repeats (collections.deque[int]): How often to write each pair that was given.
        aspect (tuple[int, int]): Width and height of a pixel of the visible video.
        is_live (bool): False.
        ended_early (str | None): Which source ended before the other, or before its header
            said; known after the last pair.

    Raises:
        FileNotFoundError: There is no such file.
        PairError: A file is no video that can be read.
        ValueError: Frame rates or frame counts differ, and the files do not last equally long.
    """

    is_live = False

    def __init__(
        self,
        ir: str | Path,
        vi: str | Path,
        fps: float | None = None,
        max_frames: int | None = None,
    ) -> None:
        self.ended_early = None
        self.repeats = collections.deque()
        self._numbers = []
        self._uses = collections.Counter()  # of the infrared frame at hand, and of all
        self._is_fps_given = bool(fps)
        self._files = VideoFile(ir), VideoFile(vi)
        try:
            self._check(max_frames)
        except ValueError:
            self.close()
            raise
        ir, vi = self._files
        self.fps = fps or vi.fps or ir.fps or None
        if self.fps and self.fps > _HIGHEST_RATE and not fps:
            self.fps = 1 / vi.scan().interval  # some headers give the unit of time
        # At different rates the visible frames, whose rate it is, are those that are written.
        self.count = (vi.count if self._rates_differ() else min(ir.count, vi.count)) or None
        self.aspect = vi.aspect

    def _rates_differ(self):
        ir, vi = self._files
        are_known = not self._is_fps_given and ir.fps and vi.fps
        return bool(are_known) and abs(ir.fps - vi.fps) > 0.005 * vi.fps

    def _check(self, max_frames):
        ir, vi = self._files

        def counts_fit():
            shorter = min(ir.count, vi.count)
            is_enough = max_frames is not None and max_frames <= shorter
            return not shorter or ir.count == vi.count or is_enough

        if counts_fit() and not self._rates_differ():
            return
        # Some containers (.mkv) store only how long the longest track is, often the sound.
        first, second = ir.scan(), vi.scan()
        varies = self._rates_differ() or not (first.is_steady and second.is_steady)
        difference = abs(first.seconds - second.seconds)
        same_length = difference <= 1.01 * max(first.interval, second.interval)
        if varies and same_length and not self._is_fps_given:
            return
        if self._rates_differ():
            raise ValueError(
                f'{ir.path} has {ir.fps:g} frames per second, {vi.path} {vi.fps:g}, and they '
                f'last {first.seconds:.2f} and {second.seconds:.2f} s: cut them to the same '
                'moments, or set the rate by fps=25 if only a header is wrong'
            )
        if not counts_fit():
            raise ValueError(
                f'{ir.path} has {counted(ir.count, "frame")}, {vi.path} {vi.count}: cut them '
                f'to the same moments, or set max_frames={min(ir.count, vi.count)} if both '
                'begin at the same moment'
            )

    def __iter__(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        return self._by_number() if self._is_fps_given else self._by_time()

    def _by_number(self):
        while True:
            frames = [file.read() for file in self._files]
            if None in frames:
                self._note_end(*(frame is not None for frame in frames))
                return
            yield self._give(*frames, 1)

    def _by_time(self):
        ir, vi = self._files
        current, ahead, frame = None, ir.read(), vi.read()
        written = 0
        while frame is not None:
            following = vi.read()
            while ahead is not None and (
                current is None
                or abs(ahead.seconds - frame.seconds) <= abs(current.seconds - frame.seconds)
            ):
                current, ahead = ahead, ir.read()
                self._count_use(current)
            if current is None or (ahead is None and frame.seconds > ir.end - self._tolerance):
                break
            times = self._times(following, written)
            written += times
            self._uses['visible left out'] += times == 0
            self._uses['visible longer'] += times > 1
            if times:
                yield self._give(current, frame, times)
            frame = following
        self._count_use(None)
        while ahead is not None and ahead.seconds <= vi.end - self._tolerance:
            self._uses['infrared left out'] += 1
            ahead = ir.read()
        self._note_end(ahead is not None, frame is not None)

    def _times(self, following, written):
        """How often a visible frame is to be written."""
        until = self._files[1].end if following is None else following.seconds
        times = round(until * (self.fps or 25.0)) - written
        return max(times, 1 if following is None else 0)

    @property
    def _tolerance(self):
        return min(file.interval for file in self._files) / 2

    def _count_use(self, following):
        """Count what became of the infrared frame before ``following``."""
        if self._uses['frames']:
            self._uses['infrared left out'] += self._uses['now'] == 0
            self._uses['infrared reused'] += self._uses['now'] > 1
        self._uses['frames'] += following is not None
        self._uses['now'] = 0

    def _give(self, infrared, visible, times):
        self._uses['now'] += 1
        self._numbers.append((infrared.number, visible.number))
        self.repeats.append(times)
        return infrared.image, visible.image

    def _note_end(self, *goes_on):
        """Note which file ended early, given which of them continue."""
        for file, this, other in zip(self._files, goes_on, goes_on[::-1], strict=True):
            is_short = file.number < file.count and file.is_steady
            if not this and (other or is_short):
                said = f' ({file.count} by its header)' if is_short else ''
                frames = counted(file.number, 'frame')
                self.ended_early = f'{file.path} ended after {frames}{said}'
                return

    @property
    def notes(self) -> list[str]:
        """list[str]: What became of frames that do not come at the output's rate."""
        ir, vi = self._files
        notes = []
        for file, kinds in (
            (vi, {'left out': 'visible left out', 'shown longer': 'visible longer'}),
            (ir, {'left out': 'infrared left out', 'used again': 'infrared reused'}),
        ):
            found = [
                f'{self._uses[key]} {"frame" if self._uses[key] == 1 else "frames"} {what}'
                for what, key in kinds.items()
                if self._uses[key]
            ]
            if found:
                notes.append(f'paired by time, {file.path}: {" and ".join(found)}')
        return notes

    def describe(self, modality: str, index: int) -> str:
        """Name of a frame in errors: its file and number."""
        which = 0 if modality == 'infrared' else 1
        return f'{self._files[which].path}, frame {self._numbers[index][which]}'

    def close(self) -> None:
        """Close both files."""
        for file in self._files:
            file.close()
