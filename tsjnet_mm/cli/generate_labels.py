r"""Make labels for pairs that have none: boxes by a detector, and masks from boxes.

Examples:
    python tools/generate_labels.py boxes --ir mine/ir --vi mine/vi --out mine/labels \
        --classes person bicycle car --detector rtmdet_m_8xb32-300e_coco.py \
        --checkpoint rtmdet_m.pth
    python tools/generate_labels.py boxes --ir IR --vi VI --out boxes.json --format coco \
        --classes m3fd --detector CONFIG --checkpoint FILE --fusor laplacian \
        --views ir vi fused --label-map bus=Truck
    python tools/generate_labels.py masks --ir mine/ir --vi mine/vi --boxes mine/labels \
        --out mine/masks --classes person bicycle car          # by GrabCut, needs no weights
    python tools/generate_labels.py masks --ir MSRS/train/ir --vi MSRS/train/vi \
        --boxes MSRS/train/labels --out MSRS/train/Segmentation_labels \
        --classes msrs --seg-classes msrs
    python tools/generate_labels.py masks ... --method sam --sam-weights sam-vit-base

The folder OUT_review (--review) gets sheets to look at, with the least certain pairs first,
confidence.json with the confidence of each object, and a record of each pair. Look at the
sheets before you train. Run the same command again to finish an interrupted run: complete pairs
are kept, also if you corrected them. Other existing files are overwritten only with
--overwrite. docs/labels.md says how good such labels are.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tsjnet_mm.utils.words import counted

from .arguments import add_source_arguments, check_device, source_preparation
from .dataset_arguments import add_encoding_argument
from .program import ToolParser, tool

if TYPE_CHECKING:
    import numpy as np

    from tsjnet_mm.io.matching import PairSource
    from tsjnet_mm.io.pairs import Pair


def add_common_arguments(parser: argparse.ArgumentParser, out: str) -> None:
    """Add what both kinds of labels need."""
    parser.add_argument('--ir', required=True, help="infrared images: folder or 'pattern'")
    parser.add_argument('--vi', required=True, help='visible images of the same stems')
    parser.add_argument('--out', required=True, type=Path, help=out)
    parser.add_argument(
        '--classes',
        nargs='+',
        required=True,
        metavar='NAME',
        help='classes of the boxes in the order of their numbers, or msrs, m3fd or llvip',
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
    parser.add_argument(
        '--views',
        nargs='+',
        choices=['ir', 'vi', 'fused'],
        help='images for the detector (default: ir vi, and fused if it is given)',
    )
    parser.add_argument(
        '--fusor', metavar='NAME', help='fuse the pairs by this, as tools/fuse.py --model'
    )
    parser.add_argument(
        '--fusor-weights', metavar='FILE', help='checkpoint of the fusor (default: published)'
    )
    parser.add_argument(
        '--score',
        type=float,
        default=0.3,
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


def parse_args() -> argparse.Namespace:
    """Command line."""
    parser = ToolParser(__doc__)
    commands = parser.add_subparsers(dest='command', required=True)
    add_boxes_parser(commands)
    add_masks_parser(commands)
    args = parser.parse_args()
    if args.review is None:
        args.review = args.out.with_name(f'{args.out.stem}_review')
    if not args.sheet_rows >= 1 or args.sheet_pairs < 0:
        parser.error('--sheet-rows must be at least 1, --sheet-pairs at least 0')
    if args.command == 'boxes':
        check_boxes_arguments(parser, args)
    else:
        if args.method == 'sam' and args.sam_weights is None:
            parser.error('--method sam needs --sam-weights DIR')
        if not 0 <= args.max_shift <= 0.5:
            parser.error(f'--max-shift: expected 0 to 0.5, got {args.max_shift}')
    check_device(parser, args)
    return args


def check_boxes_arguments(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    """End with a message where options do not go together."""
    if args.views is None:
        args.views = ['ir', 'vi'] + (['fused'] if args.fused or args.fusor else [])
    if args.fused and args.fusor:
        parser.error('give --fused or --fusor, not both')
    if 'fused' in args.views and not (args.fused or args.fusor):
        parser.error('--views fused needs --fused DIR or --fusor NAME')
    if (args.format == 'coco') != (args.out.suffix.lower() == '.json'):
        parser.error('--out must be a .json file for --format coco, and a folder otherwise')
    for name, value in (('--score', args.score), ('--iou', args.iou)):
        if not 0 < value <= 1:
            parser.error(f'{name}: expected more than 0, up to 1, got {value}')


def make_fuse(
    args: argparse.Namespace, fused: dict[str, str] | None
) -> Callable[[Pair], np.ndarray] | None:
    """Function that returns the fused image of a pair, or None."""
    import torch

    from tsjnet_mm.apis import FusionInferencer
    from tsjnet_mm.io.images import read_visible

    if args.fused:
        return lambda pair: read_visible(fused[pair.name])
    if not args.fusor:
        return None
    inferencer = FusionInferencer(args.fusor, args.fusor_weights, args.device)

    def fuse(pair):
        ir, vi = torch.from_numpy(pair.ir)[None, None], torch.from_numpy(pair.vi)
        return inferencer.fuse(ir, vi.permute(2, 0, 1)[None])[0].permute(1, 2, 0).cpu().numpy()

    return fuse


def make_boxes(
    args: argparse.Namespace, pairs: Sequence[PairSource], fused: dict[str, str] | None
) -> tuple[dict[str, dict], int, dict]:
    """Boxes of all pairs; their records, how many were made now, and what sheets need."""
    from tsjnet_mm.labels import ViewDetector, box_classes, generate_boxes, map_classes

    classes = box_classes(args.classes)
    detector = ViewDetector(args.detector, args.checkpoint, args.detector_classes, args.device)
    named = map_classes(detector.classes, classes, args.label_map, require_all=False)
    missing = [name for index, name in enumerate(classes) if index not in named.values()]
    if missing:
        print(f'note: the detector finds no {", ".join(missing)}: see --label-map')
    mapping = {detector.classes.index(name): label for name, label in named.items()}
    fusor = {'fused': args.fused, 'fusor': args.fusor, 'fusor_weights': args.fusor_weights}
    records, made = generate_boxes(
        detector,
        pairs,
        args.out,
        args.review,
        classes,
        mapping,
        args.views,
        make_fuse(args, fused),
        args.format,
        args.score,
        args.iou,
        {'detector': args.detector, 'checkpoint': args.checkpoint, 'map': named, **fusor},
        args.overwrite,
        preparation=source_preparation(args),
    )
    return records, made, {'classes': classes}


def make_masks(
    args: argparse.Namespace, pairs: Sequence[PairSource]
) -> tuple[dict[str, dict], int, dict]:
    """Masks of all pairs; their records, how many were made now, and what sheets need."""
    from tsjnet_mm.labels import (
        SamMasks,
        box_classes,
        generate_masks,
        grabcut_masks,
        map_classes,
        seg_classes,
    )

    classes = box_classes(args.classes)
    names, palette = seg_classes(args.seg_classes, classes)
    mapping = map_classes(classes, names, args.seg_map)
    if args.method == 'sam':
        maker = SamMasks(args.sam_weights, args.device, args.max_shift)
    else:

        def maker(ir, vi, boxes, names):
            return grabcut_masks(ir, vi, boxes, names, args.max_shift)

    records, made = generate_masks(
        maker,
        pairs,
        args.boxes,
        args.out,
        args.review,
        classes,
        mapping,
        palette,
        args.format,
        args.scores,
        {'method': args.method, 'max_shift': args.max_shift, 'weights': args.sam_weights},
        args.overwrite,
        args.encoding,
        preparation=source_preparation(args),
    )
    masks = {stem: args.out / f'{stem}.png' for stem in records}
    return records, made, {'classes': classes, 'masks': masks, 'palette': palette}


@tool()
def main() -> None:
    """Make the labels, then the sheets; stop with a message at what cannot be used."""
    args = parse_args()

    from tsjnet_mm.io.outputs import check_outputs
    from tsjnet_mm.labels import draw_sheets, find_fused, list_pairs, order_pairs

    pairs = list_pairs(args.ir, args.vi, args.ir_affix, args.vi_affix)
    fused = find_fused(args.fused, pairs) if args.fused else None
    outputs = [args.out / f'{stem}.png' for stem, *_ in pairs]
    check_outputs(outputs, (fused or {}).values(), overwrite=True)
    if args.command == 'boxes':
        records, made, shown = make_boxes(args, pairs, fused)
    else:
        records, made, shown = make_masks(args, pairs)
    print(summarise(args, records, made))
    stems = order_pairs(records, args.sheet_order)[: args.sheet_pairs]
    by_stem = {pair[0]: pair for pair in pairs}
    sheets = draw_sheets(
        args.review,
        [by_stem[stem] for stem in stems],
        records,
        fused=fused,
        rows=args.sheet_rows,
        **shown,
        preparation=source_preparation(args),
    )
    if sheets:
        print(f'look at {sheets[0]}' + (f' and {len(sheets) - 1} more' if sheets[1:] else ''))


def summarise(args: argparse.Namespace, records: dict[str, dict], made: int) -> str:
    """A line on what there is now."""
    objects = [item for record in records.values() for item in record['objects']]
    found = f'{counted(len(objects), "object")} in {counted(len(records), "pair")}'
    line = f'{args.command} of {found} in {args.out}'
    if len(records) > made:
        line += f', {counted(len(records) - made, "pair was", "pairs were")} there already'
    guesses = sum(item.get('method') == 'ellipse' for item in objects)
    if guesses:
        line += f'; {counted(guesses, "mask is", "masks are")} a guess, as no outline was found'
    return line
