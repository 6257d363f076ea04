"""Frames of an infrared and a visible camera, two by two: files, folders, live streams."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from tsjnet_mm.io.listing import is_pattern
from tsjnet_mm.io.matching import find_pairs

from .live_frames import LiveFrames, LiveOptions
from .live_source import hide_password
from .video_files import FileFrames


def _as_live(source):
    """Argument of OpenCV for a live source, or None for a file or folder."""
    text = str(source)
    if re.fullmatch(r'\d+', text):
        return int(text)
    return text if re.match(r'(?!file)[A-Za-z][A-Za-z0-9+.-]*://', text) else None


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


def open_frames(
    ir: int | str | Path,
    vi: int | str | Path,
    fps: float | None = None,
    max_frames: int | None = None,
    ir_affix: str | Iterable[str] | None = None,
    vi_affix: str | Iterable[str] | None = None,
    live: LiveOptions | None = None,
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
        live (LiveOptions, optional): How live sources are paired.

    Returns:
        FolderFrames | FileFrames | LiveFrames: Iterates over (infrared, visible), paths or
        arrays (H, W[, 3]) in RGB order; to be closed.

    Raises:
        FileNotFoundError: A file or folder does not exist.
        PairError: A source cannot be read, or a frame has no partner.
        ValueError: The sources are of different kinds, frame rates or lengths, or files and
            folders come with ``live``.
    """
    addresses = [_as_live(source) for source in (ir, vi)]
    if all(source is not None for source in addresses):
        return LiveFrames(*addresses, fps, live or LiveOptions())
    folders = [
        source is None and (Path(path).is_dir() or is_pattern(path))
        for source, path in zip(addresses, (ir, vi), strict=True)
    ]
    if any(source is not None for source in addresses) or any(folders) != all(folders):
        raise ValueError(
            'give two files, two folders of frames or two live sources, got '
            f'{hide_password(ir)} and {hide_password(vi)}'
        )
    if live is not None:
        raise ValueError(
            f'{ir} and {vi} are no live sources: files are paired by the times in them, frames '
            'in folders by name; leave the options of live sources out'
        )
    if all(folders):
        return FolderFrames(ir, vi, ir_affix, vi_affix)
    return FileFrames(ir, vi, fps, max_frames)
