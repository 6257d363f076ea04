r"""Draw how metrics spread over the images: a panel per metric, a box per method.

Examples:
    python tools/evaluate.py --fused mine=out/mine SeAFusion=out/SeAFusion --baselines \
        --ir MSRS/test/ir --vi MSRS/test/vi --out results.json
    python tools/analysis_tools/plot_box.py results.json --out boxes.pdf
    python tools/analysis_tools/plot_box.py results.json --highlight mine \
        --methods SeAFusion average max mine --metrics SSIM VIF CV \
        --title 'MSRS test' --out boxes.png boxes.pdf

A box spans the quartiles with a line at the median; whiskers reach the farthest values within
1.5 times its length, dots are the values beyond, a diamond is the mean. Values that are not
finite are left out; a note below the panels has their numbers. Boxes may overlap although one
method is better on every image; tools/analysis_tools/compare_methods.py compares image by
image.
"""

import argparse

from .program import ToolParser, tool
from .result_figures import parse_figure_args, write_result_figure


def parse_args() -> argparse.Namespace:
    """Command line."""
    return parse_figure_args(ToolParser(__doc__), 'with a bold name and its own colour')


@tool()
def main() -> None:
    """Read the results, draw, write."""
    args = parse_args()

    from tsjnet_mm.visualization import box_figure

    write_result_figure(
        args,
        lambda results, title: box_figure(
            results.values, results.convention, args.highlight, title
        ),
    )
