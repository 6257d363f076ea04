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

from .program import ToolParser, tool
from .result_figures import parse_figure_args, write_result_figure


def parse_args() -> argparse.Namespace:
    """Command line."""
    return parse_figure_args(ToolParser(__doc__), 'drawn with a thick line and filled')


@tool()
def main() -> None:
    """Read the results, draw, write."""
    args = parse_args()

    from tsjnet_mm.visualization import radar_figure

    results = write_result_figure(
        args,
        lambda results, title: radar_figure(
            results.means(), results.convention, args.highlight, title
        ),
    )
    count = counted(len(results.images), 'pair')
    for (method, metric), left_out in results.not_finite().items():
        print(f'{metric} of {method}: {left_out} of {count} not finite, left out of the mean')
