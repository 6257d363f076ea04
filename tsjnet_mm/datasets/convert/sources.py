"""Sources of a dataset: zip archives, tar archives and folders, with one interface."""

import contextlib
import errno
import gzip
import lzma
import os
import shutil
import struct
import tarfile
import zipfile
import zlib
from abc import ABC, abstractmethod
from pathlib import Path, PurePosixPath, PureWindowsPath

from tsjnet_mm.io.text import shorten

#: What reading a damaged or locked archive raises.
_DAMAGED = (
    zipfile.BadZipFile,
    tarfile.TarError,
    gzip.BadGzipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    RuntimeError,
    struct.error,
    ArithmeticError,
    AttributeError,
    LookupError,
    ValueError,
)


class Source(ABC):
    """Files of an archive or a folder, by their path in it.

    Args:
        path (Path): The archive or folder.

    Attributes:
        path (Path): The same.
        sizes (dict[str, int]): Bytes of each file, by its path with ``/``, in the order in
            which they are stored. Hidden files, and those that macOS adds, are left out.
    """

    _archive = None

    def __init__(self, path: Path) -> None:
        self.path = path
        self.sizes = {}
        self._members = {}

    @abstractmethod
    def _stored(self, name):
        """Open one file."""

    def copy(self, name: str, target: Path) -> None:
        """Write one file.

        Args:
            name (str): Its path, one of ``sizes``.
            target (Path): Where it goes.

        Raises:
            ValueError: The archive is damaged or locked by a password.
        """
        with self._readable(name), self._stored(name) as stored, open(target, 'wb') as file:
            shutil.copyfileobj(stored, file)

    def close(self) -> None:
        """Close the archive."""
        if self._archive is not None:
            self._archive.close()

    def _add(self, name, size):
        parts = PurePosixPath(name).parts
        if not any(part.startswith('.') or part == '__MACOSX' for part in parts):
            self.sizes[name] = size

    def _check(self, name):
        windows = PureWindowsPath(name)
        if name.startswith('/') or windows.drive or '..' in windows.parts:
            raise ValueError(
                f'{self.path}: not used, as its member {name!r} points outside the archive'
            )

    @contextlib.contextmanager
    def _readable(self, name=None):
        try:
            yield
        except _DAMAGED as error:
            raise self._damaged(name, error) from error
        except OSError as error:
            # A damaged table of contents points before or beyond the file.
            if error.filename is None and error.errno in (errno.EINVAL, None):
                raise self._damaged(name, error) from error
            raise

    def _damaged(self, name, error):
        where = f'{self.path}, {name}' if name else self.path
        return ValueError(
            f'{where}: expected an archive that is whole and has no password, found: '
            f'{shorten(error) or type(error).__name__}; download it again'
        )


class FolderSource(Source):
    """A folder, with all below it."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        for folder, folders, names in os.walk(path):
            folders.sort()
            for name in sorted(names):
                file = Path(folder, name)
                if file.is_file():
                    self._add(file.relative_to(path).as_posix(), file.stat().st_size)

    def _stored(self, name):
        return open(self.path / name, 'rb')


class ZipSource(Source):
    """A zip archive."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        with self._readable():
            self._archive = zipfile.ZipFile(path)
        for member in self._archive.infolist():
            self._check(member.filename)
            # Some tools of Windows write \ where the format asks for /.
            name = member.filename.replace('\\', '/')
            if not name.endswith('/'):
                self._members[name] = member
                self._add(name, member.file_size)

    def _stored(self, name):
        return self._archive.open(self._members[name])


class TarSource(Source):
    """A tar archive, compressed or not; links in it are left out."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        with self._readable():
            self._archive = tarfile.TarFile.open(path)
            members = self._archive.getmembers()
        for member in members:
            self._check(member.name)
            if member.isfile():
                name = PurePosixPath(member.name).as_posix()
                self._members[name] = member
                self._add(name, member.size)

    def _stored(self, name):
        return self._archive.extractfile(self._members[name])


def open_source(path: str | Path) -> Source:
    """Open an archive or a folder.

    Args:
        path (str | Path): A folder, or a zip or tar archive (plain, gz, bz2 or xz).

    Returns:
        Source: Its files; to be closed.

    Raises:
        FileNotFoundError: There is no such file or folder.
        ValueError: The file is no such archive, is damaged, or a member of it points outside.
    """
    path = Path(path)
    if path.is_dir():
        return FolderSource(path)
    if not path.is_file():
        raise FileNotFoundError(f'{path}: no such file or folder')
    for matches, source in ((zipfile.is_zipfile, ZipSource), (tarfile.is_tarfile, TarSource)):
        try:
            found = matches(path)
        except (*_DAMAGED, OSError):
            found = False
        if found:
            return source(path)
    raise ValueError(
        f'{path}: expected a folder or a whole zip or tar archive; unpack others, such as '
        '.rar and .7z, and name the folder'
    )
