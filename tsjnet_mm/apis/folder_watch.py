"""Fuse the pairs of two folders as their files arrive."""

from __future__ import annotations

import math
import os
import time
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from tsjnet_mm.io.embedded import EMBEDDED
from tsjnet_mm.io.errors import PairError
from tsjnet_mm.io.listing import is_pattern, list_images
from tsjnet_mm.io.matching import PairSource, match_pairs
from tsjnet_mm.io.outputs import check_outputs, list_sources
from tsjnet_mm.io.preparation import Preparation
from tsjnet_mm.utils.words import counted

from .folder_fusion import fuse_sources
from .fused_writer import FusedWriter

if TYPE_CHECKING:
    from .inferencer import FusionInferencer


class NewPairs:
    """Finds the pairs that have arrived and are complete, each once.

    A file is complete when it has not changed for ``settle`` seconds. A pair whose files change
    later is new again.

    Args:
        ir (str | Path): Folder or pattern of infrared images; it may be empty.
        vi (str | Path): The same of visible images; may be the same folder.
        ir_affix (str | Iterable[str], optional): See :func:`.match_pairs`.
        vi_affix (str | Iterable[str], optional): See there.
        settle (float): Seconds. Defaults to 1.

    Attributes:
        alone (int): Number of files without a partner at the last look.
        growing (int): Number of pairs then that were not complete.

    Raises:
        FileNotFoundError: There is no such folder.
        ValueError: A source is a single file.
    """

    def __init__(
        self,
        ir: str | Path,
        vi: str | Path,
        ir_affix: str | Iterable[str] | None = None,
        vi_affix: str | Iterable[str] | None = None,
        settle: float = 1.0,
    ) -> None:
        if vi == EMBEDDED and not Path(vi).exists():
            raise ValueError('visible images within infrared files are not watched: fuse them')
        for source in (ir, vi):
            if not Path(source).exists() and not is_pattern(source):
                raise FileNotFoundError(f'no such folder: {source}')
            if Path(source).is_file():
                raise ValueError(f'{source} is a file: only folders and patterns are watched')
        self._given = ir, vi, ir_affix, vi_affix
        self._settle = settle
        self._seen, self._done, self._names, self._told = {}, {}, {}, set()
        self.alone = self.growing = 0

    def look(self, now: float) -> list[PairSource]:
        """The new pairs.

        Args:
            now (float): Time in seconds, of any clock that only moves forward.

        Returns:
            list[PairSource]: In natural order of their names; may be empty.
        """
        try:
            found = match_pairs(*self._given)
        except (FileNotFoundError, PairError):
            return []  # No images, or in one folder none of either kind, so far.
        self.alone = len(found.ir_only) + len(found.vi_only)
        self.growing = 0
        for sides in found.ambiguous:
            several = max(sides, key=len)
            if several[-1] not in self._told:
                self._told.update(several)
                warnings.warn(f'{", ".join(several)} have one name: not fused', stacklevel=2)
        ready = []
        for pair in found.pairs:
            stamps = tuple(self._stamp(path, now) for path in pair[1:])
            if self._done.get(pair[1:]) == stamps:
                continue
            if None in stamps or any(
                now - self._seen[path][1] < self._settle for path in pair[1:]
            ):
                self.growing += 1
                continue
            self._done[pair[1:]] = stamps
            ready.append(pair._replace(name=self._name(pair)))
        return ready

    def _stamp(self, path, now):
        """Size and time of a file, None of one that is empty or gone; notes when it changed."""
        try:
            status = os.stat(path)
        except OSError:
            return None
        stamp = status.st_size, status.st_mtime_ns
        if path not in self._seen or self._seen[path][0] != stamp:
            self._seen[path] = stamp, now
        return stamp if status.st_size else None

    def _name(self, pair):
        """The name of a pair, which no pair of other files has had."""
        owner = self._names.setdefault(pair.name, pair[1:])
        if owner == pair[1:]:
            return pair.name
        below = Path(pair.vi).relative_to(list_images(self._given[1]).root)
        return below.with_suffix('').as_posix()


@dataclass
class WatchedFolder:
    """What became of the pairs of a watched folder.

    Attributes:
        fused (int): Number of images fused.
        kept (int): Number of images that were there already.
        failed (int): Number of pairs that could not be fused, and still cannot.
        alone (int): Number of files without a partner at the end.
        growing (int): Number of pairs at the end that were still being written.
        interrupted (bool): Whether Ctrl-C or a signal ended it.
    """

    fused: int = 0
    kept: int = 0
    failed: int = 0
    alone: int = 0
    growing: int = 0
    interrupted: bool = False

    def __str__(self) -> str:
        parts = [counted(self.fused, 'fused image')]
        for number, text in (
            (self.kept, f'{self.kept} there already'),
            (self.failed, f'{counted(self.failed, "pair")} could not be fused'),
            (self.alone, f'{counted(self.alone, "file")} without a partner'),
            (self.growing, f'{counted(self.growing, "pair")} still being written'),
        ):
            parts += [text] if number else []
        return ', '.join(parts)


