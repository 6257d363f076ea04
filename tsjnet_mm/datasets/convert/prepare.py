"""Write a published dataset in the layout of the configs, completely or not at all."""

import hashlib
import json
import os
from collections import Counter, defaultdict
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from tqdm import tqdm

from tsjnet_mm.datasets.paired import natural_key
from tsjnet_mm.datasets.shipped_splits import ShippedSplit, check_against, copy_lists
from tsjnet_mm.datasets.transforms import LoadPairAnnotations
from tsjnet_mm.io.errors import PairError
from tsjnet_mm.io.text import read_json
from tsjnet_mm.utils.files import whole_folder
from tsjnet_mm.utils.parallel import available_cores, thread_map
from tsjnet_mm.utils.words import counted, name_some

from .index_masks import is_index_mask, write_index_mask
from .published import PUBLISHED, PublishedDataset
from .sources import FolderSource, open_source

#: Written into each prepared dataset; says what it was made from.
MANIFEST = 'prepared.json'
_GENERATOR = 'tsjnet_mm prepared dataset'
_SHOWN = 10


@dataclass(frozen=True)
class PreparedDataset:
    """Result of :func:`prepare_dataset`.

    Attributes:
        root (Path): The dataset's folder.
        written (bool): Whether it was written; False if it was there already.
        pairs (dict[str | None, int]): Pairs of each split.
        kinds (tuple[str, ...]): What there is: 'ir', 'vi', and 'masks' and 'boxes' if any.
        warnings (tuple[str, ...]): What is missing or not as published.
    """

    root: Path
    written: bool
    pairs: dict[str | None, int]
    kinds: tuple[str, ...]
    warnings: tuple[str, ...]


def prepare_dataset(
    name: str,
    sources: Sequence[str | Path],
    out: str | Path | None = None,
    link: bool = False,
    allow_partial: bool = False,
    progress: bool = False,
    published: PublishedDataset | None = None,
    split: ShippedSplit | None = None,
) -> PreparedDataset:
    """Write a published dataset in the layout of the configs, and check that it is complete.

    Number and partners of the files are checked before anything is written; sizes, boxes and
    masks are checked afterwards. A hidden folder next to ``out`` gets the files and is renamed
    when it is complete. Masks that are no index images, but have three equal channels or the
    colours of the dataset's palette, become index images.

    Args:
        name (str): One of ``PUBLISHED``.
        sources (Sequence[str | Path]): Archives (zip, tar) or unpacked folders that together
            hold the dataset.
        out (str | Path, optional): The dataset's folder. Defaults to where the configs look.
        link (bool): Make symbolic links to the files of unpacked folders instead of copies.
            Defaults to False.
        allow_partial (bool): Take the pairs that are there, with a warning for all that is
            not as published. Defaults to False.
        progress (bool): Show a bar. Defaults to False.
        published (PublishedDataset, optional): What to expect instead of ``PUBLISHED[name]``.
        split (ShippedSplit, optional): Lists that ``out`` gets, ``train.txt`` and so on; all
            pairs in them must be there.

    Returns:
        PreparedDataset: Where it is and what is in it. If the same files were prepared there
        before, nothing is done.

    Raises:
        ValueError: An archive cannot be used, a folder of the dataset is not found or found
            twice, or something is missing, extra or not as published.
        FileNotFoundError: A source does not exist.
        FileExistsError: ``out`` holds something else.
        PairError: A file cannot be used: of partial sets, a mask; else any.
    """
    published = published or PUBLISHED[name]
    out = Path(out or published.root).resolve()
    with ExitStack() as stack:
        opened = []
        for path in sources:
            opened.append(open_source(path))
            stack.callback(opened[-1].close)
        if link and not all(isinstance(source, FolderSource) for source in opened):
            raise ValueError('links need unpacked folders, got an archive; leave --link out')
        found, warnings, problems = _find_parts(published, opened)
        stems = _pair(published, found, problems)
        if problems and not allow_partial:
            raise ValueError(
                f'{name} differs from the published data set (--allow-partial takes what '
                'exists):\n  ' + '\n  '.join(problems)
            )
        warnings += problems
        if not all(stems.values()):
            raise ValueError(
                f'{name}: no pair of images for a split\n  ' + '\n  '.join(problems)
            )
        if split is not None:
            if split.dataset != name:
                raise ValueError(f'the split {split.name} is of {split.dataset}, not of {name}')
            check_against(split, stems)
        files = _select(published, found, stems)
        manifest = {
            'generator': _GENERATOR,
            'dataset': name,
            'pairs': {str(split or 'all'): len(some) for split, some in stems.items()},
            'kinds': sorted({part.kind for part in found}),
            'linked': link,
            'files_sha256': _fingerprint(files),
        }
        written = not _is_present(out, manifest, files)
        if written:
            with whole_folder(out) as partial:
                _write(files, partial, link, published, progress)
                try:
                    warnings += _check(
                        published, found, stems, partial, allow_partial, progress
                    )
                except PairError as error:
                    message = str(error).replace(str(partial), str(out))
                    raise PairError(message, error.reason) from error
                (partial / MANIFEST).write_text(json.dumps(manifest, indent=2) + '\n')
        if split is not None:
            copy_lists(split, out)
    return PreparedDataset(
        root=out,
        written=written,
        pairs={split: len(some) for split, some in stems.items()},
        kinds=tuple(manifest['kinds']),
        warnings=tuple(warnings),
    )


