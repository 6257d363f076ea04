r"""Measure the fused images of any method against their infrared and visible sources.

Examples:
    python tools/evaluate.py --fused out/mine --ir MSRS/test/ir --vi MSRS/test/vi
    python tools/evaluate.py --fused mine=out/mine SeAFusion=out/SeAFusion \
        --ir IR --vi VI --baselines --metrics all --out results.csv results.md
    python tools/evaluate.py --fused out/mine --ir IR --vi VI --convention cddfuse \
        --metrics SSIM VIF MSE

Files are matched by name: the same stem with any extension, or the same stem without words such
as fused_, _f, _ir, -vis, _rgb or the method's name at its ends. Fused images are grey or
colour; the convention defines how a colour image is compared. All problems with names, sizes
and files are listed before anything is computed.

Infrared images are prepared as for the fusion. tools/fuse.py notes range, size and homography
in the fused files; for files without a note, give --ir-range, --ir-percentiles, --resize and
--warp. Options that differ from a note are an error.

A table names its convention and the number of pairs. Several methods are ranked in each metric,
by the values as printed, and on average over the metrics; equal values share the better rank.
--baselines adds rows for the average, the maximum and each source image, which a good method
should exceed. A value that is not finite, such as the PSNR of an image that equals a source, is
left out of the mean, and a note says so. A method without a finite value of a metric has no
rank in it, and no mean rank.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from tsjnet_mm.utils.files import check_ending
from tsjnet_mm.utils.metric_names import (
    CONVENTIONS,
    METRIC_NAMES,
    METRIC_SETS,
    default_metrics,
    metrics_of,
    resolve_metrics,
)
from tsjnet_mm.utils.parallel import available_cores

from .arguments import (
    add_out_files,
    add_pair_folders,
    add_source_arguments,
    check_device,
    source_options,
)
from .program import ToolParser, tool


def describe_metrics() -> str:
    """Metrics with their direction, and conventions with their metrics, for ``--help``."""
    lines = ['Metrics (↑ higher is better, ↓ lower is better):']
    for name, info in METRIC_NAMES.items():
        arrow = '↑' if info.higher_is_better else '↓'
        lines.append(f'  {name:<10} {arrow} {info.title}')
    for name, metrics in METRIC_SETS.items():
        lines.append(f'  {name:<10}   {", ".join(metrics)}')
    lines.append(f'  {"all":<10}   all that the convention has')
    lines += ['', 'Conventions, what the names mean, and the metrics of each:']
    for name, title in CONVENTIONS.items():
        lines += [f'  {name:<10} {title}', f'  {"":<10} {", ".join(metrics_of(name))}']
    return '\n'.join(lines)


def name_methods(folders: Sequence[str], method: str | None = None) -> dict[str, str]:
    """Method to folder, of ``DIR`` and ``NAME=DIR``; without a name a folder goes by its own.

    ``method`` names a single folder. Raises ValueError where a name comes twice, or where
    ``method`` goes with several folders.
    """
    if method is not None and len(folders) != 1:
        raise ValueError(f'--method names one folder, got {len(folders)}: use NAME=DIR')
    named = {}
    for folder in folders:
        name, equals, path = folder.partition('=')
        if not equals or os.path.isdir(folder):
            name, path = Path(folder).resolve().name, folder
        name = method or name
        if not name or name in named:
            raise ValueError(f'{folder}: each method needs a name of its own: use NAME=DIR')
        named[name] = path
    return named


def parse_args() -> tuple[ToolParser, argparse.Namespace]:
    """Command line."""
    parser = ToolParser(__doc__, epilog=describe_metrics())
    parser.add_argument(
        '--fused',
        nargs='+',
        default=[],
        metavar='[NAME=]DIR',
        help="folder of fused images for each method (name: the folder's, unless given)",
    )
    add_pair_folders(parser)
    add_source_arguments(parser, percentiles_of='each infrared image')
    parser.add_argument('--method', metavar='NAME', help='name of the only --fused DIR')
    parser.add_argument(
        '--metrics',
        nargs='+',
        metavar='NAME',
        help='names or sets, listed below (default: paper, or all if the convention '
        'lacks one of its metrics)',
    )
    parser.add_argument(
        '--convention', default='plain', choices=CONVENTIONS, help='default: %(default)s'
    )
    parser.add_argument(
        '--baselines', action='store_true', help='add average, max, and either source alone'
    )
    parser.add_argument(
        '--common',
        action='store_true',
        help='ignore missing and extra files instead of refusing them',
    )
    parser.add_argument('--device', default='cpu', help='cpu or cuda (default: %(default)s)')
    parser.add_argument(
        '--batch-size',
        type=int,
        default=1,
        metavar='N',
        help='pairs of one size measured at once; for a GPU (default: %(default)s)',
    )
    parser.add_argument(
        '--workers',
        type=int,
        default=min(8, available_cores()),
        metavar='N',
        help='processes (default: the cores, at most 8; here %(default)s)',
    )
    words = '.csv: a line for each image of each method; .json: everything; .md: the table'
    add_out_files(parser, words)
    return parser, parser.parse_args()


@tool('nothing was written')
def main() -> None:
    """Check the arguments, measure, print the table and write the files."""
    parser, args = parse_args()

    from tsjnet_mm.apis import evaluate_folders
    from tsjnet_mm.evaluation.results import WRITERS
    from tsjnet_mm.io.outputs import check_outputs, list_read

    try:
        fused = name_methods(args.fused, args.method)
        metrics = resolve_metrics(
            args.metrics or default_metrics(args.convention), args.convention
        )
        for path in args.out:
            check_ending(path, WRITERS)
    except ValueError as error:
        parser.error(str(error))
    check_device(parser, args)
    read = list_read(args.ir, args.vi, *fused.values(), args.warp)
    check_outputs(args.out, read, args.overwrite)
    results = evaluate_folders(
        fused,
        args.ir,
        args.vi,
        metrics,
        args.convention,
        baselines=args.baselines,
        common=args.common,
        device=args.device,
        batch_size=args.batch_size,
        workers=args.workers,
        progress=True,
        **source_options(args),
    )
    print(results.table(), flush=True)
    for path in args.out:
        results.save(path)
    if args.out:
        print(f'written: {", ".join(args.out)}', file=sys.stderr)
