"""What the tools that draw results of an evaluation share."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING

from tsjnet_mm.utils.words import counted

from .arguments import add_out_files

if TYPE_CHECKING:
    from tsjnet_mm.evaluation import EvaluationResults


def add_results(parser: argparse.ArgumentParser, *selections: str) -> None:
    """Add ``results``, the files to read, and an option for each part to select."""
    parser.add_argument(
        'results',
        nargs='+',
        metavar='RESULTS',
        help='.csv or .json of tools/evaluate.py or a per-image CSV of the Runner; several of '
        'the same images are joined',
    )
    for option in selections:
        words = 'these alone, in this order (default: all)'
        parser.add_argument(option, nargs='+', metavar='NAME', help=words)


def parse_figure_args(parser: argparse.ArgumentParser, highlighted: str) -> argparse.Namespace:
    """Command line of a figure of results; ``highlighted`` is how ``--highlight`` looks."""
    add_results(parser, '--methods', '--metrics')
    parser.add_argument('--title', help='what the images are, such as "MSRS test"')
    add_out_files(parser, '.png or .pdf, or both', required=True)
    parser.add_argument('--highlight', metavar='NAME', help=f'method {highlighted}')
    return parser.parse_args()


def write_result_figure(args: argparse.Namespace, draw: Callable) -> EvaluationResults:
    """Read the results that the arguments choose, draw them, and write the figure.

    ``draw(results, title)`` returns a figure of matplotlib.
    """
    from tsjnet_mm.evaluation.selection import read_selection
    from tsjnet_mm.visualization import check_figure_path, save_figure

    for path in args.out:
        check_figure_path(path, args.overwrite, args.results)
    results = read_selection(args.results, args.methods, args.metrics)
    count = counted(len(results.images), 'pair')
    figure = draw(results, f'{args.title}, {count}' if args.title else count)
    for path in args.out:
        save_figure(figure, path)
    print(f'written: {", ".join(args.out)}')
    return results
