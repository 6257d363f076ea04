"""Fuse folders of pairs: several processes can share the work, a second run completes it."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from tsjnet_mm.io.embedded import find_visible
from tsjnet_mm.io.matching import PairSource, find_pairs
from tsjnet_mm.io.pairs import read_pairs
from tsjnet_mm.io.preparation import Preparation
from tsjnet_mm.utils.claims import Claims

from .fused_writer import READERS, FusedWriter

if TYPE_CHECKING:
    from .inferencer import FusionInferencer


def fuse_to_folder(
    inferencer: FusionInferencer,
    ir: str | Path,
    vi: str | Path,
    out_dir: str | Path,
    extension: str | None = None,
    rank: int = 0,
    world_size: int = 1,
    batch_size: int = 1,
    quality: int | None = None,
    grey: bool = False,
    stretch: bool = False,
    preparation: Preparation | None = None,
    ir_affix: str | Iterable[str] | None = None,
    vi_affix: str | Iterable[str] | None = None,
    overwrite: bool = False,
    temperatures: str | Path | None = None,
    **options: Any,
) -> tuple[int, int]:
    """Fuse pairs of files and write the fused images into a folder.

    Of ``world_size`` processes, this one fuses every ``world_size``-th pair, starting at
    ``rank``. It skips a pair that another process is fusing into the same folder. It also skips
    a pair whose fused image exists, is complete, and was made by the same settings from files
    of the same content. So the same call completes an interrupted run. A BMP, PPM or PGM file
    does not record its settings: it is fused again, if ``overwrite`` allows it.

    Args:
        inferencer (FusionInferencer): The fusor and its device.
        ir (str | Path): Infrared image, folder or pattern, see :func:`.match_pairs`.
        vi (str | Path): Visible image, folder or pattern; or ``'embedded'``, see
            :func:`.find_visible`.
        out_dir (str | Path): Output folder; it is created if it does not exist. The files are
            named ``<name of the pair><extension>``. For a single pair it may be an image file,
            see :func:`.fused_paths`.
        extension (str, optional): Format of the files, one of :data:`.WRITTEN_FORMATS`.
            Defaults to ``'.png'``.
        rank (int): Number of this process. Defaults to 0.
        world_size (int): Number of processes. Defaults to 1.
        batch_size (int): Number of pairs that are fused at once. Defaults to 1.
        quality (int, optional): Quality of ``.jpg`` and ``.webp`` files, see
            :func:`.write_image`.
        grey (bool): Write the fused luma instead of a colour image. Defaults to False.
        stretch (bool): Stretch each fused luma to the full range. Defaults to False.
        preparation (Preparation, optional): How the images of a pair are prepared.
        ir_affix (str | Iterable[str], optional): See :func:`.match_pairs`.
        vi_affix (str | Iterable[str], optional): See :func:`.match_pairs`.
        overwrite (bool): Replace files that this toolbox did not write. Source files are never
            replaced. Defaults to False.
        temperatures (str | Path, optional): Folder for the temperatures, see
            :class:`.FusedWriter`.
        **options: Fields of ``preparation``, such as ``ir_range``, instead of ``preparation``.

    Returns:
        tuple[int, int]: Number of images fused by this call, and number of images kept.

    Raises:
        FileNotFoundError: A source does not exist.
        PairError: A file has no partner, or a pair cannot be fused.
        ValueError: The format or an option is invalid, or :func:`.check_outputs` refuses an
            output.
    """
    preparation = Preparation.of(preparation, **options)
    vi = find_visible(ir, vi)
    sources = find_pairs(ir, vi, ir_affix, vi_affix)
    settings = inferencer.describe(preparation, grey, stretch, quality)
    writer = FusedWriter(
        out_dir, sources, settings, extension, quality, overwrite, (ir, vi), temperatures
    )
    sources = sources[rank::world_size]
    bar = tqdm(
        desc='fusing', total=len(sources), unit='pair', disable=not inferencer.show_progress
    )
    counts = Counter()

    def done(name, is_fused):
        counts[is_fused] += 1
        bar.update()

    with bar:
        options = (grey, stretch)
        fuse_sources(inferencer, writer, sources, preparation, batch_size, options, done)
    return counts[True], counts[False]


def fuse_sources(
    inferencer: FusionInferencer,
    writer: FusedWriter,
    sources: list[PairSource],
    preparation: Preparation,
    batch_size: int,
    options: tuple[bool, bool],
    done: Callable[[str, bool], None],
) -> None:
    """Fuse some of the pairs that a writer knows, and share them with other processes.

    Args:
        inferencer (FusionInferencer): The fusor and its device.
        writer (FusedWriter): Writes the images; what is done already is left out.
        sources (list[PairSource]): The pairs.
        preparation (Preparation): How their images are prepared.
        batch_size (int): Number of pairs that are fused at once.
        options (tuple[bool, bool]): ``grey`` and ``stretch``.
        done (Callable[[str, bool], None]): Called with the name of each pair that is done, and
            whether it was fused here.

    Raises:
        OSError, PairError, ValueError: See :func:`fuse_to_folder`.
    """
    with Claims() as claims:

        def finish(name, is_fused=False):
            claims.release(writer.path(name))
            done(name, is_fused)

        for share in claims.rounds(sources, lambda source: writer.path(source.name)):
            left = writer.watch(share, resume=True, skipped=finish)
            pairs = writer.measure(read_pairs(left, preparation, READERS))
            images = inferencer.fuse_pairs(pairs, batch_size, *options)
            with contextlib.closing(writer.write_behind(images)) as written:
                for name, _ in written:
                    finish(name, is_fused=True)
