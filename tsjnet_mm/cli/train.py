"""Train a fusor: by a config, or tsjnet-light from its shipped weights on your own folders.

Examples:
    python tools/train.py --ir IR --vi VI --out work_dirs/mine        # the fusor alone
    python tools/train.py --ir IR --vi VI --boxes LABELS --masks MASKS --out work_dirs/mine
    python tools/train.py configs/tsjnet/tsjnet_light_joint_40e_msrs.py
    tsjnet train tsjnet_mm::tsjnet/tsjnet_light_joint_40e_msrs.py   # the installed package's
    python tools/train.py CONFIG --resume                     # continue an interrupted run
    python tools/train.py CONFIG --cfg-options train_dataloader.batch_size=4
    bash tools/dist_train.sh CONFIG 4                         # four GPUs

With folders, the command writes a config to --out, which you can read, change and train.
--boxes and --masks add a small detector and a small segmentor, which start from random weights
and drive the fusor; they need neither pretrained weights nor a GPU.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
from pathlib import Path
from typing import TYPE_CHECKING

from .program import ToolParser, tool
from .run_arguments import add_run_arguments, config_options
from .train_folders import (
    add_folder_arguments,
    check_folder_arguments,
    fusing_command,
    write_config,
)

if TYPE_CHECKING:
    from mmengine.config import Config


def train(cfg: Config, args: argparse.Namespace) -> None:
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
    config = Path(args.config).resolve()
    if config.parent == Path(cfg.work_dir).resolve():
        # The Runner keeps a copy of its config there, which must not take the place of it.
        object.__setattr__(cfg, '_filename', str(config.with_stem(f'{config.stem}_whole')))
    Runner.from_cfg(cfg).train()


@tool('add --resume to continue from the last checkpoint')
def main() -> None:
    """Read the command line, claim the work dir and train."""
    parser = ToolParser(__doc__)
    parser.add_argument(
        'config', nargs='?', metavar='CONFIG', help='config file (Python code, which is run)'
    )
    parser.add_argument(
        '--resume',
        nargs='?',
        const='auto',
        metavar='CHECKPOINT',
        help='continue from a checkpoint; without a value, from the last one in the work dir',
    )
    parser.add_argument('--amp', action='store_true', help='mixed precision (CUDA only)')
    add_run_arguments(parser)
    add_folder_arguments(parser)
    args = parser.parse_args()
    check_folder_arguments(parser, args)

    from tsjnet_mm.engine.launch import (
        check_training,
        end_distributed,
        is_first_process,
        read_config,
    )
    from tsjnet_mm.engine.work_dir import claimed_work_dir, saved_checkpoints

    args.cfg_options = config_options(parser, args)
    of_folders = not args.config
    if of_folders:
        args.config = str(write_config(args))
    cfg = read_config(args)
    check_training(cfg, args.config)
    if args.amp:
        cfg.optim_wrapper.type = 'AmpOptimWrapper'
        cfg.optim_wrapper.setdefault('loss_scale', 'dynamic')
    logging.raiseExceptions = False  # On a full disk each line of the log would.
    first = is_first_process(args.launcher)
    with claimed_work_dir(cfg.work_dir) if first else contextlib.nullcontext():
        train(cfg, args)
    if of_folders:
        weights = saved_checkpoints(cfg.work_dir)[-1]
        print(f'trained: {weights}; to fuse by it:\n  {fusing_command(args, weights)}')
    end_distributed()
