r"""Draw a radar chart of several methods: an axis per metric, outward is better.

Examples:
    python tools/evaluate.py --fused mine=out/mine SeAFusion=out/SeAFusion --baselines \
        --ir MSRS/test/ir --vi MSRS/test/vi --out results.json
    python tools/analysis_tools/plot_radar.py results.json --out radar.pdf
    python tools/analysis_tools/plot_radar.py results.json --highlight mine \
        --methods SeAFusion average max mine --metrics SSIM VIF CC CV \
        --title 'MSRS test' --out radar.png radar.pdf

Each axis is scaled linearly between the worst of the shown methods, at 20% of the radius, and
the best, at the rim; both values are printed at the axis. Outward is better for all metrics. So
the chart shows the order of the methods, but not whether differences are large. The rows of
--baselines give a scale.
"""

import argparse

from tsjnet_mm.utils.words import counted

from .arguments import add_overwrite_argument, add_selection_arguments
from .program import ToolParser, tool


def parse_args() -> argparse.Namespace:
    """Command line."""
    parser = ToolParser(__doc__)
    add_selection_arguments(parser)
    parser.add_argument(
        '--highlight', metavar='NAME', help='method drawn with a thick line and filled'
    )
    add_overwrite_argument(parser)
    return parser.parse_args()


@tool()
def main() -> None:
    """Read the results, draw, write."""
    args = parse_args()

    from tsjnet_mm.evaluation.selection import read_selection
    from tsjnet_mm.visualization import check_figure_path, radar_figure, save_figure

    for path in args.out:
        check_figure_path(path, args.overwrite, args.results)
    results = read_selection(args.results, args.methods, args.metrics)
    count = counted(len(results.images), 'pair')
    title = f'{args.title}, {count}' if args.title else count
    figure = radar_figure(results.means(), results.convention, args.highlight, title)
    for path in args.out:
        save_figure(figure, path)
    for (method, metric), left_out in results.not_finite().items():
        print(f'{metric} of {method}: {left_out} of {count} not finite, left out of the mean')
    print(f'written: {", ".join(args.out)}')
