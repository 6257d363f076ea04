"""Train a fusor from a config.

Examples:
    python tools/train.py configs/tsjnet/tsjnet_light_joint_40e_msrs.py
    python tools/train.py CONFIG --resume                     # go on where a run ended
    python tools/train.py CONFIG --cfg-options train_dataloader.batch_size=4
    bash tools/dist_train.sh CONFIG 4                         # four GPUs
"""

import contextlib
import logging

from .program import ToolParser, tool
from .run_arguments import add_run_arguments, config_options


def train(cfg, args):
    """Build the Runner and train, from a checkpoint if one is to be resumed."""
    from mmengine.logging import print_log
    from mmengine.runner import Runner

    from tsjnet_mm.engine.launch import fit_to_machine
    from tsjnet_mm.engine.work_dir import find_resumable

    if args.resume or cfg.get('resume'):
        start = args.resume or cfg.get('load_from') or 'auto'
        found = find_resumable(cfg.work_dir if start == 'auto' else start)
        cfg.resume = found is not None
        if found:
            cfg.load_from = str(found)
        else:
            print_log(f'{cfg.work_dir} has no checkpoint to resume from: training begins')
    fit_to_machine(cfg, args.launcher)
    Runner.from_cfg(cfg).train()


@tool('add --resume to go on from the last checkpoint')
def main():
    """Read the command line, claim the work dir and train."""
    parser = ToolParser(__doc__)
    parser.add_argument('config', help='config file (Python code, which is run)')
    parser.add_argument(
        '--resume',
        nargs='?',
        const='auto',
        metavar='CHECKPOINT',
        help="go on from a checkpoint, or, without a value, from the work dir's last one",
    )
    parser.add_argument('--amp', action='store_true', help='mixed precision (CUDA only)')
    add_run_arguments(parser)
    args = parser.parse_args()

    from tsjnet_mm.engine.launch import (
        check_training,
        end_distributed,
        is_first_process,
        read_config,
    )
    from tsjnet_mm.engine.work_dir import claimed_work_dir

    args.cfg_options = config_options(parser, args)
    cfg = read_config(args)
    check_training(cfg, args.config)
    if args.amp:
        cfg.optim_wrapper.type = 'AmpOptimWrapper'
        cfg.optim_wrapper.setdefault('loss_scale', 'dynamic')
    logging.raiseExceptions = False  # On a full disk each line of the log would.
    first = is_first_process(args.launcher)
    with claimed_work_dir(cfg.work_dir) if first else contextlib.nullcontext():
        train(cfg, args)
    end_distributed()
