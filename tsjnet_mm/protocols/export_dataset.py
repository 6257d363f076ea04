"""Datasets of fused images, in layouts that unchanged mmdet and mmseg train on."""

import io
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image
from PIL.PngImagePlugin import PngInfo
from tqdm import tqdm

from tsjnet_mm.apis.inferencer import FusionInferencer
from tsjnet_mm.datasets import PairedFusionDataset
from tsjnet_mm.io.outputs import check_outputs
from tsjnet_mm.io.preparation import Preparation
from tsjnet_mm.io.resume import NOTE, digest_files, encode_note, is_done
from tsjnet_mm.io.text import expect, read_json
from tsjnet_mm.utils import whole_file, write_whole
from tsjnet_mm.version import __version__

from .export_images import build_source
from .export_layouts import build_layout

#: The file that says what an exported dataset is.
MANIFEST = 'dataset.json'
#: Folders of the layouts, which no split may be named as.
_RESERVED = ('annotations', 'VOC2007', 'img_dir', 'ann_dir', 'splits')
_METAINFO = ('classes', 'palette', 'seg_classes', 'seg_palette')


class ExportedSplit(NamedTuple):
    """Result of an export.

    Attributes:
        pairs (int): Images of the split.
        written (int): Images made now, each once, however many layouts there are.
        kept (int): Images that were there already.
        objects (int | None): Boxes of the split; None if the data have none.
    """

    pairs: int
    written: int
    kept: int
    objects: int | None


def export_dataset(
    dataset: PairedFusionDataset,
    out: str | Path,
    split: str,
    images: FusionInferencer | str | Path,
    layout: str | Sequence[str],
    keep_grey: bool = False,
    batch_size: int = 1,
    progress: bool = False,
    preparation: Preparation | None = None,
    overwrite: bool = False,
    **options: Any,
) -> ExportedSplit:
    """Write a split of a dataset with one image for each pair.

    All images are 8-bit RGB PNG. One that the same settings made of files of the same
    content is kept, so an interrupted export is finished by the same call. The files
    that list the images come last. ``out/dataset.json`` lists the contents; further splits
    and layouts may go to the same ``out``.

    Args:
        dataset (PairedFusionDataset): Its pairs, with boxes or masks as the layout needs.
        out (str | Path): Folder of the new dataset, made where missing.
        split (str): Name of the split there.
        images (FusionInferencer | str | Path): What the images are: fused by an inferencer;
            ``'ir'`` or ``'vi'``; or a folder with a fused image of each pair, matched by
            names as :func:`.match_names` does. Other images there are not looked at.
        layout (str | Sequence[str]): ``'coco'``, ``'voc'``, ``'mmseg'``, or several.
        keep_grey (bool): Leave grey fused images grey, and write the inferencer's luma,
            instead of giving them the visible image's chroma. Defaults to False.
        batch_size (int): Pairs that an inferencer fuses at once. Defaults to 1.
        progress (bool): Show a bar on standard error. Defaults to False.
        preparation (Preparation, optional): How pairs are prepared, for ``'ir'`` and an
            inferencer.
        overwrite (bool): Write over files that were not made here; sources are never written
            over. Defaults to False.
        **options: Instead of ``preparation`` its parts, such as ``ir_range``.

    Returns:
        ExportedSplit: Counts.

    Raises:
        ValueError: The layout or the split's name cannot be, the data lack boxes, masks or
            names of classes, ``out`` holds other classes or the sources themselves; or the
            preparation straightens visible images, whose labels would not fit.
        FileNotFoundError: There is no such folder of fused images.
        PairError: A fused image is missing, ambiguous, of another size or unreadable.
    """
    out = Path(out)
    metainfo = {key: dataset.metainfo[key] for key in _METAINFO if key in dataset.metainfo}
    for names, palette in (_METAINFO[:2], _METAINFO[2:]):
        if len(metainfo.get(palette, ())) != len(metainfo.get(names, ())):
            metainfo.pop(palette, None)
    names = [layout] if isinstance(layout, str) else list(layout)
    layouts = [build_layout(name, out, metainfo) for name in names]
    infos = [dataset.get_data_info(index) for index in range(len(dataset))]
    manifest = _read_manifest(out, metainfo)
    _check(layouts, infos, metainfo, split)
    preparation = Preparation.of(preparation, **options)
    if preparation.vi_calibration is not None:
        raise ValueError(
            'the labels are of the visible images as they are stored, and vi_calibration would '
            'straighten only the pixels: export without it'
        )
    source = build_source(
        images, infos, batch_size, {'keep_grey': keep_grey, **vars(preparation)}
    )
    _check_folders(out, infos, source)
    paths = [[item.image_path(split, info['img_id']) for item in layouts] for info in infos]
    outputs = [path for of_pair in paths for path in of_pair]
    for name, item in zip(names, layouts, strict=True):
        if split not in manifest['exports'].get(name, ()):
            outputs += item.label_paths(split, [info['img_id'] for info in infos])
    read = ('ir_path', 'vi_path', 'seg_map_path')
    sources = [info[key] for info in infos for key in read if info.get(key)]
    sources += [path for info in infos for path in source.files(info)]
    check_outputs(outputs, sources, overwrite)
    notes = [
        encode_note({**source.description, 'sources': digest_files(source.files(info))})
        for info in infos
    ]
    left = [
        index
        for index in range(len(infos))
        if not all(is_done(path, notes[index]) for path in paths[index])
    ]
    made = source.make([infos[index] for index in left])
    bar = tqdm(
        zip(left, made, strict=True),
        f'exporting {split}',
        len(infos),
        unit='image',
        initial=len(infos) - len(left),
        disable=not progress,
    )
    for index, image in bar:
        _save_png(image, paths[index], notes[index])
    for item in layouts:
        item.write_labels(split, infos)
    objects = None
    if all('instances' in info for info in infos):
        objects = sum(len(info['instances']) for info in infos)
    for name in names:
        manifest['exports'].setdefault(name, {})[split] = {
            'pairs': len(infos),
            'objects': objects,
            'images': source.description,
            'from': {key: str(path) for key, path in dataset.data_prefix.items()},
        }
    write_whole(out / MANIFEST, json.dumps(manifest, indent=2) + '\n')
    return ExportedSplit(len(infos), len(left), len(infos) - len(left), objects)