def watch_to_folder(
    inferencer: FusionInferencer,
    ir: str | Path,
    vi: str | Path,
    out_dir: str | Path,
    idle: float = math.inf,
    extension: str | None = None,
    batch_size: int = 1,
    quality: int | None = None,
    grey: bool = False,
    stretch: bool = False,
    preparation: Preparation | None = None,
    ir_affix: str | Iterable[str] | None = None,
    vi_affix: str | Iterable[str] | None = None,
    overwrite: bool = False,
    temperatures: str | Path | None = None,
    settle: float = 1.0,
    **options: Any,
) -> WatchedFolder:
    """Fuse pairs of two folders into a third as they arrive, until Ctrl-C.

    A file is read when it has not changed for ``settle`` seconds. A pair that cannot be fused
    gives a warning, and is tried again when its files change. Images that an earlier run
    made are kept, see :func:`.fuse_to_folder`; several processes can share the work.

    Args:
        inferencer (FusionInferencer): The fusor and its device.
        ir (str | Path): Folder or pattern of infrared images.
        vi (str | Path): Folder or pattern of visible images.
        out_dir (str | Path): Output folder.
        idle (float): End after so many seconds without a new pair. Defaults to never.
        extension (str, optional): See :func:`.fuse_to_folder`.
        batch_size (int): See there.
        quality (int, optional): See there.
        grey (bool): See there.
        stretch (bool): See there.
        preparation (Preparation, optional): See there.
        ir_affix (str | Iterable[str], optional): See there.
        vi_affix (str | Iterable[str], optional): See there.
        overwrite (bool): See there.
        temperatures (str | Path, optional): See there.
        settle (float): Seconds. Defaults to 1.
        **options: Fields of ``preparation``.

    Returns:
        WatchedFolder: What became of the pairs; also after Ctrl-C.

    Raises:
        FileNotFoundError: There is no such folder.
        ValueError: A source is a file, an option is invalid, or the next look would take the
            outputs for sources.
        OSError: An image cannot be written.
    """
    if not idle > 0:
        raise ValueError(f'idle must be above 0 seconds, got {idle}')
    preparation = Preparation.of(preparation, **options)
    settings = inferencer.describe(preparation, grey, stretch, quality)
    FusedWriter(out_dir, None, settings, extension, quality)  # refuses unusable options
    new, done = NewPairs(ir, vi, ir_affix, vi_affix, settle), WatchedFolder()
    bar = tqdm(desc='fusing', unit='pair', disable=not inferencer.show_progress)

    failed = set()

    def fuse(sources):
        """Fuse pairs; returns those that are done, and what kept the others from it."""
        finished, example = set(), FusedWriter(out_dir, None, settings, extension, quality)
        check_outputs([example.path(sources[0].name)], (), True, list_sources(ir, vi))

        def note(name, is_fused):
            finished.add(name)
            failed.discard(name)
            done.fused += is_fused
            done.kept += not is_fused
            bar.update()

        try:
            writer = FusedWriter(
                *(out_dir, sources, settings, extension, quality, overwrite),
                *((ir, vi), temperatures),
            )
            fuse_sources(
                inferencer, writer, sources, preparation, batch_size, (grey, stretch), note
            )
        except (FileNotFoundError, ValueError) as error:
            return finished, error
        return finished, None

    with bar:
        try:
            last = time.monotonic()
            while True:
                now = time.monotonic()
                sources = new.look(now)
                took = time.monotonic() - now
                if sources:
                    failed.update(_fuse_each(fuse, sources))
                    last = time.monotonic()
                elif now - last >= idle and not new.growing:
                    break
                time.sleep(max(settle / 2, 10 * took))
        except KeyboardInterrupt:
            done.interrupted = True
    done.failed, done.alone, done.growing = len(failed), new.alone, new.growing
    return done


def _fuse_each(fuse, sources):
    """Fuse pairs, together or else one by one; tell of those that fail and name them."""
    finished, error = fuse(sources)
    if error is None:
        return []
    if len(sources) == 1:
        warnings.warn(f'{sources[0].name} is not fused: {error}', stacklevel=2)
        return [sources[0].name]
    left = [each for each in sources if each.name not in finished]
    return [name for each in left for name in _fuse_each(fuse, [each])]
