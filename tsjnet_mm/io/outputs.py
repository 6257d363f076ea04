"""Check output paths: never overwrite sources, nor files that were not made here."""

import json
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from .images import WRITTEN_FORMATS, check_writable
from .listing import ImageList, list_images
from .resume import NOTE, read_note

#: Beginnings of the text files that the tools write.
_TEXT_BEGINS = {
    '.csv': ('method,image,convention,', 'convention,higher_is_better,'),
    '.md': ('Convention: ', 'Mean over ', 'Protocol '),
    '.html': ('<!doctype html>\n<!-- tsjnet_mm -->',),
}
#: Keys of the JSON files that the tools write, besides :data:`.NOTE`.
_JSON_KEYS = (
    {'homography', 'error'},
    {'version', 'convention', 'values'},
    {'threads', 'costs'},
    {'generator', 'protocol', 'rows'},
    {'protocol', 'data'},
)
#: So many bytes at the end of an ONNX file are searched for the name of its metadata.
_SEARCHED = 1 << 16
_NAME = NOTE.encode()
#: Of PNG, JPEG and WebP, none of which is whole in less than 64 bytes.
_SIGNATURES = (b'\x89PNG', b'\xff\xd8', b'RIFF')
_BOX = (8 + len(_NAME)).to_bytes(4, 'big') + b'free' + _NAME
#: Extension to what may stand at the end of such a file, and readers pass over: a free box, a
#: RIFF chunk, a void element, a comment.
_MARKS = {
    '.mp4': _BOX,
    '.mov': _BOX,
    '.avi': b'JUNK' + (len(_NAME) + 1).to_bytes(4, 'little') + _NAME + b'\0',
    '.mkv': b'\xec' + bytes([0x80 + len(_NAME)]) + _NAME,
    '.pdf': b'%' + _NAME + b'\n',
}


def made_here(path: str | Path) -> bool:
    """Whether a file has a mark that this package made it.

    Args:
        path (str | Path): An existing file.

    Returns:
        bool: True for images with a note, for results and mappings, and for figures and
        exported networks that carry the package's name.
    """
    path = Path(path)
    extension = path.suffix.lower()
    try:
        if extension == '.json':
            content = json.loads(path.read_text(encoding='utf-8'))
            keys = content.keys() if isinstance(content, dict) else ()
            return NOTE in keys or any(known <= {*keys} for known in _JSON_KEYS)
        if extension in _TEXT_BEGINS:
            with open(path, encoding='utf-8') as file:
                return file.read(40).startswith(_TEXT_BEGINS[extension])
        if extension in _MARKS:
            with open(path, 'rb') as file:
                file.seek(max(0, path.stat().st_size - len(_MARKS[extension])))
                return file.read() == _MARKS[extension]
        if extension in WRITTEN_FORMATS:
            return read_note(path) is not None or _is_rest(path)
        if extension == '.onnx':
            with open(path, 'rb') as file:
                file.seek(max(0, path.stat().st_size - _SEARCHED))
                return b'tsjnet_mm.model' in file.read()
    except (OSError, ValueError, RecursionError):
        pass
    return False


def _is_rest(path):
    """Whether an image was cut in its note, or before that: there are no pixels to lose."""
    with open(path, 'rb') as file:
        head = file.read(4096)
    is_short = len(head) < 64 and (not head or head.startswith(_SIGNATURES))
    return is_short or b'tEXt' + _NAME + b'\0' in head or _NAME + b': {' in head


def mark_file(path: str | Path) -> None:
    """Mark a video or a PDF as made here, so that a later run may replace it.

    Args:
        path (str | Path): The file, complete; of other formats nothing is done.
    """
    mark = _MARKS.get(Path(path).suffix.lower())
    if mark:
        with open(path, 'ab') as file:
            file.write(mark)


