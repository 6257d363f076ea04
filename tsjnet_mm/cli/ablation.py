r"""Train and test the paper's ablations, or any configs, and print one table (Table 3).

Examples:
    python tools/ablation.py --preset official --out table3.md table3.json --paper
    python tools/ablation.py --preset light --gpus 4
    python tools/ablation.py whole=configs/mine.py half=configs/mine-wo-half.py \
        --cfg-options train_cfg.max_epochs=10 --work-dir work_dirs/ablation

Each row is trained by tools/train.py (or, with --gpus, tools/dist_train.sh) in a folder of its
own, WORK_DIR/<config name>, the one tools/train.py takes by itself; then its last checkpoint is
tested by tools/test.py. What is done is not done again: a finished checkpoint is only tested, a
tested row (test_<convention>.json) only printed, and a run that was killed goes on from its
last checkpoint. A row whose folder was trained with other settings is refused.

All rows have the seed and the schedule of their configs. A row that fails is reported with its
log, the others go on, and the exit status is 1.
"""

import contextlib
import json
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from tsjnet_mm.utils.files import whole_file
from tsjnet_mm.utils.metric_names import CONVENTIONS, resolve_metrics
from tsjnet_mm.utils.model_index import config_dir
from tsjnet_mm.utils.words import counted

from .arguments import add_overwrite_argument, parse_named_path, unique_names
from .program import ToolParser, tool
from .run_arguments import add_config_options, config_options

ROWS = {
    'w/o DSM': 'joint-wo-dsm',
    'w/o L_Det': 'joint-wo-det',
    'w/o L_Seg': 'joint-wo-seg',
    'w/o L_Det,Seg': 'joint-wo-det-seg',
    'TSJNet': 'joint',
}
METRICS = ('SSIM', 'PSNR', 'MSE', 'CC', 'CV')
#: Table 3 of the paper, on the 361 test pairs of MSRS, in its own digits.
PAPER = (
    ('method', 'SSIM↑', 'PSNR↑', 'MSE↓', 'CC↑', 'CV↓'),
    ('w/o DSM', '0.66', '14.83', '3731.88', '0.54', '560.46'),
    ('w/o L_Det', '0.55', '14.86', '2550.33', '0.54', '376.49'),
    ('w/o L_Seg', '0.50', '12.46', '4167.93', '0.60', '464.51'),
    ('w/o L_Det,Seg', '0.49', '12.43', '4246.27', '0.51', '363.24'),
    ('TSJNet', '0.69', '18.13', '1502.60', '0.62', '344.20'),
)
# What decides on the weights; where and how fast they are computed does not.
_SETTINGS = ('model', 'train_dataloader', 'train_cfg', 'param_scheduler', 'randomness')
_MACHINE = ('type', 'dtype', 'loss_scale', 'use_fp64')


class RowError(Exception):
    """A row that cannot be computed."""


class Row(NamedTuple):
    """A row of the table.

    Attributes:
        name (str): How the table calls it.
        config (Path): Its config file.
        folder (Path): Where its logs, checkpoints and results are.
    """

    name: str
    config: Path
    folder: Path

    def read(self, options):
        """The config with the options put in."""
        from mmengine.config import Config

        from tsjnet_mm.engine.launch import merge_options

        cfg = Config.fromfile(self.config)
        merge_options(cfg, options)
        return cfg


def parse_args():
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
        choices=['official', 'light', 'light-r18'],
        default='official',
        help='configs of the default rows; light-r18: small drivers that need neither '
        'pretrained weights nor a GPU (default: %(default)s)',
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
        '--gpus',
        type=int,
        default=1,
        metavar='N',
        help='GPUs to train each row on; batch_size counts per GPU (default: %(default)s)',
    )
    add_config_options(parser, 'of every row, as for tools/train.py')
    parser.add_argument(
        '--out',
        nargs='+',
        default=[],
        metavar='FILE',
        help='.md: the table; .csv: a line for each image of each row; .json: everything',
    )
    add_overwrite_argument(parser)
    return parser, parser.parse_args()


