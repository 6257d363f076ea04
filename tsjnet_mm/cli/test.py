"""Evaluate a trained fusor and its drivers on a config's test set, and optionally baselines.

Examples:
    python tools/test.py configs/tsjnet/tsjnet_light_joint_40e_msrs.py CHECKPOINT
    python tools/test.py CONFIG CHECKPOINT --baselines average max laplacian
    bash tools/dist_test.sh CONFIG CHECKPOINT 4
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from tsjnet_mm.utils.files import write_whole
from tsjnet_mm.utils.model_index import ready_models

from .program import ToolParser, tool
from .run_arguments import add_run_arguments, config_options

if TYPE_CHECKING:
    from mmengine.runner import Runner


def load(runner: Runner, checkpoint: str, config: str) -> None:
    """Load a checkpoint that has just the weights that the model has."""
    try:
        runner.load_checkpoint(checkpoint, strict=True)
    except RuntimeError as error:
        found = ' '.join(str(error).split())
        raise ValueError(f'{checkpoint} does not fit {config}: {found[:300]}') from error


def test(args: argparse.Namespace) -> None:
    """Run the test loop for the model and each baseline, and print one table."""
    from mmengine.dist import is_main_process
    from mmengine.runner import Runner

    from tsjnet_mm.apis import init_fusor
    from tsjnet_mm.engine.launch import fit_to_machine, read_config
    from tsjnet_mm.evaluation.driver_metric import format_drivers
    from tsjnet_mm.evaluation.table import format_table
    from tsjnet_mm.utils.tensors import entries_below

    cfg = read_config(args)
    if not cfg.get('test_dataloader') or not cfg.get('test_cfg'):
        raise ValueError(f'{args.config} has no test_dataloader or no test_cfg')
    cfg.load_from, cfg.resume = None, False
    fit_to_machine(cfg, args.launcher)
    runner = Runner.from_cfg(cfg)
    load(runner, args.checkpoint, args.config)
    rows = {Path(args.config).stem: runner.test()}
    device = next(runner.model.parameters()).device
    for name in args.baselines:
        runner.model = init_fusor(name, device=device)
        rows[name] = runner.test()
    if not is_main_process():
        return
    metrics = {method: entries_below('fusion/', row) for method, row in rows.items()}
    (convention,) = {metric.convention for metric in runner.test_evaluator.metrics}
    text = format_table(metrics, convention, len(runner.test_dataloader.dataset))
    drivers = entries_below('drivers/', rows[Path(args.config).stem])
    if drivers:
        text += f'\n\ndrivers, in [0, 1]\n{format_drivers(drivers)}'
    print(text)
    if args.out:
        write_whole(args.out, text + '\n')


@tool()
def main() -> None:
    """Read the command line and test."""
    parser = ToolParser(__doc__)
    parser.add_argument('config', help='config file (Python code, which is run)')
    parser.add_argument('checkpoint', help='checkpoint file')
    parser.add_argument(
        '--baselines',
        nargs='+',
        default=[],
        choices=ready_models(),
        help='classical fusors, and networks with shipped weights, for the same table',
    )
    parser.add_argument('--out', type=Path, help='also write the table to this file')
    add_run_arguments(parser)
    args = parser.parse_args()

    from tsjnet_mm.engine.launch import end_distributed

    args.cfg_options = config_options(parser, args)
    test(args)
    end_distributed()
