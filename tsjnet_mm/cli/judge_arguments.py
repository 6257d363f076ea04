"""Command line arguments of a network that is judged, and of the labels it is judged by."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tsjnet_mm.io.text import read_text

from .dataset_arguments import add_encoding_argument, read_names

if TYPE_CHECKING:
    from tsjnet_mm.apis.task_networks import TaskNetwork
    from tsjnet_mm.datasets import PairedFusionDataset


def add_judge_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what names the labels and the network, such as ``--boxes`` and ``--config``."""
    data = parser.add_argument_group('truth')
    data.add_argument(
        '--boxes', metavar='LABELS', help='folder of boxes (YOLO, VOC), or a COCO json'
    )
    data.add_argument('--masks', metavar='DIR', help='folder of index masks')
    for option, words in (('--classes', 'boxes'), ('--seg-classes', 'masks')):
        data.add_argument(
            option,
            metavar='NAMES',
            help=f'classes of the {words}, separated by commas, or a text file with one a line',
        )
    data.add_argument(
        '--night', metavar='LIST', help='text file with the stems of those taken at night'
    )
    add_encoding_argument(data)
    network = parser.add_argument_group('network')
    network.add_argument('--config', help='a file, or mmdet::folder/name.py')
    network.add_argument('--weights', help="its checkpoint, an address, or 'published'")
    network.add_argument(
        '--detector-classes',
        '--segmentor-classes',
        dest='network_classes',
        nargs='+',
        metavar='NAME',
        help='its classes, where neither checkpoint nor config names them',
    )
    network.add_argument(
        '--map',
        nargs='+',
        default=[],
        metavar='NETWORK=TRUTH',
        help='classes that belong together; NETWORK= leaves one out',
    )


def check_truth(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    """End with a message where labels of ``args.task`` are missing, or half of the network."""
    truth = ('boxes', 'classes') if args.task == 'detection' else ('masks', 'seg_classes')
    for name in truth:
        if not getattr(args, name):
            parser.error(f'{args.task} needs --{name.replace("_", "-")}')
    if bool(args.config) != bool(args.weights):
        parser.error('--config and --weights go together')


def build_labelled_pairs(args: argparse.Namespace) -> PairedFusionDataset:
    """The pairs with boxes or masks that the arguments name; see :class:`.FolderDataset`."""
    from tsjnet_mm.datasets import FolderDataset

    is_detection = args.task == 'detection'
    key, names = ('boxes', args.classes) if is_detection else ('masks', args.seg_classes)
    for path in (args.ir, args.vi, getattr(args, key), args.pairs):
        if path and not os.path.exists(path):
            raise FileNotFoundError(f'{path}: no such file or folder')
    prefix = {name: os.path.abspath(getattr(args, name)) for name in ('ir', 'vi', key)}
    classes = read_names(names, args.encoding)
    return FolderDataset(
        data_prefix=prefix,
        ann_file=os.path.abspath(args.pairs) if args.pairs else '',
        annotations=[key],
        metainfo={'classes' if key == 'boxes' else 'seg_classes': classes},
        any_ir_size=bool(args.resize or args.warp),
        encoding=args.encoding,
        ir_affix=args.ir_affix,
        vi_affix=args.vi_affix,
        test_mode=True,
    )


def build_network(args: argparse.Namespace) -> TaskNetwork | None:
    """The network that the arguments name, or None; see :class:`.TaskNetwork`."""
    if not args.config:
        return None
    from tsjnet_mm.apis.task_networks import ViewDetector, ViewSegmentor

    kind = ViewDetector if args.task == 'detection' else ViewSegmentor
    network = kind(args.config, args.weights, args.network_classes, args.device)
    if network.fuses:
        raise ValueError(
            f"{args.config} has a fusor of its own and would not see the methods' images: give "
            'the config of its network alone'
        )
    return network


def read_nights(path: str, names: Sequence[str]) -> list[str]:
    """Stems of a list, all of which must be among ``names``, or a ValueError says which."""
    from tsjnet_mm.datasets.split_lists import read_list

    stems, missing = read_list(path, read_text(path), names)
    if missing:
        raise ValueError(f'{path}: {next(iter(missing))} is none of the pairs')
    return stems


def network_title(args: argparse.Namespace) -> str:
    """What tables call the network."""
    return Path(args.config).stem if args.config else 'a detector elsewhere'
