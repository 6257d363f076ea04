"""The images of one folder of a data set."""

import os
from collections import defaultdict

from tsjnet_mm.io.errors import PairError
from tsjnet_mm.io.images import IMAGE_EXTENSIONS


class ImageFolder:
    """The images of a folder; other files are not looked at.

    Attributes:
        names (dict[str, list[str]]): Names of the images by their stem, or by another one that
            they go by.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.names = defaultdict(list)
        with os.scandir(path) as entries:
            for entry in entries:
                stem, extension = os.path.splitext(entry.name)
                if extension.lower() in IMAGE_EXTENSIONS and not stem.startswith('.'):
                    self.names[stem].append(entry.name)

    def find(self, stem: str, kind: str, reason: str = 'missing partner') -> str:
        """Path of the one image with this stem."""
        names = sorted(self.names.get(stem, ()))
        if len(names) == 1:
            return os.path.join(self.path, names[0])
        if names:
            raise PairError.of(
                'ambiguous name', os.path.join(self.path, stem), 'one image', ', '.join(names)
            )
        expected = f'the {kind} of {stem}'
        if reason == 'missing partner':
            expected += ' (if its name has other words, give them by ir_affix and vi_affix)'
        raise PairError.of(reason, os.path.join(self.path, stem + '.*'), expected, 'no image')
