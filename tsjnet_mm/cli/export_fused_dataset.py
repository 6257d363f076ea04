r"""Export a dataset of fused images that unchanged mmdet and mmseg train on.

Examples:
    python tools/export_fused_dataset.py --dataset msrs --data-root data/MSRS \
        --layout coco mmseg --model tsjnet-light --out data/MSRS_tsjnet
    python tools/export_fused_dataset.py --dataset msrs --data-root data/MSRS \
        --layout voc --fused out/SeAFusion --out data/MSRS_SeAFusion     # any method's images
    python tools/export_fused_dataset.py --dataset m3fd --data-root data/M3FD --layout coco \
        --splits train test --pairs 'lists/{split}.txt' --source vi --out data/M3FD_vi
    python tools/export_fused_dataset.py --dataset folder --data-root 'data/mine/{split}' \
        --classes person,car --layout coco --model laplacian --out data/mine_fused

Layouts:
    coco    OUT/<split>/*.png, OUT/annotations/<split>.json          mmdet's CocoDataset
    voc     OUT/VOC2007/{JPEGImages,Annotations,ImageSets/Main}      mmdet's XMLDataset
            It reads only *.jpg: the images are lossless PNG with that extension.
    mmseg   OUT/{img_dir,ann_dir}/<split>/*.png, OUT/splits/<split>.txt
                                                                     mmseg's BaseSegDataset

coco and voc need boxes, mmseg needs masks. All images are 8-bit RGB PNG. OUT/dataset.json
records the sources. The command prints lines to paste into a config of mmdet or mmseg. Run the
same command again to finish an interrupted export: images with the same settings and sources
are kept.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from tsjnet_mm.utils.words import counted

from .arguments import (
    add_machine_arguments,
    add_overwrite_argument,
    add_source_arguments,
    check_arguments,
    make_inferencer,
    source_preparation,
)
from .dataset_arguments import add_dataset_arguments, build_dataset, has_splits
from .program import ToolParser, tool

if TYPE_CHECKING:
    from tsjnet_mm.apis.inferencer import FusionInferencer

LAYOUTS = ('coco', 'voc', 'mmseg')


def parse_args() -> argparse.Namespace:
    """Command line."""
    parser = ToolParser(__doc__)
    data = parser.add_argument_group('data')
    add_dataset_arguments(data)
    data.add_argument(
        '--splits',
        nargs='+',
        metavar='NAME',
        help='splits to export (default: train test; of m3fd and folder, if neither '
        '--data-root nor --pairs has {split}, all pairs as train)',
    )
    images = parser.add_argument_group('images, one of these')
    which = images.add_mutually_exclusive_group(required=True)
    which.add_argument(
        '--model',
        help='fuse by tsjnet-official, tsjnet-light, a fusor without weights such as laplacian '
        '(tools/fuse.py --help lists them), or a config file (Python code, which is run)',
    )
    which.add_argument(
        '--fused',
        metavar='DIR',
        help='images that some method fused, in DIR/<split> or in DIR; names may differ by '
        'words such as fused_ or _ir',
    )
    which.add_argument('--source', choices=['ir', 'vi'], help='one of the two sources alone')
    images = parser.add_argument_group('how to make them')
    images.add_argument('--weights', help='checkpoint of the model (default: published)')
    images.add_argument(
        '--keep-grey',
        action='store_true',
        help="leave fused images grey instead of giving them the visible image's colour",
    )
    add_source_arguments(parser, percentiles_of='each infrared image')
    add_overwrite_argument(parser)
    parser.add_argument(
        '--layout', required=True, nargs='+', choices=LAYOUTS, help='one or several'
    )
    parser.add_argument(
        '--out', required=True, type=Path, metavar='OUT', help='folder of the new dataset'
    )
    add_machine_arguments(parser, batched='pairs')
    args = parser.parse_args()
    if args.model:
        check_arguments(parser, args)
    elif args.weights:
        parser.error('--weights goes with --model')
    args.splits = choose_splits(parser, args)
    return args


def choose_splits(parser: argparse.ArgumentParser, args: argparse.Namespace) -> list[str]:
    """The splits asked for, if something tells them apart."""
    apart = has_splits(args)
    splits = args.splits or (['train', 'test'] if apart else ['train'])
    if len(splits) > 1 and not apart:
        parser.error(
            f'{args.dataset} has no splits of its own: write {{split}} for their names in '
            '--data-root or --pairs'
        )
    return splits


def choose_images(
    args: argparse.Namespace, inferencer: FusionInferencer | None, split: str
) -> FusionInferencer | str | Path:
    """The argument ``images`` of :func:`.export_dataset`."""
    if args.fused:
        folder = Path(args.fused, split)
        return folder if folder.is_dir() else Path(args.fused)
    return inferencer or args.source


@tool()
def main() -> None:
    """Export each split, then print the lines of a config; stop at the first problem."""
    args = parse_args()

    from tsjnet_mm.protocols.export_dataset import config_lines, export_dataset
    from tsjnet_mm.protocols.export_layouts import EXPORT_LAYOUTS

    needed = {EXPORT_LAYOUTS[name].needs[1] for name in args.layout}
    preparation = source_preparation(args)
    options = {
        'ir_affix': args.ir_affix,
        'vi_affix': args.vi_affix,
        'any_ir_size': preparation.moves_infrared,
    }
    datasets = {split: build_dataset(args, split, needed, **options) for split in args.splits}
    inferencer = make_inferencer(args, show_progress=False) if args.model else None
    for split, dataset in datasets.items():
        done = export_dataset(
            dataset,
            args.out,
            split,
            choose_images(args, inferencer, split),
            args.layout,
            keep_grey=args.keep_grey,
            batch_size=args.batch_size,
            progress=True,
            preparation=preparation,
            overwrite=args.overwrite,
        )
        objects = '' if done.objects is None else f', {counted(done.objects, "object")}'
        kept = f' ({done.kept} were there already)' if done.kept else ''
        print(f'{split}: {counted(done.pairs, "image")}{kept}{objects}')
    for layout in args.layout:
        library = 'mmseg' if layout == 'mmseg' else 'mmdet'
        print(f'\n# {layout}: at the end of a config of {library}')
        print('\n'.join(config_lines(args.out, layout)))
