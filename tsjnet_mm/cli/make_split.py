r"""Split a dataset by seed, with near-duplicates on one side.

Frames of a video or of a fixed camera are nearly the same image. A random split would put them
into both the training and the test set. So pairs that show the same place are grouped, and
whole groups are assigned to a side. docs/datasets.md explains how groups are found.

Examples:
    python tools/dataset_converters/make_split.py data/M3FD_Detection --dataset m3fd
    python tools/dataset_converters/make_split.py data/M3FD_Detection --dataset m3fd \
        --folds 5 --out data/M3FD_Detection/folds
    python tools/dataset_converters/make_split.py data/MSRS --dataset msrs --split train \
        --ratio 9 1 --out data/MSRS/splits
    python tools/dataset_converters/make_split.py data/mine --ratio 7 1 2 \
        --names train val test --classes person car
    python tools/dataset_converters/make_split.py data/M3FD_Detection \
        --check data/M3FD_Detection/split.json
    python tools/dataset_converters/make_split.py names.txt --blocks 100 --ratio 8 1 1 \
        --names train val test --out lists

Each list has one stem per line; `ann_file='train.txt'` in a config reads it from the data root.
split.json records how the lists were made and their SHA-256. The same options and data give the
same files.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tsjnet_mm.io.text import expect
from tsjnet_mm.utils.parallel import available_cores
from tsjnet_mm.utils.words import counted

from .dataset_arguments import DATASETS, add_encoding_argument, dataset_class
from .program import ToolParser, tool

if TYPE_CHECKING:
    from tsjnet_mm.datasets.splits import Split

#: As the rooms that read and make splits have them, which a test compares.
RECORD, THRESHOLD = 'split.json', 0.25


def parse_args() -> argparse.Namespace:
    """Command line."""
    parser = ToolParser(__doc__)
    parser.add_argument(
        'data_root',
        metavar='DATA_ROOT',
        help='folder of the dataset; with --blocks a text file of names may stand for it',
    )
    parser.add_argument(
        '--dataset',
        choices=DATASETS,
        default='folder',
        help='its layout; folder: ir and vi (default: %(default)s)',
    )
    parser.add_argument(
        '--split',
        metavar='NAME',
        help='split to divide further, for sets that have some: train or test (default: none)',
    )
    parser.add_argument(
        '--classes',
        nargs='+',
        metavar='NAME',
        help='names of the classes in labels/ of a folder, to balance lists by them (default: '
        "the known datasets' own; none for a folder)",
    )
    sizes = parser.add_mutually_exclusive_group()
    sizes.add_argument(
        '--ratio',
        nargs='+',
        type=float,
        metavar='R',
        help='share of each list, in proportion (default: 8 2)',
    )
    sizes.add_argument(
        '--counts', nargs='+', type=int, metavar='N', help='pairs of each list instead'
    )
    sizes.add_argument(
        '--folds',
        type=int,
        metavar='K',
        help='folds instead: fold_<k>_train.txt and fold_<k>_val.txt for each',
    )
    parser.add_argument(
        '--names',
        nargs='+',
        default=['train', 'val'],
        metavar='NAME',
        help='names of the lists (default: train val)',
    )
    parser.add_argument(
        '--seed', type=int, default=0, help='another seed, another split (default: 0)'
    )
    parser.add_argument(
        '--threshold',
        type=float,
        default=THRESHOLD,
        metavar='T',
        help='similarity, up to 1, from which pairs are near-duplicates; lower makes larger '
        'groups, 2 none (default: %(default)s)',
    )
    parser.add_argument(
        '--blocks',
        type=int,
        metavar='N',
        help='group N consecutive numbers in the names instead of similar images, which are '
        'not read',
    )
    parser.add_argument('--out', metavar='DIR', help='folder of the lists (default: DATA_ROOT)')
    parser.add_argument(
        '--overwrite',
        action='store_true',
        help='replace other lists of these names (default: stop)',
    )
    parser.add_argument(
        '--check',
        metavar='FILE',
        help=f'verify the lists of this {RECORD} instead: that they are as they were made and '
        'cover the pairs in DATA_ROOT (of the dataset and split that it records)',
    )
    parser.add_argument(
        '--workers',
        type=int,
        default=available_cores(),
        metavar='N',
        help='threads that read images (default: the cores, here %(default)s)',
    )
    add_encoding_argument(parser)
    parser.add_argument('--quiet', action='store_true', help='no progress bar')
    return parser.parse_args()


def read_pairs(
    root: str, source: dict, encoding: str | None
) -> tuple[list[tuple[str, str, str]], dict[str, list[str]] | None]:
    """The pairs of a dataset, and the class names of their objects where they are labelled."""
    options = {'split': source['split']} if source['split'] else {}
    if source['dataset'] == 'folder':
        options['annotations'] = ['boxes'] if source['classes'] else []
    if source['classes']:
        options['metainfo'] = {'classes': source['classes']}
    dataset = dataset_class(source['dataset'])(
        data_root=root, encoding=encoding, test_mode=True, **options
    )
    infos = [dataset.get_data_info(index) for index in range(len(dataset))]
    pairs = [(info['img_id'], info['ir_path'], info['vi_path']) for info in infos]
    if 'instances' not in infos[0]:
        return pairs, None
    classes = dataset.metainfo['classes']
    labels = {
        info['img_id']: [classes[item['bbox_label']] for item in info['instances']]
        for info in infos
    }
    return pairs, labels


def read_source(path: str | Path) -> dict:
    """The source of the pairs of a recorded split."""
    from tsjnet_mm.datasets.split_lists import read_record

    source = read_record(path)['source']
    with expect(path, 'the dataset, split and classes that the lists were made of'):
        dataset, split, classes = (source[key] for key in ('dataset', 'split', 'classes'))
        if dataset not in DATASETS or not isinstance(split, str | None):
            raise ValueError(f'dataset {dataset!r}, split {split!r}')
        if not all(isinstance(name, str) for name in classes or ()):
            raise TypeError(f'classes {classes!r}')
    return source


def print_summary(split: Split, labels: dict[str, list[str]] | None) -> None:
    """Print the groups, and what each list holds."""
    from tsjnet_mm.evaluation.table import format_lines

    record = split.record
    kind = f'near-duplicates (threshold {record["threshold"]})'
    if record['blocks'] is not None:
        kind = f'{record["blocks"]} consecutive numbers'
    print(
        f'{counted(record["pairs"], "pair")} in {counted(record["groups"], "group")} of '
        f'{kind}; the largest has {counted(record["largest_group"], "pair")}'
    )
    rows = split.rows(labels)
    classes = sorted(set().union(*(objects for *_, objects in rows)))
    lines = [('list', 'pairs', 'groups', *classes)]
    for name, pairs, groups, objects in rows:
        lines.append((name, pairs, groups, *(objects[label] for label in classes)))
    print(format_lines([tuple(map(str, line)) for line in lines]))


@tool('nothing was written')
def main() -> None:
    """Make or check a split."""
    args = parse_args()

    from tsjnet_mm.datasets.splits import check_split, make_split, write_split

    source = {'dataset': args.dataset, 'split': args.split, 'classes': args.classes}
    if args.check:
        source = read_source(args.check)
        pairs, _ = read_pairs(args.data_root, source, args.encoding)
        check_split(args.check, [stem for stem, *_ in pairs])
        print(f'{args.check}: the lists are as they were made, of all {len(pairs)} pairs')
        return
    if args.blocks is not None and Path(args.data_root).is_file():
        from tsjnet_mm.datasets.split_lists import read_names

        pairs = [(stem, '', '') for stem in read_names(args.data_root, args.encoding)]
        labels = None
        if not args.out:
            raise ValueError(f'{args.data_root} is a list: name the folder to write by --out')
    else:
        pairs, labels = read_pairs(args.data_root, source, args.encoding)
    ratio = args.ratio
    if ratio is None and args.counts is None and args.folds is None:
        ratio = [8.0, 2.0]
    split = make_split(
        pairs,
        ratio,
        args.counts,
        args.folds,
        args.names,
        args.seed,
        args.threshold,
        labels,
        source,
        args.workers,
        progress=not args.quiet,
        blocks=args.blocks,
    )
    out = Path(args.out or args.data_root)
    written = write_split(split, out, args.overwrite)
    print_summary(split, labels)
    state = 'written' if written else 'already there, the same'
    print(f'{out}: {counted(len(split.lists), "list")} and {RECORD} {state}', file=sys.stderr)
