"""File locks that share work among processes without a launcher."""

import contextlib
import os
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from .files import owner_is_gone, owner_name

#: Seconds after which a claim of a process that cannot be asked, on another host, is void.
MAX_CLAIM_AGE = 600
_PAUSE = 0.2


class Claims:
    """Locks of this process on files that it will write.

    A claim is a hidden lock file next to the file, with the name of the process. It expires
    when the process has ended, or after :data:`MAX_CLAIM_AGE`; then the work may be done twice,
    which is harmless. Leaving the ``with`` block releases all claims.
    """

    def __init__(self) -> None:
        self._held = set()

    def __enter__(self) -> 'Claims':
        return self

    def __exit__(self, *error: object) -> None:
        for path in [*self._held]:
            self.release(path)

    def take(self, path: str | Path) -> bool:
        """Claim a file.

        Args:
            path (str | Path): The file; its folder is made where missing.

        Returns:
            bool: False if another process holds a claim on it.
        """
        claim = _claim_of(path)
        claim.parent.mkdir(parents=True, exist_ok=True)
        for _ in range(2):
            try:
                handle = os.open(claim, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
            except FileExistsError:
                if not _is_void(claim):
                    return False
                claim.unlink(missing_ok=True)
                continue
            with os.fdopen(handle, 'w') as file:
                file.write(owner_name())
            self._held.add(path)
            return True
        return False

    def release(self, path: str | Path) -> None:
        """Give a claim back.

        Args:
            path (str | Path): As it was taken.
        """
        self._held.discard(path)
        _claim_of(path).unlink(missing_ok=True)

    def rounds(self, items: Iterable, path_of: Callable) -> Iterator[Iterator]:
        """Share items with other processes: claim each before it is passed on.

        Args:
            items (Iterable): What there is to do.
            path_of (Callable): From an item to the file that is written for it.

        Yields:
            Iterator: Items that no other process had claimed, to be done and released before
            the next round. What others had claimed is in later rounds, once it is free again,
            so that the caller sees whether it is done.
        """
        left = [*items]
        while left:
            busy = []
            yield self._free(left, path_of, busy)
            if len(busy) == len(left):
                time.sleep(_PAUSE)
            left = busy

    def _free(self, items, path_of, busy):
        for item in items:
            if self.take(path_of(item)):
                yield item
            else:
                busy.append(item)


def _claim_of(path):
    path = Path(path)
    return path.with_name(f'.{path.name[-60:]}.claim')


def _is_void(claim):
    with contextlib.suppress(FileNotFoundError):
        owner = claim.read_text()
        old = time.time() - claim.stat().st_mtime > MAX_CLAIM_AGE
        # Empty for a moment, between its creation and the name of its owner.
        return old or bool(owner and owner_is_gone(owner))
    return False
