"""The visible images within radiometric JPEGs, as the other source of a pair."""

import atexit
import functools
import shutil
import tempfile
from pathlib import Path
from typing import Any

from .images import write_image
from .listing import list_images
from .radiometric import read_visible_of_flir

#: What stands for the visible images within the infrared files.
EMBEDDED = 'embedded'


def find_visible(ir: Any, vi: Any) -> Any:
    """The visible images of a pair's infrared files, where these hold them.

    Args:
        ir (Any): Infrared images: FLIR radiometric JPEGs if ``vi`` is ``'embedded'``.
        vi (Any): Visible images, which are returned; or ``'embedded'``, where there is no file
            of this name.

    Returns:
        Any: ``vi``; or a file or a folder of PNG files, which is deleted at the end of the
        process.

    Raises:
        FileNotFoundError: There are no infrared images.
        PairError: A file has no visible image in it.
    """
    is_word = isinstance(vi, str) and vi == EMBEDDED and not Path(vi).exists()
    if not is_word or not isinstance(ir, str | Path):
        return vi
    return _extract(str(ir))


@functools.lru_cache(maxsize=8)
def _extract(ir):
    listed = list_images(ir)
    folder = Path(tempfile.mkdtemp(prefix='embedded_visible_'))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    if listed is None:
        path = folder / f'{Path(ir).stem}.png'
        write_image(read_visible_of_flir(ir), path)
        return str(path)
    for name in listed.names:
        path = (folder / name).with_suffix('.png')
        write_image(read_visible_of_flir(listed.root / name), path)
    return str(folder)
