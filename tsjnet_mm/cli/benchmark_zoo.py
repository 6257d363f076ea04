r"""Fuse a data set with many methods, and print quality and cost in one table.

Examples:
    python tools/benchmark_zoo.py --ir MSRS/test/ir --vi MSRS/test/vi --out work_dirs/zoo \
        --models laplacian average max seafusion=fusionmodel_final.pth tardal=tardal.pt \
        tsjnet-light mine=tsjnet-light=epoch_40.pth --highlight tsjnet-light
    python tools/benchmark_zoo.py --ir RoadScene/ir --vi RoadScene/vi --out OUT \
        --pairs configs/_base_/datasets/splits/roadscene_heldout.txt --models average max
    python tools/benchmark_zoo.py --ir IR --vi VI --out OUT --models average laplacian \
        --metrics SSIM VIF MSE --convention cddfuse --skip-costs
    python tools/benchmark_zoo.py --ir IR --vi VI --out OUT --models average laplacian \
        --boxes LABELS --classes person,car --config mine.py --weights mine.pth
    python tools/benchmark_zoo.py --protocol ivif-1.json --data data --out work_dirs/ivif-1 \
        --models tsjnet-light seafusion=fusionmodel_final.pth
    python tools/benchmark_zoo.py --out work_dirs/ivif-1 --add mymethod=results/mymethod

A model is MODEL, MODEL=WEIGHTS or ROW=MODEL=WEIGHTS: a method without weights (average, max,
laplacian, ...), tsjnet-light (its weights are shipped), a published network with the file that
its authors give (docs/models.md lists them), or a config file (Python code, which is run).
ROW names it in the table.

By default the methods are compared by 13 metrics: SSIM, PSNR, MSE, CC, CV as the
paper's authors compute them (convention tsjnet), and VIFp, Qabf, SF, SD, EN, AG, SCD, MI as
their own papers define them (plain).

With --config and --weights a detector of mmdet (--boxes) or a segmentor of mmseg (--masks)
looks at each method's images. Its mean score is a column of the table that the mean rank leaves
out. The other tables of tools/judge.py, with rows of both sources, follow.

--add NAME=DIR adds images that were fused elsewhere. They are refused if an image is missing or
superfluous, or has another size or more than 8 bits, or if all are stretched.

With --protocol the file decides data, pairs, metrics and settings (docs/zoo.md explains it).
OUT gets results.json with the protocol's SHA-256 and every value of every image, and table.md:
no mean over all columns, but a rank in each group of them, with an interval. A later run with
the same OUT adds its rows. The same images give the same results.

Without it OUT gets fused/ROW/ with the images, results_CONVENTION.json (every value of every
image, for tools/analysis_tools), costs.json, table.md, radar_CONVENTION.pdf and grid.png. A
second run keeps images of the same weights and sources, their values and their costs, so that
only new methods take time (delete results_*.json and costs.json to measure again). The costs
are those of the network in fp32 on the CPU. Each network has its own process, and the memory
includes Python and libraries. The networks run in turn, and the time is a median.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from tsjnet_mm.io.text import read_text
from tsjnet_mm.utils.files import write_whole
from tsjnet_mm.utils.metric_names import CONVENTIONS, resolve_metrics
from tsjnet_mm.utils.parallel import available_cores

from .arguments import (
    add_overwrite_argument,
    add_pair_folders,
    add_source_arguments,
    check_device,
    parse_size,
    source_options,
    unique_names,
)
from .figure_scenes import read_scene
from .judge_arguments import (
    add_judge_arguments,
    build_labelled_pairs,
    build_network,
    check_truth,
    network_title,
    read_nights,
)
from .program import ToolParser, tool
from .protocol_arguments import (
    add_protocol_arguments,
    check_protocol_arguments,
    is_protocol_run,
    run_protocol,
)

if TYPE_CHECKING:
    from tsjnet_mm.evaluation.results import EvaluationResults
    from tsjnet_mm.protocols.benchmark import ZooBenchmark
    from tsjnet_mm.protocols.judging import Judgement

#: A radar chart has room for so many metrics; of more it takes these.
_RADAR_AXES = 10
_RADAR = ('SSIM', 'PSNR', 'CC', 'CV', 'VIF', 'Qabf', 'SF', 'SD', 'EN')
_GRID_SCENES = 4


def parse_model(text: str) -> tuple[str, tuple[str, str | None]]:
    """Parse MODEL, MODEL=WEIGHTS or ROW=MODEL=WEIGHTS."""
    parts = text.split('=')
    if not all(parts) or len(parts) > 3:
        raise argparse.ArgumentTypeError(
            f'expected MODEL, MODEL=WEIGHTS or ROW=MODEL=WEIGHTS, got {text!r}'
        )
    if len(parts) == 3:
        return parts[0], (parts[1], parts[2])
    return Path(parts[0]).stem, (parts[0], parts[1] if len(parts) == 2 else None)


def parse_args() -> tuple[ToolParser, argparse.Namespace]:
    """Command line."""
    parser = ToolParser(__doc__)
    add_pair_folders(parser, required=False)
    parser.add_argument(
        '--models',
        nargs='+',
        default=[],
        type=parse_model,
        metavar='MODEL',
        help='see above',
    )
    parser.add_argument(
        '--out', required=True, type=Path, metavar='OUT', help='folder to write'
    )
    parser.add_argument(
        '--metrics',
        nargs='+',
        metavar='METRIC',
        help="with --convention: names, or 'all' or 'paper' (default: all)",
    )
    parser.add_argument(
        '--convention',
        choices=CONVENTIONS,
        help='compare by metrics of this convention instead of the 13',
    )
    parser.add_argument(
        '--pairs',
        metavar='LIST',
        help='text file with the stems of the pairs to use, one per line',
    )
    parser.add_argument('--highlight', metavar='ROW', help='row to highlight in the figures')
    parser.add_argument('--device', help='device for fusing (default: the GPU if there is one)')
    parser.add_argument(
        '--workers',
        type=int,
        default=available_cores(),
        metavar='N',
        help='processes that measure (default: %(default)s)',
    )
    parser.add_argument(
        '--size',
        type=parse_size,
        default=(640, 480),
        metavar='WIDTHxHEIGHT',
        help='pair to time (default: 640x480)',
    )
    parser.add_argument(
        '--repeats', type=int, default=5, metavar='N', help='number of timed runs (default: 5)'
    )
    parser.add_argument(
        '--threads', type=int, default=2, metavar='N', help='of each network (default: 2)'
    )
    add_source_arguments(parser, percentiles_of='each infrared image')
    add_overwrite_argument(parser)
    add_judge_arguments(parser)
    add_protocol_arguments(parser)
    parser.add_argument('--skip-costs', action='store_true', help='measure only the quality')
    return parser, parser.parse_args()


def cost_table(costs: dict[str, dict[str, float]], size: tuple[int, int], style: str) -> str:
    """Table of what each network costs."""
    from tsjnet_mm.evaluation.table import format_ranked

    rows = {
        row: {
            'parameters (K)': cost['parameters'] / 1e3,
            'GMACs': cost['gmacs'],
            'memory (GB)': cost['gigabytes'],
            'time (s)': cost['seconds'],
        }
        for row, cost in costs.items()
    }
    title = f'cost of a {size[0]}x{size[1]} pair in fp32 on the CPU'
    return format_ranked(rows, title, lambda name: False, style)


def draw(
    benchmark: ZooBenchmark, results: dict[str, EvaluationResults], highlight: str | None
) -> None:
    """Radar charts and grid of scenes."""
    from tsjnet_mm.visualization import (
        differing_windows,
        grid_figure,
        radar_figure,
        save_figure,
    )

    for convention, result in results.items():
        names = result.metrics
        if len(names) > _RADAR_AXES:
            names = [name for name in _RADAR if name in names]
        means = {
            row: {name: values[name] for name in names}
            for row, values in result.means().items()
        }
        if len(means) > 1 and len(names) > 2:
            figure = radar_figure(means, convention, highlight)
            save_figure(figure, benchmark.out / f'radar_{convention}.pdf')
    folders = benchmark.folders
    files = benchmark.find_files(folders)
    step = max(1, len(files) // _GRID_SCENES)
    files = files[step // 2 :: step][:_GRID_SCENES]
    rows = [read_scene(item) for item in files]
    regions = [differing_windows(row[2:] if len(folders) > 1 else row) for row in rows]
    titles = ['Infrared', 'Visible', *folders]
    names = [item.image for item in files]
    figure = grid_figure(rows, titles, regions, names, highlight)
    save_figure(figure, benchmark.out / 'grid.png')


def judge_methods(
    benchmark: ZooBenchmark, args: argparse.Namespace
) -> tuple[str, dict[str, float], Judgement]:
    """Run the network of the arguments on all methods' images.

    Returns the name of a column, its value for each row, and the whole judgement.
    """
    from tsjnet_mm.protocols.judging import Judge

    dataset, network = build_labelled_pairs(args), build_network(args)
    folders = benchmark.folders
    judge = Judge(
        dataset,
        folders,
        network,
        args.out / 'judged',
        class_map=args.map,
        preparation=source_options(args)['preparation'],
    )
    nights = read_nights(args.night, judge.names) if args.night else None
    judgement = judge.judge(nights=nights)
    values = {row: 100 * judgement.score(row).value for row in folders}
    return f'{judgement.measure} of {network_title(args)}', values, judgement


@tool()
def main() -> None:
    """Fuse, measure, time, and write table and figures."""
    parser, args = parse_args()
    check_protocol_arguments(parser, args)
    if is_protocol_run(args):
        check_device(parser, args)
        _, path = run_protocol(args)
        print(f'written: {path}')
        return

    from tsjnet_mm.datasets.split_lists import read_list
    from tsjnet_mm.io.matching import find_pairs
    from tsjnet_mm.io.outputs import check_outputs, list_read
    from tsjnet_mm.protocols.benchmark import ZooBenchmark, comparison_table
    from tsjnet_mm.protocols.submission import refuse_misfits

    check_device(parser, args)
    args.task = 'detection' if args.boxes or not args.masks else 'segmentation'
    if args.config or args.weights:
        check_truth(parser, args)
    if args.metrics and not args.convention:
        parser.error('--metrics needs --convention: the same names mean different numbers')
    models = dict(args.models)
    if len(models) != len(args.models):
        raise ValueError('two models have one row: name one by ROW=MODEL=WEIGHTS')
    images = unique_names('row', args.add)
    rows = [*models, *images]
    if args.highlight and args.highlight not in rows:
        raise ValueError(f'--highlight {args.highlight} is none of {", ".join(rows)}')
    metrics, pairs = None, None
    if args.convention:
        metrics = {args.convention: resolve_metrics(args.metrics or 'all', args.convention)}
    if args.pairs:
        there = [
            stem for stem, *_ in find_pairs(args.ir, args.vi, args.ir_affix, args.vi_affix)
        ]
        pairs, _ = read_list(args.pairs, read_text(args.pairs), there)
    figures = [args.out / f'radar_{name}.pdf' for name in CONVENTIONS]
    files = [args.out / f'results_{name}.json' for name in CONVENTIONS]
    files += [args.out / 'table.md', args.out / 'costs.json', args.out / 'grid.png', *figures]
    weights = [path for _, path in models.values()]
    read = list_read(args.ir, args.vi, args.warp, args.pairs, *weights, *images.values())
    check_outputs(files, read, args.overwrite)
    benchmark = ZooBenchmark(
        models,
        args.ir,
        args.vi,
        args.out,
        pairs,
        overwrite=args.overwrite,
        images=images,
        **source_options(args),
    )
    refuse_misfits(images, benchmark.find_pairs(), models)
    benchmark.fuse(args.device)
    results = benchmark.evaluate(metrics, args.workers)
    machines = {}
    tables = [lambda style='text': comparison_table(results, style, machines)]
    if args.config:
        from tsjnet_mm.protocols.judging_tables import all_tables

        column, values, judgement = judge_methods(benchmark, args)
        machines[column] = values
        title = network_title(args)
        tables.append(lambda style='text': all_tables(judgement, title, ['visible'], style))
    if not args.skip_costs:
        costs = benchmark.costs(args.size, args.repeats, args.threads)
        tables.append(lambda style='text': cost_table(costs, args.size, style))
    text = '\n\n'.join(table('markdown') for table in tables) + '\n'
    write_whole(args.out / 'table.md', text)
    draw(benchmark, results, args.highlight)
    print('\n\n'.join(table() for table in tables))
    print(f'written: {args.out}')
