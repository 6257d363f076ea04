"""What a file that was made says of how it was made, by which a run is finished."""

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from PIL import Image

from .images import DESCRIPTION_TAG

#: Keyword under which an image says what made it.
NOTE = 'tsjnet_mm'
_PNG_END = b'IEND\xaeB`\x82'
_JPEG_END = b'\xff\xd9'


def encode_note(settings: Mapping) -> str:
    """A note as text.

    Args:
        settings (Mapping): Plain values.

    Returns:
        str: JSON object with sorted keys, so that equal settings give equal texts.
    """
    return json.dumps(settings, sort_keys=True)


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


def read_note(path: str | Path) -> dict | None:
    """What an image says of how it was made.

    Args:
        path (str | Path): PNG, JPEG, WebP or TIFF.

    Returns:
        dict | None: None where there is no such file, or it says nothing.
    """
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
    """Whether an image is whole, and was made in just this way.

    Args:
        path (str | Path): The file.
        note (str): What it must say of how it was made, see :func:`encode_note`.

    Returns:
        bool: False also if there is no such file, or it does not decode to its end.
    """
    try:
        with Image.open(path) as image:
            if _note_text(image) != note or _is_cut(path, image.format):
                return False
            image.load()
    except Exception:  # decoders raise almost anything on a damaged file
        return False
    return True
