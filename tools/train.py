"""Train a fusor from a config.

Examples:
    python tools/train.py configs/tsjnet/tsjnet_light_joint_40e_msrs.py
    python tools/train.py CONFIG --resume                     # go on where a run ended
    python tools/train.py CONFIG --cfg-options train_dataloader.batch_size=4
    bash tools/dist_train.sh CONFIG 4                         # four GPUs
"""

from mmengine.runner import Runner

from tsjnet_mm.engine.launch import (
    add_run_arguments,
    end_distributed,
    fit_to_machine,
    read_config,
)
from tsjnet_mm.utils.checkpoints import refuse_unsafe_checkpoints
from tsjnet_mm.utils.program import ToolParser, tool


@tool()
def main():
    """Build the Runner and train."""
    parser = ToolParser(__doc__)
    parser.add_argument('config', help='config file')
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

    cfg = read_config(args)
    if args.amp:
        cfg.optim_wrapper.type = 'AmpOptimWrapper'
        cfg.optim_wrapper.setdefault('loss_scale', 'dynamic')
    if args.resume:
        cfg.resume = True
        cfg.load_from = None if args.resume == 'auto' else args.resume
    fit_to_machine(cfg, args.launcher)
    refuse_unsafe_checkpoints()
    Runner.from_cfg(cfg).train()
    end_distributed()


if __name__ == '__main__':
    main()
