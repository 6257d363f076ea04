"""Evaluate a trained fusor on its config's test set, beside trivial baselines if asked.

Examples:
    python tools/test.py configs/tsjnet/tsjnet_light_joint_40e_msrs.py CHECKPOINT
    python tools/test.py CONFIG CHECKPOINT --baselines average max laplacian
    bash tools/dist_test.sh CONFIG CHECKPOINT 4
"""

import argparse
import os
from pathlib import Path

from mmengine.config import Config, DictAction
from mmengine.dist import is_main_process
from mmengine.runner import Runner

from tsjnet_mm.apis import CLASSICAL_FUSORS, init_fusor
from tsjnet_mm.engine.launch import fit_to_machine
from tsjnet_mm.evaluation.table import format_table


def parse_args():
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('config', help='config file')
    parser.add_argument('checkpoint', help='checkpoint file')
    parser.add_argument(
        '--baselines',
        nargs='+',
        default=[],
        choices=sorted(CLASSICAL_FUSORS),
        help='fusors without weights to put into the same table',
    )
    parser.add_argument('--work-dir', help='folder of logs (default: work_dirs/<config name>)')
    parser.add_argument('--out', type=Path, help='also write the table to this file')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        metavar='KEY=VALUE',
        help='override config entries, e.g. test_dataloader.num_workers=0',
    )
    parser.add_argument(
        '--launcher',
        choices=['none', 'pytorch', 'slurm', 'mpi'],
        default='none',
        help='how processes were started (default: none, one process)',
    )
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0)
    args = parser.parse_args()
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    return args


def main():
    """Run the test loop for the model and each baseline, and print one table."""
    args = parse_args()
    cfg = Config.fromfile(args.config)
    cfg.launcher = args.launcher
    if args.cfg_options:
        cfg.merge_from_dict(args.cfg_options)
    if args.work_dir:
        cfg.work_dir = args.work_dir
    cfg.setdefault('work_dir', str(Path('work_dirs') / Path(args.config).stem))
    cfg.load_from = args.checkpoint
    cfg.resume = False
    fit_to_machine(cfg, args.launcher)
    runner = Runner.from_cfg(cfg)
    rows = {Path(args.config).stem: runner.test()}
    device = next(runner.model.parameters()).device
    for name in args.baselines:
        runner.model = init_fusor(name, device=device)
        rows[name] = runner.test()
    if not is_main_process():
        return
    rows = {
        method: {name.rpartition('/')[2]: value for name, value in metrics.items()}
        for method, metrics in rows.items()
    }
    table = format_table(rows, convention=cfg.test_evaluator.get('convention', 'plain'))
    print(table)
    if args.out:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text(table + '\n')


if __name__ == '__main__':
    main()
