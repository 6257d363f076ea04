"""Command line arguments by which pairs are labelled: boxes, masks and scenes."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from .arguments import add_source_arguments
from .dataset_arguments import add_encoding_argument

if TYPE_CHECKING:
    from tsjnet_mm.io.matching import PairSource

#: As :data:`tsjnet_mm.labels.VIEWS`, which takes long to import.
_VIEWS = ('ir', 'ir-colour', 'vi', 'average', 'fused')


def add_common_arguments(
    parser: argparse.ArgumentParser, out: str, needs_classes: bool = True
) -> None:
    """Add what all kinds of labels need."""
    parser.add_argument('--ir', required=True, help="infrared images: folder or 'pattern'")
    parser.add_argument('--vi', required=True, help='visible images of the same stems')
    parser.add_argument('--out', required=True, type=Path, help=out)
    parser.add_argument(
        '--classes',
        nargs='+',
        required=needs_classes,
        default=[],
        metavar='NAME',
        help='classes of the boxes in the order of their numbers, or msrs, m3fd or llvip',
    )
    parser.add_argument(
        '--pairs', metavar='LIST', help='text file with the stems of the pairs to label'
    )
    parser.add_argument(
        '--review',
        type=Path,
        metavar='DIR',
        help='sheets and confidences (default: OUT_review)',
    )
    parser.add_argument(
        '--overwrite',
        action='store_true',
        help='make all labels again and overwrite existing ones',
    )
    parser.add_argument(
        '--device', help='where networks run, such as cpu or cuda:1 (default: cuda, else cpu)'
    )
    parser.add_argument('--fused', metavar='DIR', help='fused images of the same stems')
    sheets = parser.add_argument_group('sheets')
    sheets.add_argument(
        '--sheet-pairs',
        type=int,
        default=100,
        help='pairs shown; 0: none (default: %(default)s)',
    )
    sheets.add_argument(
        '--sheet-rows', type=int, default=8, help='pairs on a sheet (default: %(default)s)'
    )
    sheets.add_argument(
        '--sheet-order',
        choices=['confidence', 'name'],
        default='confidence',
        help='least certain first, or by name (default: %(default)s)',
    )
    add_source_arguments(parser, percentiles_of='each infrared image')


def add_view_arguments(parser: argparse.ArgumentParser, network: str, default: str) -> None:
    """Add which images a network looks at, and what fuses them."""
    parser.add_argument(
        '--views',
        nargs='+',
        choices=_VIEWS,
        help=f'images for the {network}; ir-colour: infrared with the chroma of the visible '
        f'image, average: the mean of both (default: {default}, and fused if it is given)',
    )
    parser.add_argument(
        '--fusor', metavar='NAME', help='fuse the pairs by this, as tools/fuse.py --model'
    )
    parser.add_argument(
        '--fusor-weights', metavar='FILE', help='checkpoint of the fusor (default: published)'
    )


def add_mask_arguments(parser: argparse.ArgumentParser) -> None:
    """Add how masks are made from boxes, and their classes."""
    add_encoding_argument(parser)
    parser.add_argument(
        '--format',
        choices=['auto', 'yolo', 'voc', 'coco'],
        default='auto',
        help='of the boxes (default: detected from the files)',
    )
    parser.add_argument(
        '--seg-classes',
        nargs='+',
        default=[],
        metavar='NAME',
        help='classes of the masks by index, the first is the background; or msrs (default: '
        'background and --classes)',
    )
    parser.add_argument(
        '--seg-map',
        nargs='+',
        default=[],
        metavar='BOX=MASK',
        help='which mask class each box class is, e.g. van=car; van= leaves it out (default: '
        'by name, where bicycle is bike and person is People)',
    )
    parser.add_argument(
        '--method',
        choices=['grabcut', 'sam'],
        default='grabcut',
        help='sam needs the package transformers and weights (default: %(default)s)',
    )
    parser.add_argument(
        '--sam-weights', metavar='DIR', help='a copy of e.g. facebook/sam-vit-base'
    )
    parser.add_argument(
        '--max-shift',
        type=float,
        default=0.075,
        help='how far the infrared image may be off the boxes, as a share of its width; 0 '
        'for pairs that fit (default: %(default)s)',
    )
    parser.add_argument(
        '--scores', metavar='FILE', help='confidence.json of the boxes, to be multiplied with'
    )


def add_boxes_parser(commands: argparse._SubParsersAction) -> None:
    """The subcommand for boxes."""
    parser = commands.add_parser('boxes', help='boxes by any mmdet detector')
    parser.add_argument(
        '--detector',
        required=True,
        metavar='CONFIG',
        help='config of mmdet, or a joint one (Python code, which is run)',
    )
    parser.add_argument(
        '--checkpoint', required=True, metavar='FILE', help='weights of the detector'
    )
    add_common_arguments(parser, 'folder for label files; for coco a .json file')
    parser.add_argument(
        '--detector-classes',
        nargs='+',
        metavar='NAME',
        help="the detector's classes (default: those that the checkpoint names)",
    )
    parser.add_argument(
        '--label-map',
        nargs='+',
        default=[],
        metavar='DETECTOR=CLASS',
        help="which class each of the detector's is, e.g. truck=car; truck= leaves it out "
        '(default: by name, where bicycle is bike and person is People)',
    )
    add_view_arguments(parser, 'detector', 'ir vi')
    parser.add_argument(
        '--score',
        type=float,
        default=0.5,
        help='lowest confidence that is kept (default: %(default)s)',
    )
    parser.add_argument(
        '--iou',
        type=float,
        default=0.55,
        help='overlap from which boxes of one class are one object (default: %(default)s)',
    )
    parser.add_argument(
        '--format',
        choices=['yolo', 'voc', 'coco'],
        default='yolo',
        help='of the labels (default: %(default)s)',
    )


def add_masks_parser(commands: argparse._SubParsersAction) -> None:
    """The subcommand for masks."""
    parser = commands.add_parser('masks', help='index masks from boxes')
    parser.add_argument(
        '--boxes', required=True, help='labels: a folder of YOLO or VOC files, or a COCO json'
    )
    add_common_arguments(parser, 'folder for masks, <stem>.png')
    add_mask_arguments(parser)


def add_scenes_parser(commands: argparse._SubParsersAction) -> None:
    """The subcommand for masks of whole scenes."""
    parser = commands.add_parser('scenes', help='index masks by any mmseg segmentor')
    parser.add_argument(
        '--segmentor',
        required=True,
        metavar='CONFIG',
        help='config of mmseg, or a joint one or its part (Python code, which is run)',
    )
    parser.add_argument(
        '--checkpoint', required=True, metavar='FILE', help='weights of the segmentor'
    )
    parser.add_argument(
        '--segmentor-classes',
        nargs='+',
        metavar='NAME',
        help="the segmentor's classes (default: those that the checkpoint names)",
    )
    parser.add_argument(
        '--label-map',
        nargs='+',
        default=[],
        metavar='SEGMENTOR=MASK',
        help="which mask class each of the segmentor's is, e.g. truck=car; truck= makes its "
        'pixels 255 (default: by name; others are the background, if there is one)',
    )
    add_view_arguments(parser, 'segmentor', 'vi average')
    parser.add_argument(
        '--smoothing',
        type=float,
        default=0.02,
        help='standard deviation by which the confidence of each view is smoothed before the '
        "views are compared, as a share of the image's width (default: %(default)s)",
    )
    parser.add_argument(
        '--min-probability',
        type=float,
        default=0.6,
        help='pixels of less become 255, which is ignored (default: %(default)s)',
    )
    parser.add_argument(
        '--boxes', help='labels as for masks: masks made from them are drawn over the scenes'
    )
    add_common_arguments(parser, 'folder for masks, <stem>.png', needs_classes=False)
    add_mask_arguments(parser)


def check_views(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    """Choose views where none are given; end with a message where they cannot be made."""
    if args.views is None:
        args.views = ['vi', 'average'] if args.command == 'scenes' else ['ir', 'vi']
        args.views += ['fused'] if args.fused or args.fusor else []
    if len(set(args.views)) < len(args.views):
        parser.error('--views: each view once')
    if args.fused and args.fusor:
        parser.error('give --fused or --fusor, not both')
    if 'fused' in args.views and not (args.fused or args.fusor):
        parser.error('--views fused needs --fused DIR or --fusor NAME')


def check_boxes_arguments(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    """End with a message where options do not go together."""
    if (args.format == 'coco') != (args.out.suffix.lower() == '.json'):
        parser.error('--out must be a .json file for --format coco, and a folder otherwise')
    for name, value in (('--score', args.score), ('--iou', args.iou)):
        if not 0 < value <= 1:
            parser.error(f'{name}: expected more than 0, up to 1, got {value}')


def check_masks_arguments(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    """End with a message where options of masks or scenes cannot be used."""
    if args.method == 'sam' and args.sam_weights is None:
        parser.error('--method sam needs --sam-weights DIR')
    if not 0 <= args.max_shift <= 0.5:
        parser.error(f'--max-shift: expected 0 to 0.5, got {args.max_shift}')
    if args.command != 'scenes':
        return
    if bool(args.boxes) != bool(args.classes):
        parser.error('--boxes and --classes go together')
    if args.scores and not args.boxes:
        parser.error('--scores needs --boxes')
    if not 0 <= args.smoothing <= 0.5:
        parser.error(f'--smoothing: expected 0 to 0.5, got {args.smoothing}')
    if not 0 <= args.min_probability <= 1:
        parser.error(f'--min-probability: expected 0 to 1, got {args.min_probability}')


def select_pairs(path: str | None, pairs: list[PairSource]) -> list[PairSource]:
    """The pairs that a list names, in its order; all where ``path`` is None.

    Raises:
        FileNotFoundError: There is no such list.
        ValueError: The list names a pair that is not there, or one twice, or nothing.
    """
    if path is None:
        return pairs
    from tsjnet_mm.datasets.split_lists import read_list
    from tsjnet_mm.io.text import read_text

    by_name = {pair.name: pair for pair in pairs}
    stems, missing = read_list(path, read_text(path), by_name)
    if missing:
        name, line = next(iter(missing.items()))
        raise ValueError(
            f'{path}, line {line}: expected one of the {len(pairs)} pairs, found {name}'
        )
    return [by_name[stem] for stem in stems]
