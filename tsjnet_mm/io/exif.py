"""EXIF data of photos: who took them with what, when and where."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from PIL import Image

#: Tags that are true of a picture made from the photo, too: maker and model of the camera,
#: resolution, time, author and copyright.
_KEPT = (0x010F, 0x0110, 0x011A, 0x011B, 0x0128, 0x0132, 0x013B, 0x8298)
#: The directories of the exposure and of the position.
_EXPOSURE, _POSITION = 0x8769, 0x8825
#: Of the exposure: the maker's note, whose offsets hold in its own file alone; colour space,
#: size and thumbnails of the file.
_LEFT_OUT = (0x927C, 0xA001, 0xA002, 0xA003, 0xA005)


def read_exif(sources: Iterable[Any]) -> bytes | None:
    """EXIF data for a picture that is made of photos.

    The orientation is left out, for the picture is upright; so are the thumbnail, the maker's
    note, and what describes how the file stores its pixels.

    Args:
        sources (Iterable[Any]): The photos; of the first that has any. What is no readable
            image file has none.

    Returns:
        bytes | None: The data, as in a JPEG.
    """
    for source in sources:
        exif = _read(source) if isinstance(source, str | Path) else None
        if exif:
            return exif
    return None


def _read(path):
    try:
        with Image.open(path) as image:
            found = image.getexif()
            exif = Image.Exif()
            for tag in _KEPT:
                if tag in found:
                    exif[tag] = found[tag]
            exposure = found.get_ifd(_EXPOSURE).items()
            exposure = {tag: value for tag, value in exposure if tag not in _LEFT_OUT}
            for tag, values in ((_EXPOSURE, exposure), (_POSITION, found.get_ifd(_POSITION))):
                if values:
                    exif[tag] = dict(values)
            # A TIFF's resolution says nothing of a camera.
            if not {*exif} - {0x011A, 0x011B, 0x0128}:
                return None
            return exif.tobytes()
    except Exception:  # decoders raise almost anything on a damaged file
        return None
