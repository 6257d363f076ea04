r"""Lay a published dataset out as the configs read it, and check that it is all there.

Download the archives from where their authors publish them (docs/datasets.md has the links),
then name the dataset and the archives, or the folders they were unpacked to, in any order:

Examples:
    python tools/dataset_converters/prepare.py msrs MSRS-main.zip MSRS-detection-label-main.zip
    python tools/dataset_converters/prepare.py m3fd-fusion M3FD_Fusion.zip
    python tools/dataset_converters/prepare.py m3fd-detection M3FD_Detection.zip
    python tools/dataset_converters/prepare.py llvip ~/downloads/LLVIP --link
    python tools/dataset_converters/prepare.py roadscene RoadScene-master.zip
    python tools/dataset_converters/prepare.py fmb FMB.zip --out /data/FMB

The folders are found by their names wherever they lie in an archive. Anything missing, extra
or of another size than published stops the tool before the dataset takes its place, with a list
of what differs. It appears whole or not at all, in a folder that is not there yet; running
again on the same files does nothing.
"""

import sys

from tsjnet_mm.datasets.convert import PUBLISHED, prepare_dataset
from tsjnet_mm.utils.words import counted

from .program import ToolParser, tool


def describe_datasets():
    """Names with what each holds, for ``--help``."""
    lines = ['datasets:']
    for name, published in PUBLISHED.items():
        pairs = ', '.join(
            f'{split} {count}' if split else counted(count, 'pair')
            for split, count in published.pairs.items()
        )
        folders = ', '.join(part.source or part.target for part in published.parts)
        lines += [f'  {name:<15} {pairs}; to {published.root}', f'  {"":<15} from {folders}']
    return '\n'.join(lines)


def parse_args():
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
        help='take the pairs that are there and warn of what is not as published '
        '(default: stop)',
    )
    parser.add_argument('--quiet', action='store_true', help='no progress bar')
    return parser.parse_args()


@tool('nothing was written')
def main():
    """Prepare the dataset and say what it holds."""
    args = parse_args()
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
