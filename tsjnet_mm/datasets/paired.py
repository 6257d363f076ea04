"""The base of all datasets: pairs of files with one stem in two folders."""

import logging
import os
from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import Any

from mmengine.dataset import BaseDataset
from mmengine.dist import is_main_process
from mmengine.logging import print_log
from tqdm import tqdm

from tsjnet_mm.io.errors import PairError
from tsjnet_mm.io.images import check_size, image_size
from tsjnet_mm.io.matching import match_pairs
from tsjnet_mm.io.names import match_names, natural_key
from tsjnet_mm.io.text import read_text, shorten
from tsjnet_mm.utils.words import counted

from .annotations import build_label_reader
from .image_folder import ImageFolder
from .layouts import ANNOTATIONS, MODALITIES, choose_layout, find_annotations, select_labels
from .mask_check import mask_notes
from .split_lists import check_list, read_list, read_names


class PairedFusionDataset(BaseDataset):
    """Registered infrared and visible images, with optional boxes and masks.

    The two images of a pair belong together by name, see :func:`.match_pairs`, and have one
    size; their extensions may differ. Pairs come in natural order, or in that of ``ann_file``.
    Each data_info holds ``ir_path``, ``vi_path``, ``img_path`` (the visible one), ``img_id``
    (the visible stem), ``height`` and ``width``; with boxes ``instances`` (mmdet's, absolute
    corners); with masks ``seg_map_path``. A pair without objects is kept.

    Subclasses name the layouts in which their data are published in ``LAYOUTS``: the first
    whose two image folders exist is taken.

    Args:
        data_root (str): Folder of the data. Defaults to ''.
        split (str, optional): Fills ``{split}`` in the layouts.
        data_prefix (dict, optional): Instead of a known layout, the folders ``ir``, ``vi``
            and optionally ``boxes`` (or a COCO json file) and ``masks`` under ``data_root``.
        ann_file (str): Text file under ``data_root`` that lists the pairs, one stem or file
            name a line, folders before it left aside. Defaults to '': all that are there.
        annotations (str | Collection[str]): Which of 'boxes' and 'masks' to load; those named
            must be there. 'auto' loads those that exist. Defaults to 'auto'.
        label_format (str): 'yolo', 'voc', 'coco', or 'auto' to tell from the files.
            Defaults to 'auto'.
        box_tolerance (float): Pixels by which a box may reach out of its image and be
            clipped; beyond, it is an error. Defaults to 2.
        check (bool): At the start, compare the sizes of both images and the mask from their
            headers, and look for masks that teach nothing. If not, loading compares the sizes.
            Defaults to True.
        any_ir_size (bool): Infrared images may have another size than their visible ones,
            since they are resized or warped when they are loaded. Defaults to False.
        on_error (str): 'raise' a :class:`PairError` at the first pair that cannot be used,
            or 'skip' such pairs and log a count for each reason. Pairs found unreadable
            only when decoded are replaced by others in training; when testing they always
            raise. Defaults to 'raise'.
        encoding (str, optional): Encoding of labels, lists and names of classes that do not
            say their own by a mark or a declaration, such as 'gbk' or 'cp1252'. Defaults to
            UTF-8.
        ir_affix (str | Sequence[str], optional): What names of infrared images add to the
            pair's, see :func:`.match_pairs`.
        vi_affix (str | Sequence[str], optional): The same of visible images.
        metainfo (dict, optional): ``classes`` (names, or a text file of them) and
            ``seg_classes``. Fewer or reordered ``classes`` than the dataset has select
            objects by name.
        filter_cfg (dict, optional): In training, ``filter_empty_gt`` drops pairs without
            objects, ``min_size`` those with a side below it.
        **kwargs: See :class:`mmengine.dataset.BaseDataset`.

    Raises:
        ValueError: An option has no such value, ``classes`` names one that the dataset does
            not have, or no pair is left.
        FileNotFoundError: A folder is missing; lists those looked for.
        PairError: See ``on_error``.
    """

    METAINFO = {}
    LAYOUTS = ()

    def __init__(
        self,
        data_root: str = '',
        split: str | None = None,
        data_prefix: dict | None = None,
        ann_file: str = '',
        annotations: str | Collection[str] = 'auto',
        label_format: str = 'auto',
        box_tolerance: float = 2.0,
        check: bool = True,
        any_ir_size: bool = False,
        on_error: str = 'raise',
        encoding: str | None = None,
        ir_affix: str | Sequence[str] | None = None,
        vi_affix: str | Sequence[str] | None = None,
        metainfo: dict | None = None,
        **kwargs: Any,
    ) -> None:
        if on_error not in ('raise', 'skip'):
            raise ValueError(f"on_error must be 'raise' or 'skip', got {on_error!r}")
        if annotations != 'auto' and not set(annotations) <= set(ANNOTATIONS):
            raise ValueError(
                f"annotations must be 'auto' or some of {ANNOTATIONS}, got {annotations!r}"
            )
        data_prefix = {key: path for key, path in (data_prefix or {}).items() if path}
        unknown = set(data_prefix) - set(MODALITIES + ANNOTATIONS)
        if unknown or (data_prefix and not set(MODALITIES) <= set(data_prefix)):
            raise ValueError(
                'data_prefix must have ir and vi, and may have boxes and masks, '
                f'got {sorted(data_prefix)}'
            )
        self.split = split
        self.annotations = annotations
        self.label_format = label_format
        self.box_tolerance = box_tolerance
        self.check = check
        self.any_ir_size = any_ir_size
        self.on_error = on_error
        self.encoding = encoding
        self.ir_affix, self.vi_affix = ir_affix, vi_affix
        self._sources = None
        self._reported = set()
        metainfo = dict(metainfo or {})
        for key in ('classes', 'seg_classes'):
            if isinstance(metainfo.get(key), str):
                metainfo[key] = self._read_classes(key, metainfo[key])
        super().__init__(
            ann_file=ann_file,
            data_root=data_root,
            data_prefix=data_prefix,
            metainfo=metainfo,
            **kwargs,
        )

    def _read_classes(self, key, path):
        # mmengine takes the path of a file that is not there for a name.
        try:
            return [*read_names(path, self.encoding)]
        except FileNotFoundError:
            raise FileNotFoundError(
                f"{path}: no such file; {key} is a tuple of names, such as ('car',), or the "
                'path of a text file with one a line'
            ) from None

    def load_data_list(self) -> list[dict]:
        """Find the pairs, check them, and parse their boxes.

        Returns:
            list[dict]: A data_info for each pair.
        """
        self.data_prefix = self._find_folders()
        self._sources = {
            key: ImageFolder(path) for key, path in self.data_prefix.items() if key != 'boxes'
        }
        self._match_names()
        if 'boxes' in self.data_prefix:
            self._sources['boxes'] = build_label_reader(
                self.data_prefix['boxes'],
                self._label_map(),
                self.label_format,
                self.box_tolerance,
                self.encoding,
            )
            self._sources['boxes'].assign(self._stems_there(), self._boxes_shared)
        data_list, skipped = [], defaultdict(list)
        stems, missing = self._listed_stems()
        bar = tqdm(
            stems,
            'reading pairs',
            unit='pair',
            delay=3,
            leave=False,
            disable=not is_main_process(),
        )
        for stem in bar:
            try:
                if stem in missing:
                    raise missing[stem]
                data_list.append(self.parse_data_info({'img_id': stem}))
            except PairError as error:
                if self.on_error == 'raise':
                    raise
                skipped[error.reason].append(error)
        for reason, errors in skipped.items():
            self._warn(f'pairs skipped, {reason}: {len(errors)} (the first: {errors[0]})')
        for note in self._sources['boxes'].notes() if 'boxes' in self._sources else ():
            self._warn(note)
        if self.check:
            masks = [info['seg_map_path'] for info in data_list if 'seg_map_path' in info]
            # Those that cannot be used are named one by one where they are skipped.
            of_errors = self.on_error == 'raise'
            for note in mask_notes(masks, self._metainfo.get('seg_classes'), of_errors):
                self._warn(note)
        if not data_list:
            counts = ' and '.join(
                f'{self.data_prefix[key]} ({counted(len(self._sources[key].names), "image")})'
                for key in MODALITIES
            )
            raise ValueError(
                f'{type(self).__name__}: no pair in {counts}, '
                f'{sum(map(len, skipped.values()))} skipped'
            )
        self._sources = None  # else it travels to every worker
        return data_list

    def parse_data_info(self, raw_data_info: dict) -> dict:
        """Find the files of a pair and parse its boxes.

        Args:
            raw_data_info (dict): ``img_id``, the stem.

        Returns:
            dict: The data_info.

        Raises:
            PairError: The pair cannot be used.
        """
        stem = raw_data_info['img_id']
        vi_path = self._sources['vi'].find(stem, 'visible image')
        ir_path = self._sources['ir'].find(stem, 'infrared image')
        size = image_size(vi_path)
        if self.check and not self.any_ir_size:
            check_size(ir_path, size, vi_path)
        info = {
            'img_id': stem,
            'ir_path': ir_path,
            'vi_path': vi_path,
            'img_path': vi_path,
            'height': size[0],
            'width': size[1],
        }
        if 'boxes' in self._sources:
            info['instances'] = self._sources['boxes'](stem, size)
        if 'masks' in self._sources:
            mask_path = self._sources['masks'].find(stem, 'mask', 'missing mask')
            if self.check:
                check_size(mask_path, size, vi_path, 'mask of another size')
            info['seg_map_path'] = mask_path
            if 'seg_classes' in self._metainfo:
                info['num_seg_classes'] = len(self._metainfo['seg_classes'])
        return info

    def filter_data(self) -> list[dict]:
        """Apply ``filter_cfg``, in training only.

        Returns:
            list[dict]: The data_infos that are kept.

        Raises:
            ValueError: None is kept.
        """
        if self.test_mode or not self.filter_cfg:
            return self.data_list
        with_objects = self.filter_cfg.get('filter_empty_gt', False)
        min_size = self.filter_cfg.get('min_size', 0)
        kept = [
            info
            for info in self.data_list
            if min(info['height'], info['width']) >= min_size
            and (not with_objects or info.get('instances'))
        ]
        if not kept:
            raise ValueError(
                f'{type(self).__name__}: filter_cfg {dict(self.filter_cfg)} leaves none of '
                f'{counted(len(self.data_list), "pair")}'
            )
        return kept

    def get_cat_ids(self, idx: int) -> list[int]:
        """Labels of a pair's objects, for mmengine's ClassBalancedDataset.

        Args:
            idx (int): Index of the pair.

        Returns:
            list[int]: One label an object.
        """
        return [item['bbox_label'] for item in self.get_data_info(idx).get('instances', ())]

    def prepare_data(self, idx: int) -> dict | None:
        """Load a pair and send it through the pipeline.

        Args:
            idx (int): Index of the pair.

        Returns:
            dict | None: What the pipeline returns; None, for another pair to be taken, if
            this one cannot be decoded, ``on_error`` is 'skip' and this is no test.

        Raises:
            PairError: The pair cannot be decoded, and it is not skipped.
        """
        try:
            return super().prepare_data(idx)
        except PairError as error:
            if self.on_error == 'raise' or self.test_mode:
                raise
            if idx not in self._reported:
                self._reported.add(idx)
                self._warn(f'pair skipped: {error}')
            return None

    def _find_folders(self):
        """Paths of the folders to read, by their key in ``data_prefix``."""
        given = bool(self.data_prefix)
        layouts = [self.data_prefix] if given else self._layouts()
        chosen = choose_layout(layouts, type(self).__name__)
        layout, template = layouts[chosen], {} if given else self.LAYOUTS[chosen]
        self._boxes_shared = '{split}' in template.get('ir', '') and (
            '{split}' not in template.get('boxes', '')
        )
        wanted = layout if self.annotations == 'auto' else self.annotations
        required = given or self.annotations != 'auto'
        found = find_annotations(layout, wanted, required, type(self).__name__)
        return {**{key: layout[key] for key in MODALITIES}, **found}

    def _layouts(self):
        if self.split is None and any('{split}' in layout['ir'] for layout in self.LAYOUTS):
            raise ValueError(f'{type(self).__name__} needs a split, such as train or test')
        return [
            {
                key: os.path.join(self.data_root or '', path.format(split=self.split))
                for key, path in layout.items()
            }
            for layout in self.LAYOUTS
        ]

    def _label_map(self):
        """Label of each class of the dataset; None for those not in ``metainfo``."""
        wanted = list(self._metainfo.get('classes', ()))
        source = list(self.METAINFO.get('classes', wanted))
        return select_labels(source, wanted, type(self).__name__)

    def _match_names(self):
        """Know each pair by its visible stem, see :func:`.match_pairs`."""
        folders = [self.data_prefix[key] for key in MODALITIES]
        if bool(self._sources['ir'].names) != bool(self._sources['vi'].names):
            return
        try:
            found = match_pairs(*folders, self.ir_affix, self.vi_affix)
        except FileNotFoundError:  # No image in either.
            return
        for key, alone in (('ir', found.ir_only), ('vi', found.vi_only)):
            folder = self._sources[key]
            folder.names = names = defaultdict(list)
            for pair in (*found.pairs, *alone):
                names[pair.name] = [os.path.relpath(getattr(pair, key), folder.path)]
            for group in found.ambiguous:
                for path in group[MODALITIES.index(key)]:
                    name = os.path.relpath(path, folder.path)
                    names[os.path.splitext(name)[0]].append(name)
        if 'masks' in self._sources:
            names = self._sources['masks'].names
            files = [name for alike in names.values() for name in alike]
            partners = match_names([f'{pair.name}.' for pair in found.pairs], files).partners
            names.update({stem.removesuffix('.'): [mask] for stem, mask in partners.items()})

    def _stems_there(self):
        return self._sources['ir'].names.keys() | self._sources['vi'].names.keys()

    def _listed_stems(self):
        """Stems to take, and an error for each that is not there."""
        there = self._stems_there()
        if not self.ann_file:
            return sorted(there, key=natural_key), {}
        text = read_text(self.ann_file, self.encoding)
        stems, missing = read_list(self.ann_file, text, there)
        pairs = self._sources['ir'].names.keys() & self._sources['vi'].names.keys()
        name = type(self).__name__.removesuffix('Dataset').lower()
        for note in check_list(self.ann_file, text, name, pairs):
            self._warn(note)
        folders = ' and '.join(self.data_prefix[key] for key in MODALITIES)
        errors = {
            stem: PairError.of(
                'missing partner',
                f'{self.ann_file}, line {line}, {shorten(stem)}',
                f'the name of a pair in {folders}',
                f'none ({len(missing)} of {len(stems)} names in the list are of no pair there)',
            )
            for stem, line in missing.items()
        }
        return stems, errors

    def _warn(self, message):
        print_log(f'{type(self).__name__}: {message}', 'current', logging.WARNING)