def _identity(path):
    """Device and inode of a file, also by links to it; None if it does not exist."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def check_outputs(
    outputs: Iterable[str | Path],
    sources: Iterable[str | Path] = (),
    overwrite: bool = False,
    read: Sequence[ImageList | None] = (),
) -> None:
    """Refuse outputs that are also sources, and files that were not made here.

    Every tool calls this before it computes anything.

    Args:
        outputs (Iterable[str | Path]): The files to write.
        sources (Iterable[str | Path]): The files that are read. They are recognised by
            any path, also through symbolic and hard links and with any case of letters.
        overwrite (bool): Allow to overwrite files that were not made here; sources are never
            overwritten. Defaults to False.
        read (Sequence[ImageList | None]): Folders and patterns that are read: an output that
            the next run would take for a source is refused, too.

    Raises:
        ValueError: The message names the file, and what to do.
    """
    known = {_identity(source): source for source in sources}
    known.pop(None, None)
    foreign = []
    for output in outputs:
        for listed in read:
            if listed is not None and listed.would_list(output):
                raise ValueError(
                    f'{output} is inside the source {listed.source}, so the next run would '
                    'read it: name another folder'
                )
        found = _identity(output)
        if found is None:
            continue
        if found in known:
            raise ValueError(
                f'{output} is the source {known[found]}, which would be overwritten: name '
                'another folder or file'
            )
        if os.path.isdir(output):
            raise ValueError(f'{output} is a folder: name a file')
        if not overwrite and not made_here(output):
            foreign.append(output)
    if foreign:
        more = f' ({len(foreign)} such files)' if len(foreign) > 1 else ''
        raise ValueError(
            f'{foreign[0]} is there already and was not made here{more}: name another folder '
            'or file, or overwrite it (overwrite=True)'
        )


def fused_paths(
    out: str | Path,
    names: Sequence[str] | None,
    extension: str | None = None,
    quality: int | None = None,
) -> Callable[[str], Path]:
    """Paths of the fused images: in a folder, or, for a single pair, a file.

    Args:
        out (str | Path): The name of an image file, such as ``fused.png``; anything else, an
            existing folder, and what ends in a slash, is a folder.
        names (Sequence[str] | None): Of the pairs; None where they are not known yet.
        extension (str, optional): Format of the files in a folder. Defaults to ``'.png'``.
        quality (int, optional): See :func:`.write_image`.

    Returns:
        Callable[[str], Path]: From the name of a pair to its file.

    Raises:
        ValueError: A file is named for several pairs, or the format is unknown.
    """
    is_folder = str(out).endswith(('/', os.sep)) or os.path.isdir(out)
    ending = Path(out).suffix.lower()
    if (
        not is_folder
        and ending
        and ending in {*Image.registered_extensions(), *WRITTEN_FORMATS}
    ):
        check_writable(ending, quality)
        if extension is not None and extension.lower() != ending:
            raise ValueError(f'{out} does not end in {extension}: give one of the two')
        if names is None or len(names) != 1:
            count = 'several' if names is None else len(names)
            raise ValueError(
                f'{out} names one image, and there are {count} pairs: name a folder, or '
                f'write {out}/ for a folder of that name'
            )
        return lambda name: Path(out)
    extension = extension or '.png'
    check_writable(extension, quality)
    return lambda name: Path(out) / f'{name}{extension}'


def list_read(*sources: str | Path | None) -> list[str | Path]:
    """The files that some sources read, for :func:`check_outputs`.

    Args:
        *sources (str | Path | None): Files, folders of images and patterns; None is left out.
            What is missing is left to the reader.

    Returns:
        list[str | Path]: The single files, and all images of the others.
    """
    found = []
    for source in sources:
        try:
            listed = None if source is None else list_images(source)
        except OSError:
            continue
        if listed is not None:
            found += [listed.root / name for name in listed.names]
        elif source is not None:
            found.append(source)
    return found


def list_sources(*sources: Any) -> list[ImageList]:
    """The folders and patterns among some sources; single files, arrays and streams are not."""
    found = []
    for source in sources:
        if isinstance(source, str | os.PathLike):
            listed = list_images(source)
            found += [listed] if listed is not None else []
    return found
