"""Frames of an infrared and a visible camera, two by two: files, folders, live streams."""

import glob
import re
import threading
from pathlib import Path

import cv2

from tsjnet_mm.io.errors import PairError
from tsjnet_mm.io.pairs import find_pairs

_RAW_16_BIT = int.from_bytes(b'Y1\x00\x10', 'little')


def _as_live(source):
    """What OpenCV opens a live source by, or None where the source is a file or folder."""
    text = str(source)
    if re.fullmatch(r'\d+', text):
        return int(text)
    return text if re.match(r'(?!file)[A-Za-z][A-Za-z0-9+.-]*://', text) else None


def _hide_password(source):
    return re.sub(r'(://[^/:@]*):[^/@]*@', r'\1:***@', str(source))


def _to_rgb(frame):
    return cv2.cvtColor(frame, cv2.COLOR_BGR2RGB) if frame.ndim == 3 else frame


class FolderFrames:
    """Two folders of frames, paired by file stem and read in natural order (2 before 10).

    Args:
        ir (str | Path): Folder or glob pattern of infrared frames.
        vi (str | Path): The same of visible frames.

    Attributes:
        count (int): Number of pairs.
        fps (None): Folders have no frame rate.
        is_live (bool): False.
        ended_early (str | None): Which source ended before the other, once that is known.

    Raises:
        FileNotFoundError: There is no such folder, or it holds no images.
        PairError: A frame has no partner.
    """

    fps = None
    is_live = False
    ended_early = None

    def __init__(self, ir, vi):
        self._pairs = sorted(find_pairs(ir, vi), key=lambda pair: _natural(pair[0]))
        self.count = len(self._pairs)

    def __iter__(self):
        for _, ir, vi in self._pairs:
            yield Path(ir), Path(vi)

    def close(self):
        """Nothing is held open."""


def _natural(stem):
    parts = re.split(r'(\d+)', stem)
    return [int(part) if index % 2 else part for index, part in enumerate(parts)], stem


class _File:
    def __init__(self, path):
        self.path = path
        if not Path(path).is_file():
            raise FileNotFoundError(f'no such file or folder: {path}')
        self.capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
        if not self.capture.isOpened():
            raise PairError.of(
                'unreadable video',
                path,
                'a video that OpenCV can decode',
                f'{Path(path).stat().st_size} bytes that it cannot',
            )
        if int(self.capture.get(cv2.CAP_PROP_CODEC_PIXEL_FORMAT)) == _RAW_16_BIT:
            self.capture.set(cv2.CAP_PROP_CONVERT_RGB, 0)
        self.fps = self.capture.get(cv2.CAP_PROP_FPS)
        self.count = max(0, int(self.capture.get(cv2.CAP_PROP_FRAME_COUNT)))

    def read(self):
        is_read, frame = self.capture.read()
        return _to_rgb(frame) if is_read else None

    def count_all(self):
        """Count the frames one by one."""
        capture = cv2.VideoCapture(str(self.path), cv2.CAP_FFMPEG)
        self.count = 0
        while capture.grab():
            self.count += 1
        capture.release()


class FileFrames:
    """Two video files, paired frame by frame.

    Frames are uint8 RGB, of 16-bit grey videos uint16.

    Args:
        ir (str | Path): Infrared video.
        vi (str | Path): Visible video.
        fps (float, optional): Frame rate of both, whatever the files say.
        max_frames (int, optional): How many frames of each are needed.

    Attributes:
        count (int | None): Number of pairs by the files' headers; None where they do not say.
        fps (float | None): Frame rate; None where the files do not say.
        is_live (bool): False.
        ended_early (str | None): Which source ended before the other, or before its header
            said; known after the last pair.

    Raises:
        FileNotFoundError: There is no such file.
        PairError: A file is no video that can be read.
        ValueError: Frame rates or frame counts differ.
    """

    is_live = False

    def __init__(self, ir, vi, fps=None, max_frames=None):
        self.ended_early = None
        self._files = _File(ir), _File(vi)
        try:
            self._check(fps, max_frames)
        except ValueError:
            self.close()
            raise
        self.fps = fps or self._files[1].fps or self._files[0].fps or None
        self.count = min(file.count for file in self._files) or None

    def _check(self, fps, max_frames):
        ir, vi = self._files
        if not fps and ir.fps and vi.fps and abs(ir.fps - vi.fps) > 0.005 * vi.fps:
            raise ValueError(
                f'{ir.path} has {ir.fps:g} frames per second, {vi.path} {vi.fps:g}: frames are '
                'paired one by one, so bring both to one rate, or give the rate (fps) if it '
                'is only a header that is wrong'
            )
        shorter = min(ir.count, vi.count)
        enough = max_frames is not None and max_frames <= shorter
        if not shorter or ir.count == vi.count or enough:
            return
        # Some containers (.mkv) store only how long the longest track is, often the sound.
        for file in self._files:
            file.count_all()
        shorter = min(ir.count, vi.count)
        enough = max_frames is not None and max_frames <= shorter
        if ir.count != vi.count and not enough:
            raise ValueError(
                f'{ir.path} has {ir.count} frames, {vi.path} {vi.count}: cut them to the same '
                f'moments, or ask for no more than {shorter} frames (max_frames) if both '
                'begin at the same moment'
            )

    def __iter__(self):
        number = 0
        while True:
            frames = [file.read() for file in self._files]
            if any(frame is None for frame in frames):
                self._note_end(number, frames)
                return
            number += 1
            yield tuple(frames)

    def _note_end(self, number, frames):
        for file, frame, other in zip(self._files, frames, frames[::-1], strict=True):
            if frame is None and (other is not None or number < file.count):
                said = f' ({file.count} by its header)' if number < file.count else ''
                self.ended_early = f'{file.path} ended after {number} frames{said}'
                return

    def close(self):
        """Close both files."""
        for file in self._files:
            file.capture.release()


