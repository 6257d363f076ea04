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
    """The class of a dataset.

    Args:
        name (str): A key of :data:`DATASETS`.

    Returns:
        type[PairedFusionDataset]: The class.
    """
    from tsjnet_mm import datasets

    return getattr(datasets, DATASETS[name])


def add_dataset_arguments(
    parser: argparse.ArgumentParser | argparse._ArgumentGroup,
    placeholders: str = '{split} in it stands for the split',
) -> None:
    """Add what names a dataset.

    Args:
        parser (argparse.ArgumentParser | argparse._ArgumentGroup): Gets ``--dataset``,
            ``--data-root``, ``--pairs``, ``--classes`` and ``--seg-classes``.
        placeholders (str): What may stand in the paths, for the help.
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
    parser.add_argument(
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


def add_encoding_argument(parser: argparse.ArgumentParser | argparse._ArgumentGroup) -> None:
    """Add ``--encoding``.

    Args:
        parser (argparse.ArgumentParser | argparse._ArgumentGroup): Gets it.
    """
    parser.add_argument(
        '--encoding',
        metavar='NAME',
        help='encoding of labels, lists and names of classes that do not say their own, such '
        'as gbk or cp1252 (default: utf-8)',
    )


def read_names(text: str, encoding: str | None = None) -> tuple[str, ...]:
    """Names of a text file, one a line, or separated by commas.

    Args:
        text (str): The names, or the file's path.
        encoding (str, optional): See :func:`~tsjnet_mm.io.text.read_text`.

    Returns:
        tuple[str, ...]: Without those that are empty.

    Raises:
        FileNotFoundError: It is the path of a text file that is not there.
        TextError: The file cannot be read.
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
    """Build the dataset that the arguments name.

    Args:
        args (argparse.Namespace): See :func:`add_dataset_arguments`.
        split (str): Its split, put in for ``{split}``.
        annotations (Collection[str]): 'boxes', 'masks' or both, which must be there.
        fold (int | str): Put in for ``{fold}``. Defaults to nothing.
        **options: Others of :class:`.PairedFusionDataset`.

    Returns:
        PairedFusionDataset: In natural order, nothing filtered.

    Raises:
        ValueError, FileNotFoundError, PairError: See :class:`.PairedFusionDataset`.
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
