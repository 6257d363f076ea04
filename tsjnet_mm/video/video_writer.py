"""Writing a video file, and what ffmpeg adds to it: its sound, the shape of its pixels."""

import math
import shutil
import subprocess
from pathlib import Path

import cv2
import numpy as np

from tsjnet_mm.utils.words import counted

#: Codec (FOURCC) of each container; all are in OpenCV's wheels, FFV1 is lossless.
CODECS = {'.mp4': 'mp4v', '.mov': 'mp4v', '.avi': 'MJPG', '.mkv': 'FFV1'}


class VideoWriter:
    """Write frames of one size to a video file.

    The size is the first frame's. These codecs halve the resolution of colour, so an odd
    last row or column is left out; ``left_out`` says so.

    Args:
        path (str | Path): The file; its extension is one of :data:`CODECS`.
        fps (float): Frame rate.

    Raises:
        ValueError: The extension is unknown, or the frame rate is not positive.
    """

    def __init__(self, path: str | Path, fps: float) -> None:
        self.path, self.fps = Path(path), fps
        if self.path.suffix.lower() not in CODECS:
            raise ValueError(
                f'unknown video format {self.path.suffix!r}: expected one of '
                f'{", ".join(CODECS)}'
            )
        if not fps > 0:
            raise ValueError(f'expected a frame rate above 0, got {fps}')
        self.size, self.count, self.left_out = None, 0, None
        self._writer = None

    def write(self, image: np.ndarray, times: int = 1) -> None:
        """Append a frame.

        Args:
            image (np.ndarray): (H, W) or (H, W, 3) RGB, uint8.
            times (int): How often. Defaults to 1.

        Raises:
            ValueError: Its size is not the first frame's, or below 2x2.
            OSError: The file cannot be opened for writing.
        """
        height, width = (side // 2 * 2 for side in image.shape[:2])
        if self._writer is None:
            self._open((width, height))
            odd = [
                edge
                for edge, side in zip(('row', 'column'), image.shape, strict=False)
                if side % 2
            ]
            if odd:
                self.left_out = (
                    f'the last {" and ".join(odd)} of {image.shape[1]}x{image.shape[0]} '
                    f'{"are" if len(odd) > 1 else "is"} left out: a video needs even sides'
                )
        if (width, height) != self.size:
            raise ValueError(
                f'frame {self.count} is {width}x{height}, those before are '
                f'{self.size[0]}x{self.size[1]}: a video has one size'
            )
        code = cv2.COLOR_GRAY2BGR if image.ndim == 2 else cv2.COLOR_RGB2BGR
        frame = cv2.cvtColor(np.ascontiguousarray(image[:height, :width]), code)
        for _ in range(times):
            self._writer.write(frame)
            self.count += 1

    def _open(self, size):
        if min(size) < 2:
            raise ValueError(f'a video needs frames of at least 2x2, got {size[0]}x{size[1]}')
        codec = cv2.VideoWriter_fourcc(*CODECS[self.path.suffix.lower()])
        self._writer = cv2.VideoWriter(str(self.path), cv2.CAP_FFMPEG, codec, self.fps, size)
        self.size = size
        if not self._writer.isOpened():
            raise OSError(f'OpenCV cannot write a video to {self.path}')

    def release(self) -> None:
        """Finish the file; without this it cannot be played."""
        if self._writer is not None:
            self._writer.release()

    def check(self) -> None:
        """Read back the header, for OpenCV says nothing when a disk is full.

        Raises:
            OSError: The file does not hold what was written.
        """
        capture = cv2.VideoCapture(str(self.path), cv2.CAP_FFMPEG)
        found = int(capture.get(cv2.CAP_PROP_FRAME_COUNT)) if capture.isOpened() else 0
        capture.release()
        # Some containers store the duration alone, from which the count is rounded.
        if abs(found - self.count) > 1:
            raise OSError(
                f'{self.path}: wrote {counted(self.count, "frame")}, found {found}: is the '
                'disk full?'
            )


def _run_ffmpeg(ffmpeg, *arguments):
    return subprocess.run(
        [ffmpeg, '-v', 'error', '-nostdin', '-y', *map(str, arguments)],
        capture_output=True,
        text=True,
        errors='replace',
    )


def set_aspect(
    silent: str | Path, out: str | Path, aspect: tuple[int, int], size: tuple[int, int]
) -> str | None:
    """Set the pixel aspect ratio of a video, with ffmpeg; the pictures are copied.

    Args:
        silent (str | Path): Video of square pixels.
        out (str | Path): File to write.
        aspect (tuple[int, int]): Width and height of a pixel.
        size (tuple[int, int]): Width and height of the video in pixels.

    Returns:
        str | None: None if ``out`` was written; otherwise why not.
    """
    width, height = size[0] * aspect[0], size[1] * aspect[1]
    common = math.gcd(width, height)
    shape = f'{width // common}:{height // common}'
    ffmpeg = shutil.which('ffmpeg')
    if ffmpeg is not None:
        done = _run_ffmpeg(ffmpeg, '-i', silent, '-c', 'copy', '-aspect', shape, out)
        if not done.returncode:
            return None
        Path(out).unlink(missing_ok=True)
    return (
        f'the pixels of the visible video are {aspect[0]}:{aspect[1]}, those of the fused one '
        f'square, as ffmpeg {"failed" if ffmpeg else "is not installed"} to say so: play it '
        f'at {shape}'
    )


def add_sound(
    silent: str | Path, source: str | Path, out: str | Path, seconds: float
) -> str | None:
    """Put the sound of one video under the pictures of another, with ffmpeg.

    The pictures are copied as they are, and so is the sound; where the container cannot hold
    it as it is, it becomes AAC.

    Args:
        silent (str | Path): Video without sound.
        source (str | Path): File whose sound is taken.
        out (str | Path): File to write.
        seconds (float): Length of the pictures; sound beyond it is cut.

    Returns:
        str | None: ``'kept'`` if ``out`` was written; otherwise why not, or None if the
        source has no sound.
    """
    ffmpeg = shutil.which('ffmpeg')
    if ffmpeg is None:
        return f'left out, as ffmpeg is not installed (if {source} has any)'
    if _run_ffmpeg(ffmpeg, '-i', source, '-map', '0:a', '-t', 0, '-f', 'null', '-').returncode:
        return None
    for codec in ('copy', 'aac'):
        inputs = ('-i', silent, '-i', source, '-map', '0:v', '-map', '1:a')
        done = _run_ffmpeg(
            ffmpeg, *inputs, '-c:v', 'copy', '-c:a', codec, '-t', f'{seconds:.6f}', out
        )
        if not done.returncode:
            return 'kept'
    Path(out).unlink(missing_ok=True)
    return f'left out: ffmpeg: {(done.stderr.strip().splitlines() or ["failed"])[-1]}'
