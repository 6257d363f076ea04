r"""Compare fused images side by side: a row per scene, a column per method, zoomed insets.

Examples:
    python tools/analysis_tools/plot_grid.py --ir MSRS/test/ir --vi MSRS/test/vi \
        --fused SeAFusion=out/SeAFusion mine=out/mine --out grid.pdf
    python tools/analysis_tools/plot_grid.py --ir IR --vi VI --fused a=A b=B mine=C \
        --scene 00537D:40,200,90,70:410,180,90,70 --scene 00881N --highlight mine \
        --recolour --out grid.png grid.pdf
    python tools/analysis_tools/plot_grid.py --ir IR --vi VI --fused a=A b=B \
        --zoom 40,200,90,70 --zoom 410,180,90,70 --count 3 --out grid.png

Regions are x,y,w,h in pixels of the scene, x and y of the upper left corner, w and h at most a
quarter of its sides; the first is outlined and magnified in red, the second in green. A scene
without its own regions has those of --zoom, or else the two windows in which the contrast of
the fused images differs most. Insets are in the corners with the least detail and cover no
region. The command prints scenes and regions as options that you can copy.

Files are matched by name, as in tools/evaluate.py; the name of a scene is the stem of its
visible image. Columns keep the order of --fused. Images are written in their own resolution.
"""

import argparse

from .arguments import add_method_paths, unique_names
from .figure_scenes import (
    add_figure_arguments,
    add_source_folders,
    check_scene_figure,
    find_folders,
    find_scenes,
    read_scene,
    write_figure,
)
from .program import ToolParser, tool


def parse_region(text: str) -> tuple[int, int, int, int]:
    """Parse x,y,w,h."""
    try:
        x, y, w, h = (int(part) for part in text.split(','))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f'expected a region x,y,w,h such as 40,200,90,70, got {text!r}'
        ) from None
    return x, y, w, h


def parse_scene(text: str) -> tuple[str, list[tuple[int, int, int, int]]]:
    """Parse NAME[:x,y,w,h[:x,y,w,h]]."""
    name, *regions = text.split(':')
    return name, [parse_region(region) for region in regions]


def parse_args() -> argparse.Namespace:
    """Command line."""
    parser = ToolParser(__doc__)
    add_source_folders(parser)
    words = 'folder of fused images for each method'
    add_method_paths(parser, '--fused', words, required=True)
    parser.add_argument(
        '--scene',
        action='append',
        default=[],
        type=parse_scene,
        metavar='NAME[:x,y,w,h[:x,y,w,h]]',
        help='scene to show, with regions of its own; may be repeated (default: --count of '
        'them, spread evenly over all)',
    )
    parser.add_argument(
        '--zoom',
        action='append',
        default=[],
        type=parse_region,
        metavar='x,y,w,h',
        help='region of every scene without its own; at most twice (default: where the methods '
        'differ most)',
    )
    add_figure_arguments(parser)
    return parser.parse_args()


@tool()
def main() -> None:
    """Find and read the scenes, choose regions, draw, write."""
    args = parse_args()

    import numpy as np

    from tsjnet_mm.visualization import differing_windows, grid_figure

    fused, scenes = unique_names('method', args.fused), unique_names('scene', args.scene)
    check_scene_figure(args)
    files = find_scenes(*find_folders(args, fused), scenes)
    if not scenes:  # Spread evenly over all.
        places = np.linspace(0, len(files) - 1, min(args.count, len(files)))
        files = [files[round(at)] for at in places]
    rows, regions = [], []
    for item in files:
        rows.append(read_scene(item, args.recolour))
        differing = rows[-1][2:] if len(fused) > 1 else rows[-1]
        regions.append(scenes.get(item.image) or args.zoom or differing_windows(differing))
    titles = ['Infrared', 'Visible', *fused]
    names = [item.image for item in files]
    figure = grid_figure(rows, titles, regions, names, args.highlight, args.width)
    shown = (
        ':'.join([name, *(','.join(map(str, box)) for box in boxes)])
        for name, boxes in zip(names, regions, strict=True)
    )
    write_figure(figure, args.out, shown)
