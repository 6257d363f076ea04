r"""Fit how the infrared camera's pixels map to the visible camera's to points, and save it.

Examples:
    python tools/register.py --ir ir.png --vi vi.png --points points.csv --out H.json
    python tools/register.py --ir ir.png --vi vi.png --points points.csv --out H.json \
        --preview H.png
    python tools/fuse.py --ir IR --vi VI --out OUT --warp H.json    # then fuse all pairs

The points are at least 4 that both cameras see, a line x_ir,y_ir,x_vi,y_vi each, far away and
spread over the image. The preview shows tiles of either image in turn: edges must run on across
them. The mapping holds while the cameras do not move to each other, and exactly for far scenes
only: near things shift with their distance.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np

from tsjnet_mm.apis.pairs import to_array, warp
from tsjnet_mm.apis.register import draw_checkerboard, read_points, register_points
from tsjnet_mm.datasets.image_io import infrared_to_unit, visible_to_unit
from tsjnet_mm.visualization.sheet import save_png


def parse_args():
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--ir', required=True, help='infrared image')
    parser.add_argument('--vi', required=True, help='visible image of the same moment')
    parser.add_argument('--out', required=True, type=Path, help='JSON file to write')
    parser.add_argument('--points', required=True, metavar='CSV', help='corresponding points')
    parser.add_argument('--preview', type=Path, metavar='PNG', help='checkerboard of the two')
    parser.add_argument(
        '--ir-percentiles',
        nargs=2,
        type=float,
        metavar=('LOW', 'HIGH'),
        help='of the infrared image that become black and white, e.g. 1 99 for 16 bits',
    )
    return parser, parser.parse_args()


def main():
    """Read the pair, find the mapping, and write it."""
    parser, args = parse_args()
    try:
        ir = infrared_to_unit(to_array(args.ir, args.ir), args.ir, None, args.ir_percentiles)
        colour = visible_to_unit(to_array(args.vi, args.vi), args.vi)
        vi = cv2.cvtColor(np.ascontiguousarray(colour), cv2.COLOR_RGB2GRAY)
        found = register_points(read_points(args.points))
        if args.preview:
            warped = warp(ir, found.homography, vi.shape)
            save_png(draw_checkerboard(warped, vi), args.preview)
        found.save(args.out, ir.shape[::-1], vi.shape[::-1])
    except (OSError, ValueError) as error:
        parser.exit(1, f'error: {error}\n')
    print(f'{args.out}: {found.error:.2f} visible pixels off the points (root mean square)')


if __name__ == '__main__':
    main()