def _all_parts(published):
    """Every folder of a dataset with the splits that it serves."""
    parts = defaultdict(list)
    for split in published.pairs:
        for part in published.parts_of(split):
            parts[part].append(split)
    return parts


def _find_parts(published, sources):
    """Files of each part, ``{part: {stem: (source, name)}}``, warnings and problems."""
    folders = defaultdict(list)
    for source in sources:
        for name in source.sizes:
            folders[source, PurePosixPath(name).parent].append(name)
    found, warnings, problems = {}, [], []
    for part in _all_parts(published):
        matches = []
        for tail in part.sources:
            matches = [
                (source, names)
                for (source, folder), names in folders.items()
                if _ends_with(source, folder, tail)
                and any(_extension(name) in part.extensions for name in names)
            ]
            if matches:
                break
        where = ', '.join(str(source.path) for source in sources)
        if len(matches) > 1:
            places = ', '.join(
                str(source.path / PurePosixPath(names[0]).parent) for source, names in matches
            )
            raise ValueError(f'{part.sources[0]}: found more than once: {places}; name one')
        if not matches and part.needed_from:
            warnings.append(f'no {part.kind} for {part.target}; see {part.needed_from}')
        elif not matches:
            problems.append(f'{part.sources[0]}: no such folder with {part.kind} in {where}')
        else:
            ((source, names),) = matches
            found[part] = _by_stem(part, source, names)
    return found, warnings, problems


def _ends_with(source, folder, tail):
    tail = PurePosixPath(tail.casefold()).parts
    # The source's own name counts: the folder Ir, or train, may be given itself.
    whole = (*source.path.resolve().parts, *folder.parts)
    return tuple(name.casefold() for name in whole[-len(tail) :]) == tail


def _extension(name):
    return PurePosixPath(name).suffix.lower()


def _by_stem(part, source, names):
    files = {}
    for name in names:
        if _extension(name) not in part.extensions or name.endswith('/classes.txt'):
            continue
        stem = PurePosixPath(name).stem
        if stem in files:
            other = PurePosixPath(files[stem][1]).name
            raise ValueError(
                f'{part.target}: expected one file for {stem}, found {other} and '
                f'{PurePosixPath(name).name}'
            )
        files[stem] = source, name
    return files


def _pair(published, found, problems):
    """Stems of the pairs of each split; adds to the problems what is missing or extra."""
    stems, images = {}, {}
    for split, expected in published.pairs.items():
        parts = {part.kind: found.get(part, {}) for part in published.parts_of(split)}
        stems[split] = parts['ir'].keys() & parts['vi'].keys()
        images[split] = parts['ir'].keys() | parts['vi'].keys()
        if len(images[split]) != expected or len(stems[split]) != expected:
            problems.append(
                f'{split or "all"}: expected {counted(expected, "pair")}, found '
                f'{counted(len(stems[split]), "pair")} of '
                f'{counted(len(images[split]), "image")}'
            )
    for part, splits in _all_parts(published).items():
        if part in found:
            there = found[part].keys()
            wanted = set().union(*(images[split] for split in splits))
            for what, some in (('missing', wanted - there), ('extra', there - wanted)):
                if some:
                    problems.append(f'{part.target}: {what}: {_listing(some)}')
    return stems


