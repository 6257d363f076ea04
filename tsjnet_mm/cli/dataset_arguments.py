"""Command line arguments that name a dataset."""

from __future__ import annotations

import argparse
import os
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tsjnet_mm.datasets import PairedFusionDataset

#: Datasets by the names that commands give them, and their classes.
DATASETS = {
    'msrs': 'MSRSDataset',
    'm3fd': 'M3FDDataset',
    'llvip': 'LLVIPDataset',
    'roadscene': 'RoadSceneDataset',
    'fmb': 'FMBDataset',
    'folder': 'FolderDataset',
}


def dataset_class(name: str) -> type[PairedFusionDataset]:
    """The class of a dataset, by its key in :data:`DATASETS`."""
    from tsjnet_mm import datasets

    return getattr(datasets, DATASETS[name])


def add_dataset_arguments(
    parser: argparse.ArgumentParser | argparse._ArgumentGroup,
    placeholders: str = '{split} in it stands for the split',
) -> None:
    """Add ``--dataset``, ``--data-root``, ``--pairs``, ``--classes`` and ``--seg-classes``.

    ``--split`` names lists of the package. The help of the paths says what may stand in them:
    ``placeholders``.
    """
    parser.add_argument(
        '--dataset',
        required=True,
        choices=DATASETS,
        help='which; folder: any with ir, vi and labels (YOLO, VOC) or masks, or both',
    )
    parser.add_argument(
        '--data-root',
        required=True,
        metavar='DIR',
        help=f'folder of the dataset; {placeholders}',
    )
    lists = parser.add_mutually_exclusive_group()
    lists.add_argument(
        '--split',
        dest='pairs',
        type=shipped_pairs,
        default=argparse.SUPPRESS,  # That of --pairs; a text would be converted.
        metavar='NAME',
        help='lists of the package instead of --pairs, such as m3fd or roadscene-50 '
        '(docs/datasets.md)',
    )
    lists.add_argument(
        '--pairs',
        default='',
        metavar='FILE',
        help='text file, under DIR unless its path is absolute, with the stems to take, one a '
        f'line; {placeholders} (default: all pairs)',
    )
    parser.add_argument(
        '--classes',
        metavar='NAMES',
        help='classes of the boxes, separated by commas, or a text file with one a line '
        "(default: the dataset's; of a known dataset a selection)",
    )
    parser.add_argument(
        '--seg-classes', metavar='NAMES', help="classes of the masks (default: the dataset's)"
    )
    add_encoding_argument(parser)


def shipped_pairs(name: str) -> str:
    """What ``--pairs`` would say for a split of the package, for argparse."""
    from tsjnet_mm.datasets.shipped_splits import find_split

    try:
        return find_split(name).pattern
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def add_encoding_argument(parser: argparse.ArgumentParser | argparse._ArgumentGroup) -> None:
    """Add ``--encoding``."""
    parser.add_argument(
        '--encoding',
        metavar='NAME',
        help='encoding of labels, lists and names of classes that do not say their own, such '
        'as gbk or cp1252 (default: utf-8)',
    )


def read_names(text: str, encoding: str | None = None) -> tuple[str, ...]:
    """Names of a text file, one a line, or of a text that has them separated by commas.

    Raises FileNotFoundError where a ``.txt`` is not there, TextError where it cannot be read.
    """
    if os.path.isfile(text) or text.lower().endswith('.txt'):
        from tsjnet_mm.datasets import split_lists

        return split_lists.read_names(text, encoding)
    return tuple(name.strip() for name in text.split(',') if name.strip())


def has_splits(args: argparse.Namespace) -> bool:
    """Whether something tells the splits of the dataset apart."""
    patterns = [layout['ir'] for layout in dataset_class(args.dataset).LAYOUTS]
    return any('{split}' in text for text in (*patterns, args.data_root, args.pairs))


def build_dataset(
    args: argparse.Namespace,
    split: str,
    annotations: Collection[str],
    fold: int | str = '',
    **options: Any,
) -> PairedFusionDataset:
    """Build the dataset that the arguments name, in natural order, nothing filtered.

    ``split`` and ``fold`` replace ``{split}`` and ``{fold}`` in paths. ``annotations`` must be
    there: 'boxes', 'masks' or both. ``options`` are others of :class:`.PairedFusionDataset`,
    whose errors it raises.
    """
    metainfo = {
        key: read_names(text, args.encoding)
        for key, text in (('classes', args.classes), ('seg_classes', args.seg_classes))
        if text
    }
    root, pairs = (
        text.replace('{split}', split).replace('{fold}', str(fold))
        for text in (args.data_root, args.pairs)
    )
    return dataset_class(args.dataset)(
        data_root=root,
        split=split,
        ann_file=pairs,
        annotations=sorted(annotations),
        metainfo=metainfo,
        encoding=args.encoding,
        test_mode=True,
        **options,
    )
