r"""Make labels for pairs that have none: boxes, masks from boxes, and masks of scenes.

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
    python tools/generate_labels.py scenes --ir mine/ir --vi mine/vi --out mine/masks \
        --segmentor CONFIG --checkpoint FILE --seg-classes msrs \
        --label-map rider=person truck=car bus=car motorcycle=bike \
        --boxes mine/labels --classes msrs           # masks from boxes are drawn over them

The folder OUT_review (--review) gets sheets to look at, with the least certain pairs first,
confidence.json with the confidence of each object, and a record of each pair. Look at the
sheets before you train. Run the same command again to finish an interrupted run: complete pairs
are kept, also if you corrected them. Other existing files are overwritten only with
--overwrite. docs/labels.md says how good such labels are.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from tsjnet_mm.utils.words import counted

from .arguments import check_device, source_preparation
from .label_arguments import (
    add_boxes_parser,
    add_masks_parser,
    add_scenes_parser,
    check_boxes_arguments,
    check_masks_arguments,
    check_views,
    select_pairs,
)
from .program import ToolParser, tool

if TYPE_CHECKING:
    import numpy as np

    from tsjnet_mm.io.matching import PairSource
    from tsjnet_mm.io.pairs import Pair
    from tsjnet_mm.labels import SceneLabeller


def parse_args() -> argparse.Namespace:
    """Command line."""
    parser = ToolParser(__doc__)
    commands = parser.add_subparsers(dest='command', required=True)
    add_boxes_parser(commands)
    add_masks_parser(commands)
    add_scenes_parser(commands)
    args = parser.parse_args()
    if args.review is None:
        args.review = args.out.with_name(f'{args.out.stem}_review')
    if not args.sheet_rows >= 1 or args.sheet_pairs < 0:
        parser.error('--sheet-rows must be at least 1, --sheet-pairs at least 0')
    if args.command != 'masks':
        check_views(parser, args)
    if args.command == 'boxes':
        check_boxes_arguments(parser, args)
    else:
        check_masks_arguments(parser, args)
    check_device(parser, args)
    return args


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
        {
            'detector': args.detector,
            'checkpoint': args.checkpoint,
            'map': named,
            **fusor_settings(args),
        },
        args.overwrite,
        preparation=source_preparation(args),
    )
    return records, made, {'classes': classes}


def fusor_settings(args: argparse.Namespace) -> dict[str, str | None]:
    """What made the fused images, for records."""
    return {name: getattr(args, name) for name in ('fused', 'fusor', 'fusor_weights')}


def build_scenes(
    args: argparse.Namespace, fused: dict[str, str] | None
) -> tuple[SceneLabeller, list[str], list[tuple[int, int, int]], dict]:
    """What labels scenes, the classes of the masks and their colours, and its settings."""
    from tsjnet_mm.labels import SceneLabeller, ViewSegmentor, scene_indices, seg_classes

    segmentor = ViewSegmentor(
        args.segmentor, args.checkpoint, args.segmentor_classes, args.device
    )
    names, palette = seg_classes(args.seg_classes or segmentor.classes, [])
    indices = scene_indices(segmentor.classes, names, args.label_map)
    labeller = SceneLabeller(
        segmentor.probabilities,
        indices,
        args.views,
        make_fuse(args, fused),
        args.smoothing,
        args.min_probability,
    )
    kept = 'segmentor', 'checkpoint', 'views', 'smoothing', 'min_probability', 'boxes'
    settings = {name: getattr(args, name) for name in kept}
    settings['label_map'] = dict(zip(segmentor.classes, indices, strict=True))
    return labeller, names, palette, {**settings, **fusor_settings(args)}


def make_masks(
    args: argparse.Namespace, pairs: Sequence[PairSource], fused: dict[str, str] | None
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
    scene, settings = None, {}
    if args.command == 'scenes':
        scene, names, palette, settings = build_scenes(args, fused)
    else:
        names, palette = seg_classes(args.seg_classes, classes)
    mapping = map_classes(classes, names, args.seg_map) if classes else {}
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
        {
            'method': args.method,
            'max_shift': args.max_shift,
            'weights': args.sam_weights,
            **settings,
        },
        args.overwrite,
        args.encoding,
        scene,
        preparation=source_preparation(args),
    )
    masks = {stem: args.out / f'{stem}.png' for stem in records}
    if scene:
        print(describe_shares(records, names))
    return records, made, {'classes': classes, 'masks': masks, 'palette': palette}


def describe_shares(records: dict[str, dict], names: Sequence[str]) -> str:
    """A line on the shares of the pixels that classes have and views decided."""
    totals = {'shares': {}, 'sources': {}}
    for record in records.values():
        for kind, found in totals.items():
            for name, share in record[kind].items():
                found[name] = found.get(name, 0) + share / len(records)
    called = {**dict(enumerate(names)), 255: 'uncertain'}
    classes = [
        f'{called[int(index)]} {100 * share:.2f} %'
        for index, share in sorted(totals['shares'].items(), key=lambda item: int(item[0]))
    ]
    views = [f'{view} {100 * share:.0f} %' for view, share in totals['sources'].items()]
    return f'pixels: {", ".join(classes)}; decided by {", ".join(views)}'


@tool()
def main() -> None:
    """Make the labels, then the sheets; stop with a message at what cannot be used."""
    args = parse_args()

    from tsjnet_mm.io.outputs import check_outputs
    from tsjnet_mm.labels import draw_sheets, find_fused, list_pairs, order_pairs

    pairs = list_pairs(args.ir, args.vi, args.ir_affix, args.vi_affix)
    pairs = select_pairs(args.pairs, pairs)
    fused = find_fused(args.fused, pairs) if args.fused else None
    outputs = [args.out / f'{stem}.png' for stem, *_ in pairs]
    others = [args.pairs] if args.pairs else []
    check_outputs(outputs, [*(fused or {}).values(), *others], overwrite=True)
    if args.command == 'boxes':
        records, made, shown = make_boxes(args, pairs, fused)
    else:
        records, made, shown = make_masks(args, pairs, fused)
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
    kind = 'boxes' if args.command == 'boxes' else 'masks'
    line = f'{kind} of {found} in {args.out}'
    if len(records) > made:
        line += f', {counted(len(records) - made, "pair was", "pairs were")} there already'
    guesses = sum(item.get('method') == 'ellipse' for item in objects)
    if guesses:
        line += f'; {counted(guesses, "mask is", "masks are")} a guess, as no outline was found'
    return line
