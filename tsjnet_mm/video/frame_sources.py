"""Frames of an infrared and a visible camera, two by two: files, folders, live streams."""

import re
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path

import cv2
import numpy as np

from tsjnet_mm.io.errors import PairError
from tsjnet_mm.io.listing import is_pattern
from tsjnet_mm.io.matching import find_pairs

from .video_files import FileFrames, to_rgb


def _as_live(source):
    """Argument of OpenCV for a live source, or None for a file or folder."""
    text = str(source)
    if re.fullmatch(r'\d+', text):
        return int(text)
    return text if re.match(r'(?!file)[A-Za-z][A-Za-z0-9+.-]*://', text) else None


def _hide_password(source):
    return re.sub(r'(://[^/:@]*):[^/@]*@', r'\1:***@', str(source))


class FolderFrames:
    """Two folders of frames, paired by name and read in natural order (2 before 10).

    Args:
        ir (str | Path): Folder or glob pattern of infrared frames.
        vi (str | Path): The same of visible frames.
        ir_affix (str | Iterable[str], optional): See :func:`.match_pairs`.
        vi_affix (str | Iterable[str], optional): See there.

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
    notes = ()

    def __init__(
        self,
        ir: str | Path,
        vi: str | Path,
        ir_affix: str | Iterable[str] | None = None,
        vi_affix: str | Iterable[str] | None = None,
    ) -> None:
        self._pairs = find_pairs(ir, vi, ir_affix, vi_affix)
        self.count = len(self._pairs)

    def __iter__(self) -> Iterator[tuple[Path, Path]]:
        for _, ir, vi in self._pairs:
            yield Path(ir), Path(vi)

    def describe(self, modality: str, index: int) -> str:
        """Name of a frame in errors: its file."""
        return str(self._pairs[index][1 if modality == 'infrared' else 2])

    def close(self) -> None:
        """Nothing is held open."""


class _Newest:
    """The newest frame of a live source, read by its own thread."""

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

    Frames that arrive while the consumer is busy are dropped, so that the pictures are current.
    Frames of a slower infrared camera are used several times.

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
    notes = ()
    _sources = ()

    def __init__(self, ir: int | str, vi: int | str, fps: float | None = None) -> None:
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

    def __iter__(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
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
            yield tuple(map(to_rgb, frames))

    def describe(self, modality: str, index: int) -> str:
        """Name of a frame in errors: its source and number."""
        names = dict(zip(('infrared', 'visible'), self._sources, strict=False))
        return f'{names[modality].name if names else modality}, frame {index}'

    def close(self) -> None:
        """Stop both threads and let go of the cameras."""
        for source in self._sources:
            source.close()


def open_frames(
    ir: int | str | Path,
    vi: int | str | Path,
    fps: float | None = None,
    max_frames: int | None = None,
    ir_affix: str | Iterable[str] | None = None,
    vi_affix: str | Iterable[str] | None = None,
) -> FolderFrames | FileFrames | LiveFrames:
    """Open two sources of frames.

    Args:
        ir (int | str | Path): Infrared: a video file; a folder or glob pattern of frames; a
            camera index (``0`` or ``'0'``) or a URL such as ``rtsp://...``.
        vi (int | str | Path): Visible, the same kind.
        fps (float, optional): Frame rate, over what the sources say.
        max_frames (int, optional): How many frames are needed.
        ir_affix (str | Iterable[str], optional): Of folders, see :func:`.match_pairs`.
        vi_affix (str | Iterable[str], optional): See there.

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
        source is None and (Path(path).is_dir() or is_pattern(path))
        for source, path in zip(live, (ir, vi), strict=True)
    ]
    if any(source is not None for source in live) or any(folders) != all(folders):
        raise ValueError(
            'give two files, two folders of frames or two live sources, got '
            f'{_hide_password(ir)} and {_hide_password(vi)}'
        )
    if all(folders):
        return FolderFrames(ir, vi, ir_affix, vi_affix)
    return FileFrames(ir, vi, fps, max_frames)