def make_rows(args):
    """The rows that are asked for."""
    named = unique_names('row', args.rows) or {
        name: config_dir() / 'tsjnet' / f'tsjnet_{args.preset}_{kind}_40e_msrs.py'
        for name, kind in ROWS.items()
    }
    rows = [
        Row(name, Path(path), args.work_dir.resolve() / Path(path).stem)
        for name, path in named.items()
    ]
    if len({row.folder for row in rows}) != len(rows):
        raise ValueError('each row needs a config file with a name of its own')
    for row in rows:
        if not row.config.is_file():
            raise FileNotFoundError(f'{row.config}: no such config, of the row {row.name}')
    return rows


def finished_checkpoint(row, cfg):
    """Where the training leaves its last checkpoint."""
    loop = cfg.train_cfg
    if loop.get('max_epochs'):
        return row.folder / f'epoch_{loop.max_epochs}.pth'
    return row.folder / f'iter_{loop.max_iters}.pth'


def check_settings(row, cfg):
    """Refuse a folder that was trained with other settings."""
    from mmengine.config import Config

    record = row.folder / row.config.name
    if not record.is_file():
        return
    before = Config.fromfile(record)
    differing = [key for key in _SETTINGS if before.get(key) != cfg.get(key)]
    optimisers = [
        {
            key: value
            for key, value in (c.get('optim_wrapper') or {}).items()
            if key not in _MACHINE
        }
        for c in (before, cfg)
    ]
    if optimisers[0] != optimisers[1]:
        differing.append('optim_wrapper')
    if differing:
        raise RowError(
            f'{row.folder} was trained with other settings of {", ".join(differing)} (see '
            f'{record.name} there): take another --work-dir, or remove it'
        )


@contextlib.contextmanager
def locked(folder):
    """Keep two runs out of one folder, also a training whose ablation was killed."""
    import fcntl  # Windows has none.

    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / '.lock', 'w') as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RowError(f'{folder} is in use by another run') from None
        yield file.fileno()


def call(command, log, lock):
    """Run a tool, its output appended to a log that ends with the reason of a failure."""
    from tsjnet_mm.utils.guarded import run_process

    with open(log, 'a', encoding='utf-8') as file:
        file.write(f'$ {" ".join(map(str, command))}\n')
        file.flush()
        status = run_process(
            [*map(str, command)],
            stdout=file,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            # The process holds the lock for as long as it lives.
            pass_fds=[lock],
        )
    if status:
        last = log.read_text(encoding='utf-8', errors='replace').strip().splitlines()[-1]
        raise RowError(f'exit status {status}, see {log}: {last}')


def train(row, args, lock):
    """Train a row to its end."""
    from tsjnet_mm.utils.guarded import tsjnet_command

    command = tsjnet_command(
        'train', row.config, '--work-dir', row.folder, '--resume', processes=args.gpus
    )
    if args.cfg_options:
        command += ['--cfg-options', *args.cfg_options]
    call(command, row.folder / 'train.log', lock)


def test(row, cfg, checkpoint, args, lock):
    """Measure a row's checkpoint, and keep the values of each image."""
    from tsjnet_mm.evaluation import load_results
    from tsjnet_mm.utils.guarded import tsjnet_command

    values = row.folder / 'test' / 'values.csv'
    # A list: mmengine takes a dict with metrics for an evaluator of them.
    cfg.test_evaluator = [
        {
            'type': 'FusionMetric',
            'metrics': list(args.metrics),
            'convention': args.convention,
            'per_image_csv': str(values),
        }
    ]
    config = row.folder / 'test' / row.config.name
    with whole_file(config) as partial:
        partial.write_text(cfg.pretty_text, encoding='utf-8')
    values.unlink(missing_ok=True)
    call(
        tsjnet_command('test', config, checkpoint, '--work-dir', config.parent),
        row.folder / 'test.log',
        lock,
    )
    return load_results(values)


