"""Draw the toy dataset: registered infrared and visible road scenes, no download needed."""

import argparse
from collections.abc import Sequence

from .arguments import parse_size
from .program import ToolParser, tool

EPILOG = """\
The folder gets the layout of MSRS, so every MSRS config reads it through its data root:

  OUT/{train,test}/ir/00001N.png                   infrared, grey
  OUT/{train,test}/vi/00001N.png                   visible, RGB (N: night, D: day)
  OUT/{train,test}/labels/00001N.txt               class cx cy w h, relative;
                                                   0 person, 1 bicycle, 2 car
  OUT/{train,test}/Segmentation_labels/00001N.png  class of each pixel, 0 to 8
  OUT/toy.json                                     the options it was drawn with

The same options draw the same set, to the pixel; running again does nothing if it is there.
An existing toy dataset of other options is replaced, any other folder is left alone.

examples:
  python tools/dataset_converters/make_toy.py
  python tools/dataset_converters/make_toy.py --out data/toy_vga --size 640x480 --train 500
"""


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = ToolParser(__doc__, epilog=EPILOG)
    parser.add_argument(
        '--out', default='data/toy', help='folder to write (default: %(default)s)'
    )
    parser.add_argument(
        '--train', type=int, default=64, metavar='N', help='training pairs (default: 64)'
    )
    parser.add_argument(
        '--test', type=int, default=16, metavar='N', help='test pairs (default: 16)'
    )
    parser.add_argument(
        '--size',
        type=parse_size,
        default=(320, 240),
        metavar='WxH',
        help='size of the images (default: 320x240; MSRS has 640x480)',
    )
    parser.add_argument(
        '--seed', type=int, default=0, help='another seed, other scenes (default: 0)'
    )
    parser.add_argument(
        '--night-ratio',
        type=float,
        default=0.7,
        metavar='R',
        help='share of night scenes, 0 to 1 (default: 0.7)',
    )
    parser.add_argument('--quiet', action='store_true', help='no progress bar')
    return parser.parse_args(argv)


@tool('nothing was written')
def main(argv: Sequence[str] | None = None) -> None:
    """Draw the data set."""
    args = parse_args(argv)

    from tqdm import tqdm

    from tsjnet_mm.datasets.toy import write_toy_dataset

    # The delay: a set that is there, or an error, shows no bar.
    show = {'unit': 'pair', 'delay': 1e-3, 'mininterval': 0, 'disable': args.quiet}
    with tqdm(total=args.train + args.test, **show) as bar:
        drawn = write_toy_dataset(
            args.out,
            train=args.train,
            test=args.test,
            size=args.size,
            seed=args.seed,
            night_ratio=args.night_ratio,
            progress=lambda done, total: bar.update(),
        )
    state = 'drawn' if drawn else 'already there, nothing to do'
    print(f'{args.out}: {args.train} + {args.test} pairs to train and to test, {state}')
