"""Segments of a JPEG file, in which cameras put more than the picture."""

from collections.abc import Iterator
from pathlib import Path


def read_segments(path: str | Path) -> Iterator[tuple[int, bytes, bool]]:
    """Read the segments before the picture's pixels.

    Args:
        path (str | Path): Any file.

    Yields:
        tuple[int, bytes, bool]: Marker, such as 0xE1 of APP1; content; and whether all of it
        is in the file. Nothing of a file that is no JPEG or cannot be read: the reader of
        images tells what is wrong with it.
    """
    try:
        with open(path, 'rb') as file:
            if file.read(2) != b'\xff\xd8':
                return
            while len(head := file.read(4)) == 4 and head[0] == 0xFF and head[1] != 0xDA:
                size = max(0, int.from_bytes(head[2:], 'big') - 2)
                content = file.read(size)
                yield head[1], content, len(content) == size
    except OSError:
        return
