"""Files that appear whole or not at all."""

import contextlib
import os
from pathlib import Path


@contextlib.contextmanager
def whole_file(path):
    """Write a file so that a reader, or a kill, never meets half of it.

    Args:
        path (str | Path): The file; its folder is made where missing.

    Yields:
        Path: Where to write: a hidden file beside ``path``, with its extension. When the block
        ends it is flushed to disk and takes the name ``path``; if the block raises, it is
        removed and an earlier ``path`` stays.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f'.{path.stem}.{os.getpid()}.part{path.suffix}')
    try:
        yield partial
        with open(partial, 'rb+') as file:
            os.fsync(file.fileno())
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
