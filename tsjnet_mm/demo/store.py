"""Files of the web page on disk, limited by age, number and bytes."""

import contextlib
import threading
import time
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Limits:
    """Limits of a set of files.

    Attributes:
        bytes (int): In sum.
        files (int): Their number.
    """

    bytes: int
    files: int

    def exceeded(self, size: int, count: int) -> bool:
        """Whether ``count`` files of ``size`` bytes in sum are too much."""
        return size > self.bytes or count > self.files


class DemoStore:
    """Deletes the oldest uploads and results in a folder when they exceed their limits.

    Files that were passed to :meth:`add_uploads` count as uploads. All other files count as
    results, also copies by the page's framework. Files that exist when :meth:`protect` is
    called are kept.

    Args:
        folder (str | Path): What visitors may fill.
        visitor (Limits): Of one visitor's uploads.
        uploads (Limits): Of the uploads of all visitors.
        results (Limits): Of everything else.
        age (float): Seconds after which a file goes in any case.
    """

    def __init__(
        self, folder: str | Path, visitor: Limits, uploads: Limits, results: Limits, age: float
    ) -> None:
        self.folder = Path(folder)
        self.visitor, self.uploads, self.results, self.age = visitor, uploads, results, age
        self._lock = threading.Lock()
        self._known = OrderedDict()  # Path of an upload: visitor, bytes, time; oldest first.
        self._incoming = {}  # Visitor: bytes and number of uploads that have not ended.
        self._protected = set()

    def protect(self) -> None:
        """Never remove the files that the folder holds now."""
        self._protected = {str(path) for path in self.folder.rglob('*') if path.is_file()}

    def reserve(self, visitor: str, size: int) -> bool:
        """Count an upload that begins.

        Args:
            visitor (str): Whose.
            size (int): Its bytes at most.

        Returns:
            bool: False where what the visitor, or all of them, are sending is too much. Else
            call :meth:`release` when it has ended.
        """
        with self._lock:
            mine, count = self._incoming.get(visitor, (0, 0))
            everyone = sum(sent for sent, _ in self._incoming.values())
            if self.visitor.exceeded(mine + size, count + 1):
                return False
            if everyone + size > self.uploads.bytes:
                return False
            self._incoming[visitor] = mine + size, count + 1
            return True

    def release(self, visitor: str, size: int) -> None:
        """Count no longer what :meth:`reserve` counted."""
        with self._lock:
            sent, count = self._incoming.pop(visitor)
            if count > 1:
                self._incoming[visitor] = sent - size, count - 1

    def add_uploads(self, visitor: str, paths: Iterable[str | Path]) -> None:
        """Take note of files that a visitor uploaded; remove old ones beyond the limits.

        Args:
            visitor (str): Whose they are.
            paths (Iterable[str | Path]): The files. Those outside the folder are ignored.
        """
        with self._lock:
            for path in map(Path, paths):
                if self.folder in path.parents and path.is_file():
                    entry = visitor, path.stat().st_size, time.time()
                    self._known.pop(str(path), None)
                    self._known[str(path)] = entry
        self.sweep()

    def sweep(self) -> None:
        """Remove what is too old or too much."""
        with self._lock:
            for visitor in {owner for owner, _, _ in self._known.values()}:
                mine = {path: e for path, e in self._known.items() if e[0] == visitor}
                self._forget(_surplus(mine, self.visitor, self.age))
            self._forget(_surplus(self._known, self.uploads, self.age))
            results = {}
            for path in self.folder.rglob('*'):
                name = str(path)
                if name in self._known or name in self._protected or path.is_dir():
                    continue
                try:
                    found = path.lstat()
                except FileNotFoundError:
                    continue
                results[name] = None, found.st_size, found.st_mtime
            ordered = dict(sorted(results.items(), key=lambda item: item[1][2]))
            for path in _surplus(ordered, self.results, self.age):
                _remove(path, self.folder)

    def _forget(self, paths):
        for path in paths:
            del self._known[path]
            _remove(path, self.folder)


def _surplus(entries, limits, age):
    """The files to delete, the oldest first."""
    size, count = sum(entry[1] for entry in entries.values()), len(entries)
    surplus, now = [], time.time()
    for path, (_, length, since) in entries.items():
        if now - since <= age and not limits.exceeded(size, count):
            break
        surplus.append(path)
        size, count = size - length, count - 1
    return surplus


def _remove(path, folder):
    """Delete a file, and its folder where that is empty then."""
    path = Path(path)
    path.unlink(missing_ok=True)
    if path.parent != folder:
        with contextlib.suppress(OSError):  # Others of its files are still kept.
            path.parent.rmdir()
