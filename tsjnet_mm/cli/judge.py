r"""Does fusion help the detector I have? Run it as it is, untrained, on each method's images.

Examples:
    python tools/judge.py detection --ir MSRS/test/ir --vi MSRS/test/vi \
        --boxes MSRS/test/labels --classes person,bicycle,car \
        --config mmdet::yolox/yolox_tiny_8xb8-300e_coco.py --weights yolox_tiny.pth \
        --methods SeAFusion=out/SeAFusion mine=out/mine --out work_dirs/judged
    python tools/judge.py detection --ir IR --vi VI --boxes LABELS --classes person,car \
        --config mine.py --weights mine.pth --out work_dirs/judged --reference average \
        --models average max laplacian tsjnet-light seafusion=fusionmodel_final.pth
    python tools/judge.py segmentation --ir IR --vi VI --masks MASKS --seg-classes names.txt \
        --config mine.py --weights mine.pth --map rider=person truck=car bus=car \
        --methods mine=out/mine --out work_dirs/judged
    python tools/judge.py detection --ir IR --vi VI --boxes LABELS --classes person,car \
        --predictions visible=vi.json infrared=ir.json mine=mine.json --out work_dirs/judged

The network is any of mmdet or mmseg, with its config (Python code, which is run) and its
checkpoint. Nothing is trained. Rows of the visible and the infrared images alone are always
there. --methods names folders of fused images, --models methods that are fused here (see
tools/benchmark_zoo.py). Classes of the same meaning belong together (bicycle and bike); --map
adds others, and what is found of further classes does not count.

Detections are scored by COCO's AP at an IoU of 0.5: of each class, by day and night, and by
size of objects (COCO's: below 32x32 pixels small, above 96x96 large). Segmentors are scored by
the IoU of each class. Pairs are day or night by the last letter of their names, if all end with
D or N as those of MSRS, or else by the mean luma of the visible image; --night names a list of
those at night. Intervals are 95 % of a bootstrap over images; the same images are drawn for
each method, so that differences are paired. They take images as independent, as frames of one
video are not.

OUT gets table.md, judged.json (all scores with intervals), found/ (what the network found; a
second run only looks at new images), for detectors truth.json and predictions/ROW.bbox.json
(COCO), and fused/ (--models). --predictions scores what another detector found instead: lists
of COCO results, whose image_id and category_id are numbers of truth.json (pairs and classes
from 1 on, in their order) or the names of pairs and classes.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from tsjnet_mm.utils.files import write_whole

from .arguments import (
    add_method_paths,
    add_pair_folders,
    add_source_arguments,
    check_device,
    source_options,
    unique_names,
)
from .benchmark_zoo import parse_model
from .judge_arguments import (
    add_judge_arguments,
    build_labelled_pairs,
    build_network,
    check_truth,
    network_title,
    read_nights,
)
from .program import ToolParser, tool


def parse_args() -> tuple[ToolParser, argparse.Namespace]:
    """Command line."""
    parser = ToolParser(__doc__)
    parser.add_argument(
        'task', choices=['detection', 'segmentation'], help='task of the network'
    )
    add_pair_folders(parser)
    parser.add_argument(
        '--out', required=True, type=Path, metavar='OUT', help='folder to write'
    )
    parser.add_argument(
        '--pairs', metavar='LIST', help='text file with the stems of the pairs to use'
    )
    parser.add_argument('--device', help='where to compute (default: cuda, else cpu)')
    add_judge_arguments(parser)
    rows = parser.add_argument_group('rows')
    add_method_paths(rows, '--methods', 'folder of fused images for each method')
    rows.add_argument(
        '--models',
        nargs='+',
        type=parse_model,
        default=[],
        metavar='MODEL',
        help='methods to fuse by: MODEL, MODEL=WEIGHTS or ROW=MODEL=WEIGHTS',
    )
    words = 'instead of a network: COCO results of each row, also of visible and infrared'
    add_method_paths(rows, '--predictions', words, 'ROW=FILE')
    rows.add_argument(
        '--reference',
        nargs='+',
        default=['visible'],
        metavar='ROW',
        help='rows that the others are compared with (default: visible)',
    )
    rows.add_argument(
        '--resamples', type=int, default=1000, metavar='N', help='default: %(default)s'
    )
    rows.add_argument('--seed', type=int, default=0, help='of the resamples (default: 0)')
    add_source_arguments(parser, percentiles_of='each infrared image')
    parser.set_defaults(overwrite=False)
    return parser, parser.parse_args()


def check_judge_arguments(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    """End with a message where something is missing, or does not go together."""
    check_truth(parser, args)
    if args.predictions:
        if args.config or args.methods or args.models:
            parser.error(
                '--predictions are of a detector elsewhere: leave out --config, --methods and '
                '--models, or --predictions'
            )
        if args.task != 'detection':
            parser.error('--predictions are of a detector: the task is detection')
    elif not args.config:
        parser.error('expected --config and --weights, or --predictions')
    if args.resamples < 100:
        parser.error(f'--resamples must be at least 100, got {args.resamples}')


@tool()
def main() -> None:
    """Fuse, look, score, and write the tables."""
    parser, args = parse_args()
    check_judge_arguments(parser, args)
    check_device(parser, args)
    judge_rows(args)


def judge_rows(args: argparse.Namespace) -> None:
    """Do what :func:`main` says, with arguments that were checked."""
    from tsjnet_mm.io.outputs import check_outputs
    from tsjnet_mm.io.resume import write_record
    from tsjnet_mm.protocols.benchmark import ZooBenchmark
    from tsjnet_mm.protocols.judging import Judge
    from tsjnet_mm.protocols.judging_tables import all_tables

    models = unique_names('model', args.models)
    named = unique_names('row', [*args.methods, *args.models, *args.predictions])
    unknown = [name for name in args.reference if name not in {'visible', 'infrared', *named}]
    if unknown:
        raise ValueError(f'--reference {unknown[0]} is no row: visible, infrared, {[*named]}')
    check_outputs([args.out / 'judged.json'], overwrite=args.overwrite)
    options = source_options(args)
    dataset = build_labelled_pairs(args)
    network = build_network(args)
    methods = dict(args.methods)
    if models:
        names = [dataset.get_data_info(index)['img_id'] for index in range(len(dataset))]
        zoo = ZooBenchmark(models, args.ir, args.vi, args.out, names, **options)
        zoo.fuse(args.device)
        methods |= {row: zoo.folder(row) for row in models}
    judge = Judge(
        dataset,
        methods,
        network,
        args.out,
        dict(args.predictions),
        args.map,
        options['preparation'],
    )
    nights = read_nights(args.night, judge.names) if args.night else None
    judgement = judge.judge(args.resamples, args.seed, nights)
    title = network_title(args)
    write_record(args.out / 'judged.json', {'network': title}, judgement.to_dict())
    table = all_tables(judgement, title, args.reference, 'markdown')
    write_whole(args.out / 'table.md', table + '\n')
    print(all_tables(judgement, title, args.reference))
    print(f'written: {args.out}')
