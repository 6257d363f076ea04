r"""Write a published dataset in the layout of the configs, and check that it is complete.

Download the archives from their authors (docs/datasets.md has the links). Then name the dataset
and the archives, or the folders they were unpacked to, in any order:

Examples:
    python tools/dataset_converters/prepare.py msrs MSRS-main.zip MSRS-detection-label-main.zip
    python tools/dataset_converters/prepare.py m3fd-fusion M3FD_Fusion.zip
    python tools/dataset_converters/prepare.py m3fd-detection M3FD_Detection.zip
    python tools/dataset_converters/prepare.py llvip ~/downloads/LLVIP --link
    python tools/dataset_converters/prepare.py roadscene RoadScene-master.zip
    python tools/dataset_converters/prepare.py fmb FMB.zip --out /data/FMB

The tool finds the folders by their names, anywhere in an archive. If files are missing,
superfluous or of another size than published, it lists them and writes no dataset. The output
folder must not exist, and appears only when it is complete. Running the command again on the
same files does nothing.
"""

import argparse
import sys

from .program import ToolParser, tool

# As datasets/convert/published.py has them, which needs torch; a test compares both.
DATASETS = {
    'msrs': """train 1083, test 361; to data/MSRS
        from {split}/ir, {split}/vi, {split}/Segmentation_labels, fusion/{split}""",
    'm3fd-fusion': """300 pairs; to data/M3FD_Fusion
        from Ir, Vis""",
    'm3fd-detection': """4200 pairs; to data/M3FD_Detection
        from Ir, Vis, Annotation""",
    'llvip': """train 12025, test 3463; to data/LLVIP
        from infrared/{split}, visible/{split}, Annotations""",
    'roadscene': """221 pairs; to data/RoadScene
        from cropinfrared, crop_LR_visible""",
    'fmb': """train 1220, test 280; to data/FMB
        from {split}/Infrared, {split}/Visible, {split}/Label""",
}


def describe_datasets() -> str:
    """Names with what each holds, for ``--help``."""
    lines = ['datasets:']
    for name, held in DATASETS.items():
        pairs, folders = held.splitlines()
        lines += [f'  {name:<15} {pairs}', f'  {"":<15} {folders.strip()}']
    return '\n'.join(lines)


def parse_args() -> argparse.Namespace:
    """Command line."""
    parser = ToolParser(__doc__, epilog=describe_datasets())
    parser.add_argument(
        'name', choices=DATASETS, metavar='DATASET', help='one of those listed below'
    )
    parser.add_argument(
        'sources',
        nargs='+',
        metavar='SOURCE',
        help='zip or tar archive, or folder it was unpacked to (unpack .rar and .7z yourself)',
    )
    parser.add_argument(
        '--out',
        metavar='DIR',
        help="the dataset's folder (default: where the configs look, listed below)",
    )
    parser.add_argument(
        '--link',
        action='store_true',
        help='symbolic links to the files of unpacked folders instead of copies, which need no '
        'space but the folders to stay (default: copies)',
    )
    parser.add_argument(
        '--allow-partial',
        action='store_true',
        help='use the existing pairs and warn of differences from the published dataset '
        '(default: stop)',
    )
    parser.add_argument('--quiet', action='store_true', help='no progress bar')
    return parser.parse_args()


@tool('nothing was written')
def main() -> None:
    """Prepare the dataset and say what it holds."""
    args = parse_args()

    from tsjnet_mm.datasets.convert import prepare_dataset

    prepared = prepare_dataset(
        args.name,
        args.sources,
        args.out,
        args.link,
        args.allow_partial,
        progress=not args.quiet,
    )
    for warning in prepared.warnings:
        print(f'warning: {warning}', file=sys.stderr)
    pairs = ', '.join(f'{split or "all"} {count}' for split, count in prepared.pairs.items())
    state = 'written' if prepared.written else 'already there, nothing to do'
    print(f'{prepared.root}: pairs: {pairs}; {", ".join(prepared.kinds)}; {state}')
