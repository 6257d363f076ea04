r"""Test whether a method is significantly better than others.

Examples:
    python tools/evaluate.py --fused mine=out/mine SeAFusion=out/SeAFusion --baselines \
        --ir MSRS/test/ir --vi MSRS/test/vi --out results.json
    python tools/analysis_tools/compare_methods.py results.json --method mine
    python tools/analysis_tools/compare_methods.py results.json --method mine \
        --against SeAFusion --metrics SSIM VIF CV --out mine.csv mine.md

Better means a smaller value for a metric marked ↓, and a larger one otherwise. All numbers are
paired over the images: Wilcoxon's signed-rank test, two-sided, corrected by Holm over all
comparisons of the table; the 95% bootstrap interval of the mean difference; the share of images
on which the method is better; and the rank-biserial correlation, +1 if it is better on all of
them and -1 if worse on all. A small p means that there is a difference, not that it is large:
see the difference and its interval.

The test assumes independent images. Frames of one video are not independent: then p is too
small, and the interval too narrow. An image where a value of either is not finite is left out,
and a note says so. At least 6 images are needed, because fewer never give p below 0.05.
"""

import argparse

from tsjnet_mm.utils.files import check_ending

from .arguments import add_out_files
from .program import ToolParser, tool
from .result_figures import add_results


def parse_args() -> argparse.Namespace:
    """Command line."""
    parser = ToolParser(__doc__)
    add_results(parser, '--metrics')
    parser.add_argument('--method', required=True, metavar='NAME', help='the method to test')
    parser.add_argument(
        '--against',
        nargs='+',
        metavar='NAME',
        help='methods to compare with (default: all others)',
    )
    parser.add_argument(
        '--seed',
        type=int,
        default=0,
        metavar='N',
        help='of the bootstrap (default: %(default)s)',
    )
    words = '.csv: every number in full; .md: the table'
    add_out_files(parser, words)
    return parser.parse_args()


@tool()
def main() -> None:
    """Read the results, compare, print the table, write."""
    args = parse_args()

    from tsjnet_mm.evaluation.selection import read_selection
    from tsjnet_mm.evaluation.significance import compare_methods
    from tsjnet_mm.evaluation.significance_table import (
        FORMATS,
        format_comparisons,
        save_comparisons,
    )
    from tsjnet_mm.io.outputs import check_outputs

    for path in args.out:
        check_ending(path, FORMATS)
    check_outputs(args.out, args.results, args.overwrite)
    results = read_selection(args.results, metrics=args.metrics)
    comparisons = compare_methods(results, args.method, args.against, args.seed)
    print(format_comparisons(comparisons, results.convention))
    for path in args.out:
        save_comparisons(comparisons, results.convention, path)
    if args.out:
        print(f'written: {", ".join(args.out)}')
