r"""Find the homography from infrared to visible pixels, and save it.

Examples:
    python tools/register.py --ir ir.png --vi vi.png --out H.json --preview H.png
    python tools/register.py --ir IR --vi VI --out H.json --preview H.png
    python tools/register.py --ir ir.mp4 --vi vi.mp4 --out H.json
    python tools/register.py --ir ir.png --vi vi.png --points points.csv --out H.json \
        --preview H.png
    python tools/fuse.py --ir IR --vi VI --out OUT --warp H.json    # then fuse all pairs

Without points: give one pair, two folders of pairs by the same two cameras, or two videos. Some
pairs, spread evenly, are searched for common edges; several give one mapping that all of them
share, and are refused less often than one. A mapping is accepted if enough parts of the images
agree on it, and these are spread over the image. Otherwise nothing is written, and the message
says why. The cameras may be rotated by up to about 15 degrees, and the field of view of one may
be half of the other's. Distant edges that both cameras see help; near ones harm.

With points: give at least 4 distant points that both cameras see, spread over the image, one
line x_ir,y_ir,x_vi,y_vi each.

The preview shows alternating tiles of both images: edges must be continuous across tiles.
Regions that stay misaligned are red, with arrows from the infrared edges to the visible ones.
The mapping is valid while the cameras do not move relative to each other. It is exact only for
distant scenes: near objects shift with their distance.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .arguments import (
    add_affix_arguments,
    add_calibration_arguments,
    add_overwrite_argument,
    add_range_arguments,
    source_options,
)
from .program import ToolParser, tool

if TYPE_CHECKING:
    import numpy as np

    from tsjnet_mm.io.pairs import Pair
    from tsjnet_mm.registration.homography import Registration


def parse_args() -> tuple[ToolParser, argparse.Namespace]:
    """Command line."""
    parser = ToolParser(__doc__)
    parser.add_argument(
        '--ir', required=True, help='infrared images: file, folder, glob or video'
    )
    parser.add_argument('--vi', required=True, help='visible images of the same moments')
    parser.add_argument('--out', required=True, type=Path, help='JSON file to write')
    parser.add_argument(
        '--points', metavar='CSV', help='fit corresponding points of the (first) pair instead'
    )
    parser.add_argument(
        '--max-pairs',
        type=int,
        default=8,
        help='largest number of pairs for the estimate (default 8)',
    )
    parser.add_argument(
        '--preview', type=Path, metavar='PNG', help='checkerboards of up to 4 pairs'
    )
    add_range_arguments(parser)
    add_calibration_arguments(parser)
    add_affix_arguments(parser)
    add_overwrite_argument(parser)
    return parser, parser.parse_args()


def is_video(source: str) -> bool:
    """Whether a source is a file of frames rather than an image, a folder or a pattern."""
    from tsjnet_mm.io.images import IMAGE_EXTENSIONS

    return Path(source).is_file() and Path(source).suffix.lower() not in IMAGE_EXTENSIONS


def read(args: argparse.Namespace, count: int) -> Iterator[Pair]:
    """Up to so many pairs, spread evenly over folders or videos."""
    from tsjnet_mm.registration.homography import read_pairs

    options = source_options(args)
    if not (is_video(args.ir) and is_video(args.vi)):
        return read_pairs(args.ir, args.vi, count, **options)

    from tsjnet_mm.video.samples import sample_pairs

    return sample_pairs(args.ir, args.vi, count, options['preparation'])


def find(args: argparse.Namespace) -> tuple[Registration, list[Pair]]:
    """Read the pairs and find their mapping; what was found, and the pairs."""
    from tqdm import tqdm

    from tsjnet_mm.registration.homography import (
        RegistrationError,
        read_points,
        register_pairs,
        register_points,
    )

    pairs = list(read(args, 1 if args.points else args.max_pairs))
    if args.points:
        points = read_points(args.points)
        try:
            found = register_points(points)
        except RegistrationError as error:
            raise RegistrationError(f'{args.points}: {error}') from error
        return found, pairs
    found = register_pairs(pairs, lambda items: tqdm(items, 'aligning', unit='pair'))
    used = [pair for pair in pairs if pair.name in found.pairs]
    return found, used


def stretch(image: np.ndarray) -> np.ndarray:
    """The image with its darkest and brightest hundredth cut off: night images show more."""
    import numpy as np

    low, high = np.percentile(image, (1, 99))
    return (image - low) / max(high - low, 1e-6)


def draw_preview(pairs: Sequence[Pair], homography: np.ndarray) -> np.ndarray:
    """Checkerboards of up to four pairs, spread evenly; red where they stay misaligned.

    Where the infrared camera sees nothing, its tiles show the visible image.
    """
    import numpy as np

    from tsjnet_mm.io.warping import Homography, seen_weights, warp
    from tsjnet_mm.registration.homography import draw_checkerboard
    from tsjnet_mm.registration.parallax import draw_parallax, measure_parallax
    from tsjnet_mm.visualization.sheet import make_sheet

    places = np.unique(np.linspace(0, len(pairs) - 1, 4).round().astype(int))
    boards, captions = [], []
    for pair in (pairs[i] for i in places):
        ir = warp(pair.ir, homography, pair.vi.shape)
        seen = seen_weights(Homography(homography), None, pair.ir.shape, pair.vi.shape)
        left = measure_parallax(ir, pair.vi, seen)
        tiles, vi = stretch(ir), stretch(pair.vi)
        tiles = tiles if seen is None else vi + seen * (tiles - vi)
        boards.append(draw_parallax(draw_checkerboard(tiles, vi), left))
        captions.append(pair.name)
        print(f'{pair.name}: {left}')
    if len(boards) == 1:
        return boards[0]
    return make_sheet(
        [boards[i : i + 2] for i in range(0, len(boards), 2)],
        captions=[',  '.join(captions[i : i + 2]) for i in range(0, len(captions), 2)],
    )


@tool()
def main() -> None:
    """Find the mapping and write it."""
    parser, args = parse_args()

    from tsjnet_mm.io.matching import find_pairs
    from tsjnet_mm.io.outputs import check_outputs, list_sources
    from tsjnet_mm.visualization.sheet import save_png

    if args.max_pairs < 1:
        parser.error(f'--max-pairs: expected at least 1, got {args.max_pairs}')
    outputs = [args.out, *([args.preview] if args.preview else [])]
    sources, listed = [args.ir, args.vi], ()
    if not (is_video(args.ir) and is_video(args.vi)):
        found = find_pairs(args.ir, args.vi, args.ir_affix, args.vi_affix)
        sources = [path for _, *files in found for path in files]
        listed = list_sources(args.ir, args.vi)
    sources += [args.points] if args.points else []
    check_outputs(outputs, sources, args.overwrite, listed)
    found, pairs = find(args)
    if args.preview:
        save_png(draw_preview(pairs, found.homography), args.preview)
    found.save(args.out, pairs[0].ir.shape[::-1], pairs[0].vi.shape[::-1])
    print(f'{args.out}: {found} (root mean square)')
