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
without regions of its own takes those of --zoom, or else the two windows in which the fused
images differ most in contrast: no one's choice. Insets take the corners in which they hide
least, and cover no region. Scenes and regions are printed as options, to be copied and adapted.

Files belong together by name, as in tools/evaluate.py; a scene is called by the stem of its
visible image. Columns keep the order of --fused. Images are written in their own resolution.
"""

import argparse

import numpy as np
import torch

from tsjnet_mm.apis.fusion_files import find_files, format_problems, read_files
from tsjnet_mm.datasets.errors import PairError
from tsjnet_mm.utils import recolour
from tsjnet_mm.visualization import (
    TEXT_WIDTH,
    check_figure_path,
    differing_windows,
    grid_figure,
    save_figure,
)


def parse_region(text):
    """Parse x,y,w,h."""
    try:
        x, y, w, h = (int(part) for part in text.split(','))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f'expected a region x,y,w,h such as 40,200,90,70, got {text!r}'
        ) from None
    return x, y, w, h


def parse_scene(text):
    """Parse NAME[:x,y,w,h[:x,y,w,h]]."""
    name, *regions = text.split(':')
    return name, [parse_region(region) for region in regions]


def parse_method(text):
    """Parse NAME=DIR."""
    name, _, folder = text.partition('=')
    if not name or not folder:
        raise argparse.ArgumentTypeError(f'expected NAME=DIR, got {text!r}')
    return name, folder


def parse_args():
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--ir', required=True, metavar='DIR', help='folder of infrared images')
    parser.add_argument('--vi', required=True, metavar='DIR', help='folder of visible images')
    parser.add_argument(
        '--fused',
        nargs='+',
        required=True,
        type=parse_method,
        metavar='NAME=DIR',
        help='folder of fused images for each method',
    )
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
    parser.add_argument(
        '--count',
        type=int,
        default=4,
        metavar='N',
        help='number of scenes where none is named (default: %(default)s)',
    )
    parser.add_argument(
        '--recolour',
        action='store_true',
        help="give grey fused images the visible image's chroma, so that all are in colour",
    )
    parser.add_argument('--highlight', metavar='NAME', help='method to set in bold')
    parser.add_argument(
        '--width',
        type=float,
        default=TEXT_WIDTH,
        metavar='INCHES',
        help='printed width, which sets the size of the letters (default: %(default)s)',
    )
    parser.add_argument(
        '--out', nargs='+', required=True, metavar='FILE', help='.png or .pdf, or both'
    )
    return parser, parser.parse_args()


def choose_scenes(files, problems, wanted, count):
    """The files of the wanted scenes, or of some spread evenly over all."""
    if count < 1:
        raise ValueError(f'--count must be at least 1, got {count}')
    found = {item.image: item for item in files}
    missing = [name for name in wanted if name not in found]
    if missing or not found:
        known = f'; such are {", ".join([*found][:10])}' if found else ''
        raise PairError(
            f'no scene {", ".join(missing)} with an image in every folder{known}\n'
            f'{format_problems(problems)}'.rstrip()
        )
    if wanted:
        return [found[name] for name in wanted]
    return [files[round(at)] for at in np.linspace(0, len(files) - 1, min(count, len(files)))]


def read_scene(files, recoloured):
    """Infrared, visible and fused images of a scene, (H, W, 1 or 3) in [0, 1]."""
    ir, *images = (torch.from_numpy(image / 255.0) for image in read_files(files, 'plain'))
    for path, image in zip((files.vi, *files.fused.values()), images, strict=True):
        found, expected = (f'{side.shape[2]}x{side.shape[1]}' for side in (image, ir))
        if found != expected:
            raise PairError.of('size', path, f'{expected} as {files.ir}', found)
    vi, *fused = images
    if recoloured:
        fused = [recolour(image, vi) if image.shape[0] == 1 else image for image in fused]
    return [image.permute(1, 2, 0).numpy() for image in (ir, vi, *fused)]


def main():
    """Find and read the scenes, choose regions, draw, write."""
    parser, args = parse_args()
    try:
        for path in args.out:
            check_figure_path(path)
        fused, scenes = dict(args.fused), dict(args.scene)
        for what, given, kept in (('method', args.fused, fused), ('scene', args.scene, scenes)):
            if len(given) != len(kept):
                raise ValueError(f'each {what} needs a name of its own, got {[*kept]} and more')
        files, *problems = find_files(fused, args.ir, args.vi)
        problems = {**problems[0], **problems[1]}
        files = choose_scenes(files, problems, scenes, args.count)
        rows, regions = [], []
        for item in files:
            rows.append(read_scene(item, args.recolour))
            differing = rows[-1][2:] if len(fused) > 1 else rows[-1]
            regions.append(scenes.get(item.image) or args.zoom or differing_windows(differing))
        titles = ['Infrared', 'Visible', *fused]
        names = [item.image for item in files]
        figure = grid_figure(rows, titles, regions, names, args.highlight, args.width)
        for path in args.out:
            save_figure(figure, path)
    except (OSError, ValueError) as error:
        parser.exit(1, f'error: {error}\n')
    for name, boxes in zip(names, regions, strict=True):
        print(f'--scene {":".join([name, *(",".join(map(str, box)) for box in boxes)])}')
    print(f'written: {", ".join(args.out)}')


if __name__ == '__main__':
    main()
