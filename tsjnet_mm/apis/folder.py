"""Fusing folders: shared among processes, and finished by running it again."""

import hashlib
import json
import os
from pathlib import Path

from PIL import Image
from tqdm import tqdm

from tsjnet_mm.io.images import check_writable, write_image
from tsjnet_mm.io.pairs import find_pairs
from tsjnet_mm.version import __version__

#: Keyword under which a PNG says what made it.
NOTE = 'tsjnet_mm'


def describe_fusion(inferencer, options):
    """What determines fused pixels besides the files.

    Args:
        inferencer (FusionInferencer): Fuses.
        options (dict): Of the fusion.

    Returns:
        str: JSON object with sorted keys.
    """
    digest = hashlib.sha256()
    state = inferencer.fusor.state_dict()
    for name in sorted(state):
        digest.update(name.encode())
        digest.update(state[name].detach().float().cpu().numpy().tobytes())
    settings = {
        'version': __version__,
        'fusor': type(inferencer.fusor).__name__,
        'weights': digest.hexdigest()[:16],
        'precision': str(inferencer.dtype).removeprefix('torch.'),
        'tile': [inferencer.tile, inferencer.overlap],
        **options,
    }
    return json.dumps(settings, sort_keys=True, default=lambda value: value.tolist())


def is_done(path, note, sources):
    """Whether a file was made in just this way, and of what its sources are now.

    Args:
        path (Path): The PNG.
        note (str): What it must say of how it was made.
        sources (Iterable[str | Path]): Files that must not be younger.

    Returns:
        bool: False also if there is no such file, or it is damaged.
    """
    try:
        made = path.stat().st_mtime_ns
        with Image.open(path) as image:
            if image.info.get(NOTE) != note:
                return False
        return all(os.stat(source).st_mtime_ns <= made for source in sources)
    except (OSError, SyntaxError):
        return False


def fuse_to_folder(
    inferencer,
    ir,
    vi,
    out_dir,
    extension='.png',
    rank=0,
    world_size=1,
    batch_size=1,
    quality=None,
    **options,
):
    """Fuse files into a folder; several processes may share the work.

    Every ``world_size``-th pair is this process's. A PNG there that the same settings made of
    files that have not changed since is kept; so an interrupted run is finished by the same
    call. Names of other formats carry no settings and are always made anew.

    Args:
        inferencer (FusionInferencer): Fuses.
        ir (str | Path): Infrared image, folder or pattern, see :func:`.find_pairs`.
        vi (str | Path): The same of visible images.
        out_dir (str | Path): Folder for ``<visible stem><extension>``; made where missing.
        extension (str): Format of the files, one of :data:`.WRITTEN_FORMATS`. Defaults to
            ``'.png'``.
        rank (int): Number of this process. Defaults to 0.
        world_size (int): Number of processes. Defaults to 1.
        batch_size (int): Pairs at once. Defaults to 1.
        quality (int, optional): Of ``.jpg`` and ``.webp``, see :func:`.write_image`.
        **options: Of :meth:`.FusionInferencer.stream`: ``grey``, ``stretch`` and how sources
            are read.

    Returns:
        tuple[int, int]: Number of images fused now, and of those kept.

    Raises:
        FileNotFoundError: A source does not exist.
        ValueError: See :func:`.check_writable`, or see :meth:`.FusionInferencer.stream`.
    """
    check_writable(extension, quality)
    out_dir = Path(out_dir)
    pairs = find_pairs(ir, vi)[rank::world_size]
    note = describe_fusion(inferencer, options)
    paths = {stem: out_dir / f'{stem}{extension}' for stem, _, _ in pairs}
    left = [
        (stem, one, other)
        for stem, one, other in pairs
        if not is_done(paths[stem], note, (one, other))
    ]
    results = inferencer.stream(
        [Path(one) for _, one, _ in left],
        [Path(other) for _, _, other in left],
        batch_size=batch_size,
        **options,
    )
    for name, image in tqdm(
        results,
        'fusing',
        len(pairs),
        unit='pair',
        initial=len(pairs) - len(left),
        disable=not inferencer.show_progress,
    ):
        write_image(image, paths[name], {NOTE: note}, quality)
    return len(left), len(pairs) - len(left)
