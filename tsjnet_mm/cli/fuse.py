r"""Fuse infrared and visible images: two files, or two folders whose files pair by name.

Examples:
    python tools/fuse.py --ir ir.png --vi vi.png --out fused/
    python tools/fuse.py --ir data/MSRS/test/ir --vi data/MSRS/test/vi --out fused/ \
        --model tsjnet-light --weights work_dirs/tsjnet_light_joint_40e_msrs/epoch_40.pth
    python tools/fuse.py --ir IR --vi VI --out OUT --model laplacian   # without a network
    python tools/fuse.py --ir 'IR/**/*.tif' --vi 'VI/**/*.png' --out OUT --ir-percentiles 1 99
    python tools/fuse.py --ir IR --vi VI --out OUT --grey      # luma only
    python tools/fuse.py --ir IR --vi VI --out OUT --register auto # the mapping is found first
    python tools/fuse.py --ir IR --vi VI --out OUT --warp H.json   # see tools/register.py
    python tools/fuse.py --ir IR --vi VI --out OUT --watch         # as files arrive
    torchrun --nproc_per_node 4 -- tools/fuse.py --ir IR --vi VI --out OUT    # share the work

Models:
    tsjnet-driven           the default: keeps daylight, shows objects to people and detectors
    tsjnet-light            smaller error to both sources, darker days
    tsjnet-tiny             as tsjnet-light, as fast as the pyramid
    tsjnet-small            the paper's structure and training at a quarter of the width, for
                            research: 200 times as slow, worse images
                            (the weights of these four are in the package)
    laplacian, wavelet, guided-filter, average, max               without weights
    tsjnet-official, or a config file                             needs --weights
    a published network     needs its authors' file: --model seafusion --weights FILE
                            (docs/models.md lists the networks)

The fused image has the visible image's size and colour. Run the same command again to finish an
interrupted run: images with the same settings and sources are kept. Sources are never
overwritten, and files that this package did not make only with --overwrite. Under torchrun or
slurm each process fuses its share of the pairs. Without them, several processes that run the
same command share the pairs.
"""

from __future__ import annotations

import argparse
import math
import os
from typing import TYPE_CHECKING

from tsjnet_mm.io.written import WRITTEN_FORMATS
from tsjnet_mm.utils.parallel import local_rank
from tsjnet_mm.utils.words import counted

from .arguments import (
    add_fusing_arguments,
    add_register_argument,
    add_style_arguments,
    add_temperatures_argument,
    check_arguments,
    check_style,
    make_inferencer,
    source_options,
)
from .program import ToolParser, tool

if TYPE_CHECKING:
    from tsjnet_mm.io.preparation import Preparation


def parse_args() -> argparse.Namespace:
    """Command line."""
    parser = ToolParser(__doc__)
    parser.add_argument(
        '--ir', required=True, help="infrared image, folder of images, or 'pattern'"
    )
    parser.add_argument(
        '--vi',
        required=True,
        help="visible image, folder of images, or 'pattern'; embedded: those within the FLIR "
        'radiometric JPEGs of --ir',
    )
    parser.add_argument(
        '--out', required=True, help='folder for fused images; of one pair also a file: f.png'
    )
    parser.add_argument(
        '--grey', action='store_true', help='write the fused luma instead of a colour image'
    )
    parser.add_argument(
        '--stretch', action='store_true', help='stretch each fused luma to the full range'
    )
    parser.add_argument(
        '--extension',
        help=f'format of the files, one of {", ".join(WRITTEN_FORMATS)} (default: .png)',
    )
    parser.add_argument(
        '--quality',
        type=int,
        help='1 to 100, of .jpg (default: 95) and .webp (default: lossless)',
    )
    parser.add_argument(
        '--watch',
        nargs='?',
        type=float,
        const=math.inf,
        metavar='SECONDS',
        help='fuse pairs as they arrive in the folders, until Ctrl-C or SIGTERM, or until none '
        'has come for so many seconds; a file is read when it has not changed for a second',
    )
    machine = add_fusing_arguments(parser, 'each infrared image', batched='pairs')
    machine.add_argument(
        '--tile',
        type=int,
        default=1024,
        help='fuse larger images in tiles of this side; 0: never (default: %(default)s)',
    )
    machine.add_argument(
        '--overlap', type=int, default=128, help='of tiles, in pixels (default: %(default)s)'
    )
    add_style_arguments(parser)
    add_temperatures_argument(parser)
    add_register_argument(parser, 'that up to 8 pairs share')
    args = parser.parse_args()
    if args.register and (args.warp or args.resize or args.watch is not None):
        parser.error('--register stands alone: give no --warp, --resize or --watch with it')
    if args.watch is not None and not args.watch > 0:
        parser.error(f'argument --watch: expected seconds above 0, got {args.watch:g}')
    check_style(parser, args)
    check_arguments(parser, args)
    return args


def find_share() -> tuple[int, int]:
    """This process's number and how many share the work, by torchrun's or slurm's variables."""
    for rank, size in (('RANK', 'WORLD_SIZE'), ('SLURM_PROCID', 'SLURM_NTASKS')):
        if rank in os.environ and size in os.environ:
            return int(os.environ[rank]), int(os.environ[size])
    return 0, 1


def find_mapping(
    args: argparse.Namespace, preparation: Preparation, is_told: bool
) -> Preparation:
    """The preparation with the mapping that the pairs share; prints what was found."""
    from tsjnet_mm.io.embedded import find_visible
    from tsjnet_mm.io.matching import find_pairs
    from tsjnet_mm.registration.drift import registered

    vi = find_visible(args.ir, args.vi)
    sources = find_pairs(args.ir, vi, args.ir_affix, args.vi_affix)
    preparation, words = registered(preparation, list(sources))
    if is_told:
        print(f'registered: {words}', flush=True)
    return preparation


@tool()
def main() -> None:
    """Fuse all pairs; stop with a message at the first that cannot be fused."""
    args = parse_args()

    from tsjnet_mm.apis import fuse_to_folder, watch_to_folder

    rank, world_size = find_share()
    if args.device == 'cuda':
        args.device = f'cuda:{local_rank()}'
    fuse = make_inferencer(args, tile=args.tile, overlap=args.overlap, show_progress=rank == 0)
    options = {
        'extension': args.extension,
        'batch_size': args.batch_size,
        'quality': args.quality,
        'grey': args.grey,
        'stretch': args.stretch,
        'overwrite': args.overwrite,
        'temperatures': args.temperatures,
        **source_options(args),
    }
    if args.register:
        options['preparation'] = find_mapping(args, options['preparation'], rank == 0)
    if args.watch is not None:
        watched = watch_to_folder(fuse, args.ir, args.vi, args.out, args.watch, **options)
        print(f'{watched} in {args.out}')
        if watched.interrupted:
            raise KeyboardInterrupt('the same command continues')
        return
    fused, kept = fuse_to_folder(
        fuse, args.ir, args.vi, args.out, rank=rank, world_size=world_size, **options
    )
    done = f', {kept} were there already' if kept else ''
    print(f'{counted(fused, "fused image")} in {args.out}{done}')
