"""Store settings in the files that they made, so that a later run can keep these files.

Images have a note in their metadata, JSON files under a key. A note has the settings and
digests of the files that were read. Dates of files do not matter.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from PIL import Image

from tsjnet_mm.utils.files import write_whole

from .images import DESCRIPTION_TAG
from .text import LARGE_LIMIT, read_json

#: Entry of a note that is a result, not a setting: the share of the picture that the infrared
#: camera sees, in [0, 1]. Of pictures that it sees whole, there is no such entry.
COVERED = 'infrared_covers'
#: Keyword under which an image or a JSON file says what made it.
NOTE = 'tsjnet_mm'
_PNG_END = b'IEND\xaeB`\x82'
_JPEG_END = b'\xff\xd9'


def encode_note(settings: Mapping) -> str:
    """A note as text.

    Args:
        settings (Mapping): Plain values; others count by their text.

    Returns:
        str: JSON object with sorted keys, so that equal settings give equal texts.
    """
    return json.dumps(settings, sort_keys=True, default=str)


def digest_note(settings: Mapping) -> str:
    """Digest of a note, for what is too long to be kept.

    Args:
        settings (Mapping): See :func:`encode_note`.

    Returns:
        str: See :func:`digest_file`.
    """
    return hashlib.sha256(encode_note(settings).encode()).hexdigest()[:32]


def differing_settings(before: Mapping, now: Mapping) -> list[str]:
    """Names of the settings in which two notes differ.

    Args:
        before (Mapping): One note.
        now (Mapping): The other. What one of them lacks counts as None.

    Returns:
        list[str]: In their order; empty where both say the same.
    """
    return [
        key
        for key in {**before, **now}
        if encode_note({'': before.get(key)}) != encode_note({'': now.get(key)})
    ]


def digest_file(path: str | Path) -> str:
    """Digest of a file's bytes.

    Args:
        path (str | Path): The file.

    Returns:
        str: 32 hexadecimal digits of its SHA-256.

    Raises:
        OSError: It cannot be read.
    """
    with open(path, 'rb') as file:
        digest = hashlib.sha256()
        while block := file.read(1 << 20):
            digest.update(block)
        return digest.hexdigest()[:32]


def digest_files(paths: Iterable[str | Path]) -> list[str]:
    """Digests of several files, see :func:`digest_file`."""
    return [digest_file(path) for path in paths]


def _note_text(image):
    if NOTE in image.info:
        return image.info[NOTE]
    text = image.getexif().get(DESCRIPTION_TAG)
    keyword = f'{NOTE}: '
    return text[len(keyword) :] if isinstance(text, str) and text.startswith(keyword) else None


def _settings_text(note):
    """A note as text without what is no setting."""
    if note is None or COVERED not in note:
        return note
    return encode_note(
        {key: value for key, value in json.loads(note).items() if key != COVERED}
    )


def write_record(path: str | Path, settings: Mapping, content: Mapping[str, Any]) -> None:
    """Write a JSON file with its settings, completely or not at all.

    Args:
        path (str | Path): The file.
        settings (Mapping): Its note.
        content (Mapping[str, Any]): What else is in it.
    """
    note = json.loads(encode_note(settings))
    write_whole(path, json.dumps({NOTE: note, **content}, indent=1) + '\n')


def read_record(path: str | Path) -> dict | None:
    """Content of a JSON file that has a note of its settings.

    Args:
        path (str | Path): The file.

    Returns:
        dict | None: Its content, the note under :data:`NOTE`; None where there is no such
        file, it is damaged, or it says nothing.
    """
    try:
        content = read_json(path, limit=LARGE_LIMIT)
    except (OSError, ValueError):
        return None
    is_noted = isinstance(content, dict) and isinstance(content.get(NOTE), dict)
    return content if is_noted else None


def read_note(path: str | Path) -> dict | None:
    """The note of settings in a file.

    Args:
        path (str | Path): PNG, JPEG, WebP, TIFF or JSON.

    Returns:
        dict | None: None if the file does not exist or has no note.
    """
    if Path(path).suffix.lower() == '.json':
        return (read_record(path) or {}).get(NOTE)
    try:
        with Image.open(path) as image:
            note = json.loads(_note_text(image) or 'null')
    except Exception:  # decoders raise almost anything on a damaged file
        return None
    return note if isinstance(note, dict) else None


def _is_cut(path, kind):
    """Whether a file lacks its end, which decoders forgive."""
    ends = {'PNG': _PNG_END, 'JPEG': _JPEG_END}
    with open(path, 'rb') as file:
        if kind == 'WEBP':
            head = file.read(8)
            return int.from_bytes(head[4:], 'little') + 8 > os.path.getsize(path)
        if kind not in ends:
            return False
        file.seek(0, os.SEEK_END)
        file.seek(max(0, file.tell() - len(ends[kind])))
        return file.read() != ends[kind]


def is_done(path: str | Path, note: str) -> bool:
    """Whether an image is complete and was made with these settings.

    Args:
        path (str | Path): The file.
        note (str): What it must say of how it was made, see :func:`encode_note`;
            :data:`COVERED` is not compared.

    Returns:
        bool: False also if there is no such file, or it does not decode to its end.
    """
    try:
        with Image.open(path) as image:
            if _settings_text(_note_text(image)) != note or _is_cut(path, image.format):
                return False
            image.load()
    except Exception:  # decoders raise almost anything on a damaged file
        return False
    return True