def _listing(stems):
    return name_some(sorted(stems, key=natural_key), _SHOWN)


def _select(published, found, stems):
    """Files to write: ``{target: (part, source, name)}``."""
    files = {}
    for part, splits in _all_parts(published).items():
        wanted = set().union(*(stems[split] for split in splits))
        for stem, (source, name) in found.get(part, {}).items():
            if stem in wanted:
                file_name = PurePosixPath(name).name
                files[f'{part.target}/{file_name}'] = part, source, name
    return files


def _fingerprint(files):
    lines = sorted(
        f'{target}\t{source.sizes[name]}' for target, (_, source, name) in files.items()
    )
    return hashlib.sha256('\n'.join(lines).encode()).hexdigest()


def _is_present(out, manifest, files):
    """Whether this very dataset is there; raises if something else is."""
    if not os.path.lexists(out) or (out.is_dir() and not any(out.iterdir())):
        return False
    try:
        same = read_json(out / MANIFEST) == manifest
    except (OSError, ValueError):
        same = False
    if same and all((out / target).exists() for target in files):
        return True
    raise FileExistsError(
        f'{out}: not overwritten, because it was not prepared from these files; '
        'remove it, or name another folder'
    )


def _write(files, folder, link, published, progress):
    for target in files:
        (folder / target).parent.mkdir(parents=True, exist_ok=True)
    # In stored order: a compressed tar archive is read once.
    order = {
        source: {name: at for at, name in enumerate(source.sizes)}
        for source in {source for _, source, _ in files.values()}
    }
    roots = {source: source.path.resolve() for source in order}
    jobs = sorted(files.items(), key=lambda job: order[job[1][1]][job[1][2]])
    palette = published.dataset_class.METAINFO.get('seg_palette')
    what = 'linking' if link else 'copying'
    for target, (part, source, name) in tqdm(jobs, what, unit='file', disable=not progress):
        path = folder / target
        if link:
            path.symlink_to(roots[source] / name)
        else:
            source.copy(name, path)
        if part.kind == 'masks' and not is_index_mask(path):
            write_index_mask(path, palette)


def _check(published, found, stems, folder, allow_partial, progress):
    """Read sizes, boxes and masks as the dataset's class does; returns warnings."""
    warnings, sizes = [], Counter()
    load = LoadPairAnnotations(with_boxes=False)
    on_error = 'skip' if allow_partial else 'raise'
    for split, wanted in stems.items():
        kinds = [part.kind for part in published.parts_of(split) if part in found]
        dataset = published.dataset_class(
            data_root=str(folder),
            **({'split': split} if split else {}),
            annotations=[kind for kind in kinds if kind in ('boxes', 'masks')],
            on_error=on_error,
            test_mode=True,
        )
        infos = [dataset.get_data_info(index) for index in range(len(dataset))]
        if unusable := wanted - {info['img_id'] for info in infos}:
            warnings.append(
                f'{split or "all"}: pairs that cannot be used: {_listing(unusable)}'
            )
        sizes.update((info['width'], info['height']) for info in infos)
        if 'masks' in kinds:
            shapes = ({**info, 'img_shape': (info['height'], info['width'])} for info in infos)
            masks = thread_map(load, shapes, available_cores())
            for _ in tqdm(masks, 'checking masks', len(infos), disable=not progress):
                pass
    others = {size: count for size, count in sizes.items() if size != published.size}
    if published.size and others:
        listed = ', '.join(f'{count} of {w}x{h}' for (w, h), count in others.items())
        message = f'expected pairs of {published.size[0]}x{published.size[1]}, found {listed}'
        if published.size_is_fixed and not allow_partial:
            raise ValueError(message)
        warnings.append(message)
    return warnings
