r"""Train and test the paper's ablations, or any configs, and print one table (Table 3).

Examples:
    python tools/ablation.py --preset official --out table3.md table3.json --paper
    python tools/ablation.py --preset light-nano --seeds 0 1 2
    python tools/ablation.py whole=configs/mine.py half=configs/mine-wo-half.py \
        --cfg-options train_cfg.max_epochs=10 --work-dir work_dirs/ablation

tools/train.py (or, with --gpus, tools/dist_train.sh) trains each row in WORK_DIR/<config name>,
its default folder. Then tools/test.py tests the last checkpoint. A second run of the command
continues killed trainings from their last checkpoint, tests finished checkpoints, and prints
rows that were tested (test_<convention>.json). A row whose folder was trained with other
settings is refused.

All rows have the schedule of their configs, and their seed unless there are --seeds. If a row
fails, the command prints its log, continues with the other rows and ends with exit status 1.
"""

import argparse
import sys
from pathlib import Path

from tsjnet_mm.utils.files import check_ending, write_whole
from tsjnet_mm.utils.metric_names import CONVENTIONS, resolve_metrics
from tsjnet_mm.utils.words import counted

from .arguments import add_out_files, parse_named_path, unique_names
from .program import ToolParser, tool
from .run_arguments import add_config_options, config_options

METRICS = ('SSIM', 'PSNR', 'MSE', 'CC', 'CV')


def parse_args() -> tuple[ToolParser, argparse.Namespace]:
    """Command line."""
    parser = ToolParser(__doc__)
    parser.add_argument(
        'rows',
        nargs='*',
        type=parse_named_path,
        metavar='NAME=CONFIG',
        help='rows of the table; configs are Python code, which is run '
        "(default: the paper's five, of --preset)",
    )
    parser.add_argument(
        '--preset',
        choices=['official', 'light', 'light-nano', 'small-nano'],
        default='official',
        help='configs of the default rows; those in -nano have small pretrained drivers, for a '
        'CPU (default: %(default)s)',
    )
    parser.add_argument(
        '--work-dir',
        type=Path,
        default=Path('work_dirs'),
        metavar='DIR',
        help='each row has its folder in it, named after its config (default: %(default)s)',
    )
    parser.add_argument(
        '--test-config',
        metavar='CONFIG',
        help="config whose test set all rows are tested on (default: each row's own)",
    )
    parser.add_argument(
        '--convention',
        default='tsjnet',
        choices=CONVENTIONS,
        help="what the metrics' names mean (default: %(default)s, as the paper's tables)",
    )
    parser.add_argument(
        '--metrics',
        nargs='+',
        default=METRICS,
        metavar='NAME',
        help=f'columns of the table (default: {" ".join(METRICS)})',
    )
    parser.add_argument(
        '--paper', action='store_true', help="print the paper's Table 3 below, for reference"
    )
    parser.add_argument(
        '--seeds',
        type=int,
        nargs='+',
        default=(),
        metavar='N',
        help='train each row once with each of these, in WORK_DIR/<config name>-seed<N>; the '
        'table has means and standard deviations, .json and .csv each run (default: once, '
        "with the config's seed)",
    )
    parser.add_argument(
        '--gpus',
        type=int,
        default=1,
        metavar='N',
        help='GPUs to train each row on; batch_size counts per GPU (default: %(default)s)',
    )
    add_config_options(parser, 'of every row, as for tools/train.py')
    words = '.md: the table; .csv: a line for each image of each row; .json: everything'
    add_out_files(parser, words)
    return parser, parser.parse_args()


def run(args: argparse.Namespace) -> dict[str, str]:
    """Compute the rows, print and write the table.

    Returns:
        dict[str, str]: Why rows are missing from it.
    """
    from tqdm import tqdm

    from tsjnet_mm.evaluation.results import WRITERS
    from tsjnet_mm.io.outputs import check_outputs
    from tsjnet_mm.protocols.ablation import format_tables, join_results, make_runs, preset_rows
    from tsjnet_mm.protocols.runs import finish_runs

    metrics = resolve_metrics(args.metrics, args.convention)
    endings = [check_ending(path, WRITERS) for path in args.out]
    if args.gpus < 1:
        raise ValueError(f'--gpus must be at least 1, got {args.gpus}')
    rows = unique_names('row', args.rows) or preset_rows(args.preset)
    runs = make_runs(
        rows,
        args.work_dir,
        args.seeds,
        metrics=metrics,
        convention=args.convention,
        options=args.cfg_options,
        test_config=args.test_config,
        gpus=args.gpus,
    )
    check_outputs(args.out, [run.config for run in runs], args.overwrite)
    finished, failed = finish_runs(runs, lambda line: tqdm.write(line, file=sys.stderr))
    if finished:
        joined = join_results(finished)
        of_seeds = list(rows), args.seeds
        print(format_tables(joined, args.paper, 'text', *of_seeds))
        for path, ending in zip(args.out, endings, strict=True):
            if ending == '.md':
                text = format_tables(joined, args.paper, 'markdown', *of_seeds)
                write_whole(path, text + '\n')
            else:
                joined.save(path)
    return {run.name: reason for run, reason in failed}


@tool('run the same command again to continue from here')
def main() -> None:
    """Read the command line and run."""
    parser, args = parse_args()
    config_options(parser, args)  # Those that cannot be read end it here.
    failures = run(args)
    if failures:
        lines = '\n'.join(f'  {name}: {reason}' for name, reason in failures.items())
        parser.exit(
            1, f'error: {counted(len(failures), "row is", "rows are")} missing:\n{lines}\n'
        )
