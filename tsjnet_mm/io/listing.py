"""List the image files of a folder or a pattern."""

import fnmatch
import glob
import os
import re
from dataclasses import dataclass
from pathlib import Path

from .images import IMAGE_EXTENSIONS


@dataclass(frozen=True)
class ImageList:
    """The images of a source.

    Attributes:
        source (str): The folder or pattern, as given.
        root (Path): The folder that the names are relative to.
        names (tuple[str, ...]): Paths of the files below ``root``, with ``/`` between parts.
        pattern (str): What the names match, below ``root``; ``'**'`` where every image in any
            sub folder is taken.
    """

    source: str
    root: Path
    names: tuple[str, ...]
    pattern: str

    def path(self, name: str) -> str:
        """Path of a file by its name."""
        return str(self.root / name)

    def would_list(self, path: str | Path) -> bool:
        """Whether a file of this path would be among the images, if it were there."""
        try:
            parts = Path(path).resolve().relative_to(self.root.resolve()).parts
        except ValueError:
            return False
        patterns = self.pattern.split('/')
        if '**' in patterns:
            return patterns[-1] == '**' or fnmatch.fnmatch(parts[-1], patterns[-1])
        return len(parts) == len(patterns) and all(map(fnmatch.fnmatch, parts, patterns))


def _is_image(name):
    parts = name.split('/')
    is_hidden = any(part.startswith('.') for part in parts)
    return not is_hidden and os.path.splitext(name)[1].lower() in IMAGE_EXTENSIONS


def _names_below(folder):
    """Images of a folder; of one that has none itself those in its sub folders."""
    with os.scandir(folder) as entries:
        names = [entry.name for entry in entries if _is_image(entry.name)]
    if names:
        return names, '*'
    found = []
    for path, folders, files in os.walk(folder, followlinks=True):
        folders[:] = [name for name in folders if not name.startswith('.')]
        below = os.path.relpath(path, folder).replace(os.sep, '/')
        found += [f'{below}/{name}' for name in files if _is_image(name)]
    return found, '**'


def _split_pattern(pattern):
    """The folder at the start of a pattern, and the rest of the pattern."""
    parts = Path(pattern).parts
    root = Path(parts[0] if Path(pattern).is_absolute() else '.')
    rest = parts[1:] if Path(pattern).is_absolute() else parts
    count = 0
    # A folder named [1] is a folder, and not a choice of characters.
    while count < len(rest) - 1 and (root / rest[count]).is_dir() and rest[count] != '**':
        root /= rest[count]
        count += 1
    return root, '/'.join(rest[count:])


def _glob(root, pattern):
    found = glob.glob(pattern, root_dir=root, recursive=True)
    if not found and '[' in pattern:
        found = glob.glob(re.sub(r'\[', '[[]', pattern), root_dir=root, recursive=True)
    return [name.replace(os.sep, '/') for name in found if os.path.isfile(root / name)]


def is_pattern(source: str | Path) -> bool:
    """Whether a source is a glob pattern and not the path of something that exists."""
    return not Path(source).exists() and glob.has_magic(str(source))


def list_images(source: str | Path) -> ImageList | None:
    """List the images of a folder or a glob pattern.

    Of a folder without images those in its sub folders are taken. Hidden files are left out.
    Brackets in the name of an existing folder are not a pattern.

    Args:
        source (str | Path): A folder, a pattern (``**`` stands for any sub folders) or a file.

    Returns:
        ImageList | None: In no order; None where the source is a single file.

    Raises:
        FileNotFoundError: There is no such file or folder, or no image in it.
    """
    path = Path(source)
    remedy = ''
    if path.is_dir():
        root, kind = path, 'folder'
        names, pattern = _names_below(path)
    elif path.exists():
        return None
    elif not glob.has_magic(str(source)):
        raise FileNotFoundError(f'no such file or folder: {path}')
    else:
        root, pattern = _split_pattern(source)
        names, kind = [name for name in _glob(root, pattern) if _is_image(name)], 'pattern'
        if '[' in str(source):
            remedy = '; write [[] for a bracket that is part of a name'
    if not names:
        raise FileNotFoundError(
            f'no images ({", ".join(IMAGE_EXTENSIONS)}) in the {kind} {source}{remedy}'
        )
    return ImageList(str(source), root, tuple(dict.fromkeys(names)), pattern)
