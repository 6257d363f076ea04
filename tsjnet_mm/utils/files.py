"""Write files and folders completely or not at all."""

import contextlib
import os
import re
import secrets
import shutil
import socket
import time
from collections.abc import Collection, Iterator
from pathlib import Path

#: Seconds after which something unfinished is removed whoever wrote it.
MAX_PART_AGE = 3 * 24 * 3600
_PART = re.compile(r'\..*\.(?P<owner>[\w-]+\.\d+)\.[0-9a-f]{8}\.part(\.[^.]+)*', re.DOTALL)
_swept = set()


def owner_name() -> str:
    """Name of this process that no other process has, also on another host.

    Returns:
        str: ``HOST.PID``; the host's name has letters, digits, ``-`` and ``_`` alone.
    """
    host = re.sub(r'[^A-Za-z0-9-]', '_', socket.gethostname())[:32]
    with contextlib.suppress(OSError):  # Containers may share a host's name.
        host += '-' + re.sub(r'\D', '', os.readlink('/proc/self/ns/pid'))
    return f'{host}.{os.getpid()}'


def owner_is_gone(owner: str) -> bool:
    """Whether the process of a name has ended.

    Args:
        owner (str): See :func:`owner_name`.

    Returns:
        bool: False also where it cannot be known: for another host's process, or on Windows.
    """
    host, _, number = owner.rpartition('.')
    if os.name == 'nt' or host != owner_name().rpartition('.')[0]:
        return False
    try:
        os.kill(int(number), 0)
    except (ProcessLookupError, OverflowError):
        return True
    except PermissionError:
        return False
    return False


def remove_stale_parts(folder: str | Path) -> list[Path]:
    """Remove unfinished files and folders of killed processes.

    It is removed if its process ran on this host and has ended, or if nothing was written to
    it for :data:`MAX_PART_AGE`. Other folders are not searched.

    Args:
        folder (str | Path): The folder; it may be missing.

    Returns:
        list[Path]: The removed files and folders.
    """
    removed = []
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            part = _PART.fullmatch(entry.name)
            if not part:
                continue
            path = Path(entry.path)
            with contextlib.suppress(OSError):  # Another process may have been faster.
                if owner_is_gone(part['owner']) or _age(path) > MAX_PART_AGE:
                    if entry.is_dir(follow_symlinks=False):
                        shutil.rmtree(path)
                    else:
                        path.unlink()
                    removed.append(path)
    return removed


def _age(path):
    """Seconds since something was written to a file, or to a folder or one inside it."""
    return time.time() - max(inside.stat().st_mtime for inside in (path, *path.rglob('*/')))


def _part_of(path, extension=''):
    """The hidden name of something unfinished; removes what killed processes left there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    folder = path.parent.resolve()
    if folder not in _swept:
        _swept.add(folder)
        remove_stale_parts(folder)
    mark = f'{owner_name()}.{secrets.token_hex(4)}.part{extension}'
    return path.with_name(f'.{path.stem[:40]}.{mark}')


@contextlib.contextmanager
def whole_file(path: str | Path) -> Iterator[Path]:
    """Write a file so that it is never incomplete, also if the process is killed.

    The first file in a folder also removes files of killed processes there, see
    :func:`remove_stale_parts`.

    Args:
        path (str | Path): The file; its folder is made where missing.

    Yields:
        Path: Where to write: a hidden file in the same folder, with the same extension. When
        the block ends it is flushed to disk and takes the name ``path``; if the block raises,
        it is removed and an earlier ``path`` stays.
    """
    path = Path(path)
    partial = _part_of(path, path.suffix)
    try:
        yield partial
        with open(partial, 'rb+') as file:
            os.fsync(file.fileno())
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def write_whole(path: str | Path, text: str) -> None:
    """Write a text in UTF-8 by :func:`whole_file`, its line ends as they are.

    Args:
        path (str | Path): The file.
        text (str): What it is to hold.
    """
    with whole_file(path) as partial:
        partial.write_text(text, encoding='utf-8', newline='')


def check_ending(path: str | Path, endings: Collection[str]) -> str:
    """Refuse a file whose format is not written or read, before anything is computed.

    Args:
        path (str | Path): The file.
        endings (Collection[str]): Those that its name may have, lower case, such as ``'.csv'``.

    Returns:
        str: The ending, lower case.

    Raises:
        ValueError: It has another one.
    """
    found = Path(path).suffix.lower()
    if found not in endings:
        *others, last = endings
        known = f'{", ".join(others)} or {last}' if others else last
        raise ValueError(f'{path}: expected a name ending in {known}, found {found!r}')
    return found


@contextlib.contextmanager
def whole_folder(path: str | Path, replace: bool = False) -> Iterator[Path]:
    """Fill a folder so that it is never incomplete, also if the process is killed.

    Args:
        path (str | Path): The folder; the one above it is made where missing.
        replace (bool): Replace an earlier ``path`` that is not empty. Defaults to False.

    Yields:
        Path: An empty folder inside a hidden one next to ``path``, to be filled. When the block
        ends it takes the name ``path``; if the block raises, it is removed and an earlier
        ``path`` stays.

    Raises:
        OSError: ``path`` is there and not empty, and is not to be replaced.
    """
    path = Path(path)
    partial = _part_of(path)
    try:
        (partial / 'new').mkdir(parents=True)
        yield partial / 'new'
        if replace and path.exists():
            path.rename(partial / 'old')
        (partial / 'new').rename(path)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