class _Newest:
    """The newest frame of a live source, fetched by a thread of its own."""

    def __init__(self, source, condition):
        self.name = _hide_password(source)
        self.capture = cv2.VideoCapture(source)
        if not self.capture.isOpened():
            kind = 'camera' if isinstance(source, int) else 'stream'
            raise PairError.of(
                f'unreachable {kind}', self.name, f'a {kind} that OpenCV can open', 'none'
            )
        self.fps = self.capture.get(cv2.CAP_PROP_FPS)
        self.frame, self.number, self.is_over = None, 0, False
        self._condition, self._stop = condition, False
        self._thread = threading.Thread(target=self._fetch, daemon=True)
        self._thread.start()

    def _fetch(self):
        while not self._stop:
            is_read, frame = self.capture.read()
            with self._condition:
                if is_read:
                    self.frame, self.number = frame, self.number + 1
                else:
                    self.is_over = True
                self._condition.notify_all()
            if not is_read:
                break
        self.capture.release()

    def close(self):
        self._stop = True
        # A camera that hangs must not keep the video from being finished.
        self._thread.join(timeout=2)


class LiveFrames:
    """Two live sources: each new visible frame with the newest infrared one.

    What arrives while the consumer is busy is dropped, so that the pictures stay current
    however slow it is; of a slower infrared camera a frame is used again.

    Args:
        ir (int | str): Camera index or URL of the infrared source.
        vi (int | str): The same of the visible source.
        fps (float, optional): Frame rate of the output.

    Attributes:
        count (None): A live source has no end.
        fps (float): What was asked for, else what the visible source says, else 25.
        is_live (bool): True.
        ended_early (str | None): Which source ended; known after the last pair.

    Raises:
        PairError: A source cannot be opened. A password in a URL is not repeated.
    """

    count = None
    is_live = True

    def __init__(self, ir, vi, fps=None):
        self.ended_early = None
        self._condition = threading.Condition()
        first = _Newest(ir, self._condition)
        try:
            self._sources = first, _Newest(vi, self._condition)
        except PairError:
            first.close()
            raise
        said = self._sources[1].fps
        self.fps = fps or (said if 1 <= said <= 120 else 25.0)

    def __iter__(self):
        ir, vi = self._sources
        used = 0
        while True:
            with self._condition:
                while ir.frame is None or vi.number == used:
                    over = [source.name for source in self._sources if source.is_over]
                    if over:
                        self.ended_early = f'{over[0]} ended'
                        return
                    # With a timeout, so that Ctrl-C is heard on every platform.
                    self._condition.wait(timeout=0.5)
                frames, used = (ir.frame, vi.frame), vi.number
                if ir.is_over:
                    self.ended_early = f'{ir.name} ended'
                    return
            yield tuple(map(_to_rgb, frames))

    def close(self):
        """Stop both threads and let go of the cameras."""
        for source in self._sources:
            source.close()


def open_frames(ir, vi, fps=None, max_frames=None):
    """Open two sources of frames.

    Args:
        ir (int | str | Path): Infrared: a video file; a folder or glob pattern of frames; a
            camera index (``0`` or ``'0'``) or a URL such as ``rtsp://...``.
        vi (int | str | Path): Visible, the same kind.
        fps (float, optional): Frame rate, over what the sources say.
        max_frames (int, optional): How many frames are needed.

    Returns:
        FolderFrames | FileFrames | LiveFrames: Iterates over (infrared, visible), paths or
        arrays (H, W[, 3]) in RGB order; to be closed.

    Raises:
        FileNotFoundError: A file or folder does not exist.
        PairError: A source cannot be read, or a frame has no partner.
        ValueError: The sources are of different kinds, frame rates or lengths.
    """
    live = [_as_live(source) for source in (ir, vi)]
    if all(source is not None for source in live):
        return LiveFrames(*live, fps=fps)
    folders = [
        source is None and (Path(path).is_dir() or glob.has_magic(str(path)))
        for source, path in zip(live, (ir, vi), strict=True)
    ]
    if any(source is not None for source in live) or any(folders) != all(folders):
        raise ValueError(
            'give two files, two folders of frames or two live sources, got '
            f'{_hide_password(ir)} and {_hide_password(vi)}'
        )
    if all(folders):
        return FolderFrames(ir, vi)
    return FileFrames(ir, vi, fps, max_frames)
