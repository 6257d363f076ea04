r"""Train the same detector or segmentor on each method's fused images, and compare (Table 2).

Examples:
    python tools/downstream.py detection --dataset m3fd --data-root data/M3FD_Detection \
        --pairs 'lists/{split}.txt' --methods SeAFusion=out/SeAFusion TSJNet=out/tsjnet \
        --work-dir work_dirs/m3fd
    python tools/downstream.py segmentation --dataset msrs --data-root data/MSRS \
        --methods TSJNet=out/tsjnet --work-dir work_dirs/msrs --gpus 4
    python tools/downstream.py detection --dataset folder --data-root data/MSRS/test \
        --classes person,bicycle,car --pairs '/data/folds/fold_{fold}/{split}.txt' --folds 5 \
        --config my_detector.py --methods TSJNet=out/tsjnet --work-dir work_dirs/folds
    python tools/downstream.py detection --dataset msrs --data-root data/toy \
        --config configs/downstream/faster-rcnn_r18_fpn_20e_toy.py \
        --methods average=out/average --work-dir work_dirs/toy        # minutes on a CPU

Every method gets the same split, seed and schedule; rows for the visible and the infrared
images are always added. A method's images are in DIR/train and DIR/test, or all in DIR, and are
matched by name; grey ones get the visible image's colour. Lists of pairs and folds come from
tools/dataset_converters/make_split.py, which keeps near-duplicates together.

Each method's folder in the work dir holds its data/, config.py, log.txt, run/ with checkpoints,
predictions (results.bbox.json, masks/) and scores.json. Run the same command again to continue
after an interruption, or to add methods; finished methods are not trained again.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from tsjnet_mm.utils.files import write_whole
from tsjnet_mm.utils.model_index import config_dir

from .arguments import add_method_paths, unique_names
from .dataset_arguments import add_dataset_arguments, build_dataset, has_splits
from .program import ToolParser, tool
from .run_arguments import add_config_options, config_options

if TYPE_CHECKING:
    from tsjnet_mm.datasets import PairedFusionDataset

CONFIGS = {
    'detection': 'downstream/yolox_m_300e_m3fd.py',
    'segmentation': 'downstream/bisenetv1_r18-d32_200e_msrs.py',
}


def parse_args() -> tuple[ToolParser, argparse.Namespace]:
    """Command line."""
    parser = ToolParser(__doc__)
    parser.add_argument('task', choices=CONFIGS, help='task of the network')
    add_dataset_arguments(parser, '{split} and {fold} in it stand for what they say')
    parser.add_argument(
        '--folds',
        type=int,
        default=1,
        metavar='K',
        help='cross-validation over the lists of folds 1 to K, which --pairs names by {fold}; '
        'scores are averaged (default: one run)',
    )
    words = 'folder of fused images for each method (default: the sources alone)'
    add_method_paths(parser, '--methods', words)
    parser.add_argument(
        '--config',
        help='of any network of mmdet or mmseg (Python code, which is run); its datasets, '
        'number of classes and evaluator '
        'are replaced (default: '
        + ', '.join(f'{task}: configs/{path}' for task, path in CONFIGS.items())
        + ')',
    )
    add_config_options(parser, 'of every run, e.g. train_dataloader.batch_size=4')
    parser.add_argument('--seed', type=int, default=0, help='of every run (default: 0)')
    parser.add_argument(
        '--gpus', type=int, default=1, metavar='N', help='GPUs to train on (default: 1)'
    )
    parser.add_argument(
        '--work-dir', required=True, metavar='DIR', help='folder of all runs and the table'
    )
    return parser, parser.parse_args()


def build_folds(args: argparse.Namespace) -> list[dict[str, PairedFusionDataset]]:
    """Training and test data of each fold."""
    if not has_splits(args):
        raise ValueError(
            f'{args.dataset} has no splits of its own: tell train and test apart by {{split}} '
            'in --data-root or --pairs (tools/dataset_converters/make_split.py makes lists)'
        )
    if args.folds > 1 and '{fold}' not in args.data_root + args.pairs:
        raise ValueError(f'--folds {args.folds} needs {{fold}} in --pairs')
    needed = ['boxes' if args.task == 'detection' else 'masks']
    return [
        {split: build_dataset(args, split, needed, fold) for split in ('train', 'test')}
        for fold in range(1, args.folds + 1)
    ]


@tool()
def main() -> None:
    """Train and test on each method's images, and write the table."""
    parser, args = parse_args()

    from tsjnet_mm.protocols.downstream_protocol import Protocol

    options = config_options(parser, args)
    protocol = Protocol(
        args.task,
        unique_names('method', args.methods),
        build_folds(args),
        args.config or config_dir() / CONFIGS[args.task],
        args.work_dir,
        args.seed,
        options,
        args.gpus,
    )
    rows, failed = protocol.scores()
    if rows:
        table = protocol.table(rows, 'markdown') + '\n'
        write_whole(Path(args.work_dir) / 'table.md', table)
        print(protocol.table(rows))
    if failed:
        parser.exit(1, f'error: {len(failed)} failed: {", ".join(failed)}\n')
