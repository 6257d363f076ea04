r"""Write a published dataset in the layout of the configs, and check that it is complete.

Download the archives from their authors (docs/datasets.md has the links). Then name the dataset
and the archives, or the folders they were unpacked to, in any order:

Examples:
    python tools/dataset_converters/prepare.py msrs MSRS-main.zip MSRS-detection-label-main.zip
    python tools/dataset_converters/prepare.py m3fd-fusion M3FD_Fusion.zip
    python tools/dataset_converters/prepare.py m3fd-detection M3FD_Detection.zip --split m3fd
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

from tsjnet_mm.datasets.convert.published import PUBLISHED

from .program import ToolParser, tool


def describe_datasets() -> str:
    """Names with what each holds, for ``--help``."""
    lines = ['datasets:']
    for name, published in PUBLISHED.items():
        pairs = ', '.join(
            f'{split} {count}' if split else f'{count} pairs'
            for split, count in published.pairs.items()
        )
        folders = ', '.join(part.source or part.target for part in published.parts)
        lines.append(f'  {name:<15} {pairs}; to {published.root}')
        lines.append(f'  {"":<15} from {folders}')
    return '\n'.join(lines)


def parse_args() -> argparse.Namespace:
    """Command line."""
    parser = ToolParser(__doc__, epilog=describe_datasets())
    parser.add_argument(
        'name', choices=PUBLISHED, metavar='DATASET', help='one of those listed below'
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
    parser.add_argument(
        '--split',
        metavar='NAME',
        help='copy the lists of this split of the package into the folder, such as m3fd or '
        'roadscene-50 (docs/datasets.md)',
    )
    parser.add_argument('--quiet', action='store_true', help='no progress bar')
    return parser.parse_args()


@tool('nothing was written')
def main() -> None:
    """Prepare the dataset and say what it holds."""
    args = parse_args()

    from tsjnet_mm.datasets.convert import prepare_dataset
    from tsjnet_mm.datasets.shipped_splits import find_split

    prepared = prepare_dataset(
        args.name,
        args.sources,
        args.out,
        args.link,
        args.allow_partial,
        progress=not args.quiet,
        split=find_split(args.split) if args.split else None,
    )
    for warning in prepared.warnings:
        print(f'warning: {warning}', file=sys.stderr)
    pairs = ', '.join(f'{split or "all"} {count}' for split, count in prepared.pairs.items())
    state = 'written' if prepared.written else 'already there, nothing to do'
    print(f'{prepared.root}: pairs: {pairs}; {", ".join(prepared.kinds)}; {state}')
