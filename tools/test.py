"""Evaluate a trained fusor on its config's test set, beside trivial baselines if asked.

Examples:
    python tools/test.py configs/tsjnet/tsjnet_light_joint_40e_msrs.py CHECKPOINT
    python tools/test.py CONFIG CHECKPOINT --baselines average max laplacian
    bash tools/dist_test.sh CONFIG CHECKPOINT 4
"""

from pathlib import Path

from mmengine.dist import is_main_process
from mmengine.runner import Runner

from tsjnet_mm.apis import CLASSICAL_FUSORS, init_fusor
from tsjnet_mm.engine.launch import (
    add_run_arguments,
    end_distributed,
    fit_to_machine,
    read_config,
)
from tsjnet_mm.evaluation.table import format_table
from tsjnet_mm.utils import whole_file
from tsjnet_mm.utils.checkpoints import refuse_unsafe_checkpoints
from tsjnet_mm.utils.program import ToolParser, tool


def test(args):
    """Run the test loop for the model and each baseline, and print one table."""
    cfg = read_config(args)
    cfg.load_from = args.checkpoint
    cfg.resume = False
    fit_to_machine(cfg, args.launcher)
    refuse_unsafe_checkpoints()
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
    (convention,) = {metric.convention for metric in runner.test_evaluator.metrics}
    table = format_table(
        rows,
        convention=convention,
        pairs=len(runner.test_dataloader.dataset),
    )
    print(table)
    if args.out:
        with whole_file(args.out) as partial:
            partial.write_text(table + '\n')


@tool()
def main():
    """Read the command line and test."""
    parser = ToolParser(__doc__)
    parser.add_argument('config', help='config file')
    parser.add_argument('checkpoint', help='checkpoint file')
    parser.add_argument(
        '--baselines',
        nargs='+',
        default=[],
        choices=sorted(CLASSICAL_FUSORS),
        help='fusors without weights to put into the same table',
    )
    parser.add_argument('--out', type=Path, help='also write the table to this file')
    add_run_arguments(parser)
    args = parser.parse_args()
    test(args)
    end_distributed()


if __name__ == '__main__':
    main()
