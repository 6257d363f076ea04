"""Write fused images with a note of their settings, and recognise finished ones."""

import json
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np

from tsjnet_mm.io.errors import PairError
from tsjnet_mm.io.exif import read_exif
from tsjnet_mm.io.images import write_image
from tsjnet_mm.io.outputs import check_outputs, fused_paths, list_sources
from tsjnet_mm.io.pairs import Pair, is_path
from tsjnet_mm.io.resume import COVERED, NOTE, digest_files, encode_note, is_done
from tsjnet_mm.io.thermal import write_temperatures
from tsjnet_mm.utils.parallel import thread_map

#: Threads that read the pairs which are fused next.
READERS = 2


def _files(sources):
    return [path for _, *pair in sources for path in pair if is_path(path)]


class FusedWriter:
    """Writes the fused images of pairs.

    Args:
        out (str | Path): Folder, or of a single pair a file, see :func:`.fused_paths`.
        sources (list | None): Name, infrared and visible image of each pair; None of streams,
            which do not know them.
        settings (dict): What determines the pixels besides the sources, see
            :meth:`.FusionInferencer.describe`.
        extension (str, optional): Format of the files. Defaults to ``'.png'``.
        quality (int, optional): See :func:`.write_image`.
        overwrite (bool): See :func:`.check_outputs`.
        read (Iterable): Sources as they were given, of which folders and patterns are not to
            take outputs for sources.
        temperatures (str | Path, optional): Folder, or of a single pair a file, for the
            temperatures of each pair, see :func:`.write_temperatures` and :meth:`measure`.

    Raises:
        ValueError: See :func:`.fused_paths` and :func:`.check_outputs`.
    """

    def __init__(
        self,
        out: str | Path,
        sources: list | None,
        settings: dict,
        extension: str | None = None,
        quality: int | None = None,
        overwrite: bool = False,
        read: Iterable = (),
        temperatures: str | Path | None = None,
    ) -> None:
        names = None if sources is None else [name for name, *_ in sources]
        #: Callable: From the name of a pair to its file.
        self.path = fused_paths(out, names, extension, quality)
        self._settings = settings
        self._quality = quality
        self._overwrite = overwrite
        self._is_checked = sources is not None
        self._lists = list_sources(*read)
        self._files = [] if sources is None else _files(sources)
        self._notes, self._pairs, self._written = {}, {}, set()
        self._temperatures = None
        if temperatures is not None:
            is_tiff = Path(temperatures).suffix.lower() in ('.tif', '.tiff')
            ending = None if is_tiff and not os.path.isdir(temperatures) else '.tif'
            self._temperatures = fused_paths(temperatures, names, ending)
        if self._is_checked:
            self._check(names)

    def _check(self, names):
        paths = [path for name in names for path in self._outputs(name)]
        if len(set(map(os.path.abspath, paths))) < len(paths) and self._temperatures:
            raise ValueError(
                f'temperatures and fused images would be one file {paths[0]}: name another '
                'folder for one of them'
            )
        check_outputs(paths, self._files, self._overwrite, self._lists)

    def _outputs(self, name):
        return [self.path(name), *([self._temperatures(name)] if self._temperatures else [])]

    def note(self, sources: Iterable) -> str:
        """The note for the file of a pair, with digests of its two sources.

        Args:
            sources (Iterable): Infrared and visible image; those that are no files have no
                content to tell of.

        Returns:
            str: See :func:`.encode_note`.
        """
        sources = [*sources]
        digests = digest_files(sources) if all(map(is_path, sources)) else None
        return encode_note({**self._settings, 'sources': digests})

    def watch(
        self,
        sources: Iterable,
        resume: bool = False,
        skipped: Callable[[str], None] = lambda name: None,
    ) -> Iterator[tuple]:
        """Pass pairs on to be read, and note what they are just before that.

        Args:
            sources (Iterable): Name, infrared and visible image of each pair.
            resume (bool): Leave out those whose file is done. Defaults to False.
            skipped (Callable[[str], None]): Called with the name of each that is left out.

        Yields:
            tuple: Name, infrared and visible image.
        """
        for source in sources:
            name, *pair = source
            note = self.note(pair)
            if resume and all(is_done(path, note) for path in self._outputs(name)):
                skipped(name)
                continue
            self._notes[name], self._pairs[name] = note, pair
            if not self._is_checked:
                self._files += [path for path in pair if is_path(path)]
            yield source

    def measure(self, pairs: Iterable[Pair]) -> Iterator[Pair]:
        """Note what the infrared camera sees of pairs, and write temperatures if wanted.

        Args:
            pairs (Iterable[Pair]): The pairs that :meth:`watch` passed on, as read.

        Yields:
            Pair: Each, after its temperatures are written.

        Raises:
            PairError: Its temperatures are not known.
            ValueError: See :func:`.check_outputs`.
        """
        for pair in pairs:
            if pair.seen is not None:
                note = json.loads(self._notes[pair.name])
                covered = round(pair.covered, 3)
                self._notes[pair.name] = encode_note({**note, COVERED: covered})
            if self._temperatures:
                if not self._is_checked:
                    self._check([pair.name])
                ir, vi = self._pairs[pair.name]
                write_temperatures(
                    pair.thermal(),
                    self._temperatures(pair.name),
                    ir if is_path(ir) else f'infrared image {pair.name}',
                    self._notes[pair.name],
                    read_exif([vi, ir]),
                )
            yield pair

    def write(self, name: str, image: np.ndarray) -> None:
        """Write the fused image of a pair that :meth:`watch` passed on.

        Args:
            name (str): Of the pair.
            image (np.ndarray): (H, W, 3) RGB or (H, W), uint8.

        Raises:
            PairError: Another pair of this name was written.
            ValueError: See :func:`.check_outputs`.
        """
        path = self.path(name)
        if path in self._written:
            raise PairError.of(
                'ambiguous name', path, 'one pair of each name', f'two that are called {name}'
            )
        if not self._is_checked:
            self._check([name])
        ir, vi = self._pairs.pop(name)
        exif = read_exif([vi, ir])
        write_image(image, path, {NOTE: self._notes[name]}, self._quality, exif)
        self._written.add(path)

    def write_behind(self, images: Iterable) -> Iterator[tuple]:
        """Write fused images in a thread, while the next are being fused.

        Args:
            images (Iterable): Name and image of each.

        Yields:
            tuple: Name and image of each that is written, in their order.

        Raises:
            OSError, PairError, ValueError: See :meth:`write`; after what came before is
                written.
        """

        def write(fused):
            self.write(*fused)
            return fused

        return thread_map(write, images, 1)
