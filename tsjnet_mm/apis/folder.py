"""Fusing folders: shared among processes, and finished by running it again."""

from tqdm import tqdm

from tsjnet_mm.io.pairs import find_pairs, read_pairs
from tsjnet_mm.io.preparation import Preparation
from tsjnet_mm.utils.claims import Claims

from .fused_writer import FusedWriter


def fuse_to_folder(
    inferencer,
    ir,
    vi,
    out_dir,
    extension=None,
    rank=0,
    world_size=1,
    batch_size=1,
    quality=None,
    grey=False,
    stretch=False,
    preparation: Preparation | None = None,
    ir_affix=None,
    vi_affix=None,
    overwrite: bool = False,
    **options,
):
    """Fuse files into a folder; several processes may share the work.

    Every ``world_size``-th pair is this process's. A pair that another process is fusing into
    the same folder is left to it. An image there that is whole, and that the same settings made
    of files with the same content, is kept; so an interrupted run is finished by the same call.
    BMP, PPM and PGM say nothing of how they were made: they are made anew, and only with
    ``overwrite``.

    Args:
        inferencer (FusionInferencer): Fuses.
        ir (str | Path): Infrared image, folder or pattern, see :func:`.match_pairs`.
        vi (str | Path): The same of visible images.
        out_dir (str | Path): Folder for ``<name of the pair><extension>``, made where missing;
            or, of a single pair, an image file, see :func:`.fused_paths`.
        extension (str, optional): Format of the files, one of :data:`.WRITTEN_FORMATS`.
            Defaults to ``'.png'``.
        rank (int): Number of this process. Defaults to 0.
        world_size (int): Number of processes. Defaults to 1.
        batch_size (int): Pairs at once. Defaults to 1.
        quality (int, optional): Of ``.jpg`` and ``.webp``, see :func:`.write_image`.
        grey (bool): Make fused luma instead of colour. Defaults to False.
        stretch (bool): Stretch each fused luma to the full range. Defaults to False.
        preparation (Preparation, optional): How the images of a pair are prepared.
        ir_affix (str | Iterable[str], optional): See :func:`.match_pairs`.
        vi_affix (str | Iterable[str], optional): See there.
        overwrite (bool): Write over files that were not made here; sources are never written
            over. Defaults to False.
        **options: Instead of ``preparation`` its parts, such as ``ir_range``.

    Returns:
        tuple[int, int]: Number of images fused now, and of those kept.

    Raises:
        FileNotFoundError: A source does not exist.
        PairError: A file has no partner, or a pair cannot be used.
        ValueError: The format or an option cannot be used; or see :func:`.check_outputs`.
    """
    preparation = Preparation.of(preparation, **options)
    sources = find_pairs(ir, vi, ir_affix, vi_affix)
    settings = inferencer.describe(preparation, grey, stretch, quality)
    writer = FusedWriter(out_dir, sources, settings, extension, quality, overwrite, (ir, vi))
    sources = sources[rank::world_size]
    fused = 0
    bar = tqdm(
        desc='fusing', total=len(sources), unit='pair', disable=not inferencer.show_progress
    )
    with bar, Claims() as claims:

        def finish(name):
            claims.release(writer.path(name))
            bar.update()

        for share in claims.rounds(sources, lambda source: writer.path(source.name)):
            left = writer.watch(share, resume=True, skipped=finish)
            pairs = read_pairs(left, preparation)
            for name, image in inferencer.fuse_pairs(pairs, batch_size, grey, stretch):
                writer.write(name, image)
                finish(name)
                fused += 1
    return fused, len(sources) - fused