def run_row(row, args, options):
    """The results of a row, computed as far as they are not there."""
    from mmengine.config import Config

    from tsjnet_mm.evaluation import EvaluationResults, load_results

    cfg = row.read(options)
    if args.test_config:
        cfg.test_dataloader = Config.fromfile(args.test_config).test_dataloader
    checkpoint = finished_checkpoint(row, cfg)
    with locked(row.folder) as lock:
        check_settings(row, cfg)
        if not checkpoint.is_file():
            train(row, args, lock)
        if not checkpoint.is_file():
            raise RowError(f'the training left no {checkpoint}')
        tested = {
            'checkpoint': str(checkpoint),
            'written': checkpoint.stat().st_mtime,
            'test_dataloader': json.dumps(cfg.test_dataloader, sort_keys=True, default=str),
        }
        path = row.folder / f'test_{args.convention}.json'
        with contextlib.suppress(FileNotFoundError, ValueError):
            results = load_results(path)
            if results.metrics == tuple(args.metrics) and results.paths == tested:
                return results
        found = test(row, cfg, checkpoint, args, lock)
        (values,) = found.values.values()
        results = EvaluationResults(
            found.convention,
            found.metrics,
            (row.name,),
            found.images,
            {row.name: values},
            tested,
        )
        results.save(path)
        return results


def join_results(rows, results, convention):
    """One evaluation of all rows that there are results of."""
    from tsjnet_mm.evaluation import EvaluationResults

    (first, *others) = results.values()
    for name, other in zip([*results][1:], others, strict=True):
        if other.images != first.images:
            raise ValueError(f'{name} was tested on other images than {next(iter(results))}')
    values = {name: next(iter(part.values.values())) for name, part in results.items()}
    paths = {row.name: dict(results[row.name].paths) for row in rows if row.name in results}
    return EvaluationResults(
        convention, first.metrics, tuple(results), first.images, values, paths
    )


def format_tables(joined, paper, style):
    """The table, and the paper's below it where it is asked for."""
    from tsjnet_mm.evaluation.table import format_lines

    parts = [joined.table(style)]
    if paper:
        parts += ["The paper's Table 3, 361 pairs of MSRS:", format_lines(PAPER, style)]
    return '\n\n'.join(parts)


def run(args, options):
    """Compute the rows, print and write the table.

    Returns:
        dict[str, str]: Why rows are missing from it.
    """
    from tqdm import tqdm

    from tsjnet_mm.evaluation.results import check_extension
    from tsjnet_mm.io.outputs import check_outputs

    args.metrics = resolve_metrics(args.metrics, args.convention)
    for path in args.out:
        check_extension(path)
    check_outputs(args.out, [row.config for row in make_rows(args)], args.overwrite)
    if args.gpus < 1:
        raise ValueError(f'--gpus must be at least 1, got {args.gpus}')
    rows = make_rows(args)
    results, failures = {}, {}
    with tqdm(rows, unit='row') as bar:
        for row in bar:
            bar.set_description(f'{row.name} (log in {row.folder})')
            try:
                results[row.name] = run_row(row, args, options)
            except (RowError, OSError, ValueError, KeyError, AttributeError) as error:
                failures[row.name] = str(error) or repr(error)
                bar.write(f'{row.name} failed: {failures[row.name]}', file=sys.stderr)
    if results:
        joined = join_results(rows, results, args.convention)
        print(format_tables(joined, args.paper, 'text'))
        for path in args.out:
            if check_extension(path) != '.md':
                joined.save(path)
                continue
            with whole_file(path) as partial:
                text = format_tables(joined, args.paper, 'markdown')
                partial.write_text(text + '\n', encoding='utf-8')
    return failures


@tool('the same command goes on from here')
def main():
    """Read the command line and run."""
    parser, args = parse_args()
    failures = run(args, config_options(parser, args))
    if failures:
        lines = '\n'.join(f'  {name}: {reason}' for name, reason in failures.items())
        parser.exit(
            1, f'error: {counted(len(failures), "row is", "rows are")} missing:\n{lines}\n'
        )
