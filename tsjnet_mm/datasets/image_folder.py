"""The images of one folder of a data set."""

import os
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping

from tsjnet_mm.io.errors import PairError
from tsjnet_mm.io.images import IMAGE_EXTENSIONS


class ImageFolder:
    """The images of a folder by stem; other files are not looked at."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._names = defaultdict(list)
        with os.scandir(path) as entries:
            for entry in entries:
                stem, extension = os.path.splitext(entry.name)
                if extension.lower() in IMAGE_EXTENSIONS and not stem.startswith('.'):
                    self._names[stem].append(entry.name)

    @property
    def stems(self) -> Collection[str]:
        """Stems of all images."""
        return self._names.keys()

    @property
    def files(self) -> list[str]:
        """list[str]: Names of all images."""
        return [name for names in self._names.values() for name in names]

    def keep(self, names: Iterable[str]) -> None:
        """Leave out all images but these."""
        self._names = defaultdict(list)
        for name in names:
            self._names[os.path.splitext(name)[0]].append(name)

    def rename(self, names: Mapping[str, str]) -> None:
        """Know images by other stems.

        Args:
            names (Mapping[str, str]): Name of an image to the stem it goes by.
        """
        for name, stem in names.items():
            self._names.pop(os.path.splitext(name)[0], None)
            self._names[stem] = [name]

    def find(self, stem: str, kind: str, reason: str = 'missing partner') -> str:
        """Path of the one image with this stem."""
        names = sorted(self._names.get(stem, ()))
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