def config_lines(out: str | Path, layout: str) -> list[str]:
    """The lines of a config that read an exported dataset.

    Args:
        out (str | Path): Its folder.
        layout (str): 'coco', 'voc' or 'mmseg'.

    Returns:
        list[str]: See :meth:`.ExportLayout.config_lines`.

    Raises:
        ValueError: There is no export of this layout.
    """
    path = Path(out) / MANIFEST
    manifest = _load_manifest(path)
    if layout not in manifest['exports']:
        raise ValueError(f'{path}: expected an export in the layout {layout}, found none')
    metainfo = {key: manifest[key] for key in _METAINFO if key in manifest}
    with expect(path, f'the description of an exported dataset in the layout {layout}'):
        return build_layout(layout, out, metainfo).config_lines([*manifest['exports'][layout]])


def _load_manifest(path):
    expected = 'the description of an exported dataset'
    manifest = read_json(path, expected=expected)
    with expect(path, expected):
        if not all(isinstance(splits, dict) for splits in manifest['exports'].values()):
            raise TypeError('exports of another kind')
    return manifest


def _read_manifest(out, metainfo):
    """The manifest of the dataset, with earlier exports."""
    metainfo = json.loads(json.dumps(metainfo))
    path = out / MANIFEST
    manifest = {'tsjnet_mm': __version__, **metainfo, 'exports': {}}
    if path.exists():
        before = _load_manifest(path)
        for key in ('classes', 'seg_classes'):
            if before.get(key) != metainfo.get(key):
                raise ValueError(
                    f'{path}: expected the {key} {metainfo.get(key)}, found {before.get(key)}: '
                    'export other classes to another folder'
                )
        manifest['exports'] = before['exports']
    return manifest


def _check(layouts, infos, metainfo, split):
    if not re.fullmatch(r'\w[\w.-]*', split) or split in _RESERVED:
        raise ValueError(
            'a split is named by letters, digits, _ . and -, and not '
            f'{" or ".join(_RESERVED)}; got {split!r}'
        )
    for layout in layouts:
        key, words = layout.needs
        lacking = [info['img_id'] for info in infos if key not in info]
        if lacking:
            raise ValueError(
                f'{type(layout).__name__} needs {words}, and the data have none '
                f'(the first pair without is {lacking[0]})'
            )
        if not metainfo.get(layout.names[0]):
            raise ValueError(
                f'{type(layout).__name__} needs names: give {layout.names[0]} in metainfo'
            )
        layout.check(split, [info['img_id'] for info in infos])


def _check_folders(out, infos, source):
    """Never overwrite what is read."""
    folder = out.resolve()
    read = {
        Path(path).parent
        for info in infos
        for path in (info['ir_path'], info['vi_path'], info.get('seg_map_path'))
        if path
    }
    read |= {Path(path).parent for path in source.files(infos[0])}
    for path in sorted(read):
        if path.resolve().is_relative_to(folder):
            raise ValueError(f'{out} holds the images of {path}: export to another folder')


def _save_png(image, paths, note):
    """Write an image as PNG, also to files with another extension."""
    info = PngInfo()
    info.add_text(NOTE, note)
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, 'PNG', pnginfo=info)
    for path in paths:
        with whole_file(path) as partial:
            partial.write_bytes(buffer.getvalue())
