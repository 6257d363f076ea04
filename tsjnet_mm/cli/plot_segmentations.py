r"""Compare the masks predicted from the images of several methods, with errors marked.

Examples:
    python tools/analysis_tools/plot_segmentations.py --ir MSRS/test/ir --vi MSRS/test/vi \
        --truth MSRS/test/Segmentation_labels --masks average=seg/average mine=seg/mine \
        --images average=out/average mine=out/mine --dataset msrs --out segmentations.pdf
    python tools/analysis_tools/plot_segmentations.py --ir IR --vi VI --truth TRUTH \
        --masks Infrared=seg/ir mine=seg/mine --images Infrared=IR mine=out/mine \
        --classes background car person --scene 00939D --scene 00770N --plain --out figure.png

The figure has a row per scene. Its columns are the infrared image, the visible image, the true
mask and the methods. Masks are coloured by class over a dimmed image. Green ovals mark missing
objects (predicted as background). Red ovals mark incorrect ones (background predicted as an
object, or an object with a wrong class). Errors along edges that are thinner than about 5
pixels in 640x480, and regions below --min-area, are not marked.

Masks are images of class indices, 255 for unknown; they are matched to a scene by the stem of
its visible image. A method is drawn on its images of --images, or on the visible images.

The command prints the IoU of each class and their mean (over the classes that are true or
predicted somewhere) over all images for each method, and the scenes as options that you can
copy.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from tsjnet_mm.io.errors import PairError

from .arguments import add_method_paths, unique_names
from .dataset_arguments import dataset_class
from .figure_scenes import (
    add_figure_arguments,
    add_method_images,
    add_source_folders,
    check_scene_figure,
    choose_scenes,
    find_folders,
    find_scenes,
    read_scene,
    write_figure,
)
from .program import ToolParser, tool

if TYPE_CHECKING:
    import numpy as np

    from tsjnet_mm.evaluation.image_files import FusionFiles

TRUTH = 'Ground truth'
#: Datasets with classes of masks, by the names that commands give them.
SEGMENTED = ('fmb', 'msrs')
# Of the image under a mask, and of the mask over it.
DIMMED, OPACITY = 0.55, 0.75


def parse_args() -> argparse.Namespace:
    """Command line."""
    parser = ToolParser(__doc__)
    add_source_folders(parser)
    parser.add_argument('--truth', required=True, metavar='DIR', help='folder of true masks')
    words = 'folder of the masks made of the images of each method'
    add_method_paths(parser, '--masks', words, required=True)
    add_method_images(parser)
    classes = parser.add_mutually_exclusive_group(required=True)
    classes.add_argument(
        '--dataset', choices=SEGMENTED, help='whose classes and colours the masks have'
    )
    classes.add_argument(
        '--classes',
        nargs='+',
        metavar='CLASS',
        help='or the names of the classes, from index 0',
    )
    parser.add_argument(
        '--background',
        type=int,
        default=0,
        metavar='INDEX',
        help='class of the background (default: %(default)s)',
    )
    parser.add_argument(
        '--scene',
        action='append',
        default=[],
        metavar='NAME',
        help='scene to show, by the stem of its visible image; may be repeated (default: the '
        '--count scenes on which the methods differ most in number of wrong pixels)',
    )
    parser.add_argument(
        '--min-area',
        type=int,
        metavar='PIXELS',
        help='regions below it are not marked (default: 0.04 %% of the image)',
    )
    parser.add_argument(
        '--palette',
        choices=['dataset', 'bright'],
        default='dataset',
        help='colours of the classes: as the dataset has them, or lighter ones for dark images '
        '(default: %(default)s; --classes have the latter)',
    )
    parser.add_argument(
        '--plain', action='store_true', help='masks alone, not over a dimmed image'
    )
    add_figure_arguments(parser)
    return parser.parse_args()


def format_ious(confusions: Mapping[str, np.ndarray], classes: Sequence[str]) -> str:
    """A line for each method: IoU of each class in percent, and their mean."""
    import numpy as np

    from tsjnet_mm.evaluation.segmentation_errors import class_ious
    from tsjnet_mm.evaluation.table import format_lines

    lines = [('method', *classes, 'mIoU')]
    for method, confusion in confusions.items():
        ious = class_ious(confusion)
        mean = np.nanmean(ious) if np.isfinite(ious).any() else np.nan
        values = (100 * value for value in (*ious, mean))
        lines.append((method, *('-' if np.isnan(v) else f'{v:.2f}' for v in values)))
    return format_lines(lines)


def compare_masks(
    files: Sequence[FusionFiles], methods: Collection[str], num_classes: int
) -> tuple[dict[str, np.ndarray], dict[str, list[int]]]:
    """Confusion of each method over all images, and of each image the wrong pixels."""
    import numpy as np
    from tqdm import tqdm

    from tsjnet_mm.evaluation.segmentation_errors import confusion_matrix
    from tsjnet_mm.io.images import read_mask

    confusions = {method: np.zeros((num_classes,) * 2, np.int64) for method in methods}
    wrong = {}
    for item in tqdm(files, 'comparing', unit='image'):
        truth = read_mask(item.fused[TRUTH])
        wrong[item.image] = []
        for method in methods:
            path = item.fused[method]
            try:
                confusion = confusion_matrix(read_mask(path), truth, num_classes)
            except ValueError as error:
                known = f'{path} and {item.fused[TRUTH]}: '
                raise PairError(
                    f'{error}' if path in str(error) else f'{known}{error}'
                ) from error
            confusions[method] += confusion
            wrong[item.image].append(int(confusion.sum() - np.trace(confusion)))
    return confusions, wrong


def paint(
    image: np.ndarray, mask: np.ndarray, palette: Sequence[tuple], plain: bool
) -> np.ndarray:
    """A mask in the colours of its classes, over a dimmed image or alone."""
    import numpy as np

    from tsjnet_mm.visualization import draw_mask, to_rgb8

    if plain:
        return draw_mask(np.zeros((*mask.shape, 3), np.uint8), mask, palette, opacity=1)
    dimmed = (to_rgb8(image) * DIMMED).astype(np.uint8)
    return draw_mask(dimmed, mask, palette, OPACITY)


def choose_classes(args: argparse.Namespace) -> tuple[Sequence[str], Sequence[tuple]]:
    """Names and RGB colours of the classes."""
    from tsjnet_mm.visualization import class_colour

    classes, palette = args.classes, None
    if args.dataset:
        meta = dataset_class(args.dataset).METAINFO
        classes, palette = meta['seg_classes'], meta['seg_palette']
    if palette is None or args.palette == 'bright':
        palette = [class_colour(name, index) for index, name in enumerate(classes)]
    return classes, palette


@tool()
def main() -> None:
    """Compare the masks, choose the scenes, draw and write."""
    args = parse_args()

    import numpy as np

    from tsjnet_mm.evaluation.segmentation_errors import error_regions
    from tsjnet_mm.io.images import different_sizes, read_mask
    from tsjnet_mm.visualization import (
        MISSING_COLOUR,
        WRONG_COLOUR,
        LegendEntry,
        OvalMark,
        grid_figure,
    )

    classes, palette = choose_classes(args)
    check_scene_figure(args)
    masks, images = (unique_names('method', pairs) for pairs in (args.masks, args.images))
    strange = [name for name in images if name not in masks]
    if strange or TRUTH in masks:
        raise ValueError(f'expected images of methods with masks, got {strange or TRUTH}')
    masked, problems = find_folders(args, {TRUTH: args.truth, **masks})
    problems = {
        heading.replace('a fused image', 'a mask').replace('fused images', 'masks'): names
        for heading, names in problems.items()
    }
    masked = find_scenes(masked, problems, ())
    for heading, names in problems.items():
        print(f'left out of the comparison, {heading}: {len(names)}', file=sys.stderr)
    confusions, wrong = compare_masks(masked, masks, len(classes))
    masked = {item.image: item for item in masked}
    files = choose_scenes(args, images, wrong)
    names = [item.image for item in files]
    colours = {'missing': MISSING_COLOUR, 'incorrect': WRONG_COLOUR}
    rows, marks, present = [], [], set()
    for item in files:
        ir, vi, *own = read_scene(item, args.recolour)
        own = dict(zip(item.fused, own, strict=True))
        paths = masked[item.image].fused
        truth = read_mask(paths[TRUTH])
        if truth.shape != vi.shape[:2]:
            raise different_sizes(paths[TRUTH], truth.shape, item.vi, vi.shape)
        row, marked = [ir, vi, paint(vi, truth, palette, args.plain)], [[], [], []]
        present.update(np.unique(truth).tolist())
        for method in masks:
            mask = read_mask(paths[method])
            present.update(np.unique(mask).tolist())
            row.append(paint(own.get(method, vi), mask, palette, args.plain))
            marked.append(
                [
                    OvalMark(region.centre, region.size, colours[region.kind], region.angle)
                    for region in error_regions(
                        mask, truth, args.background, min_area=args.min_area
                    )
                ]
            )
        rows.append(row)
        marks.append(marked)
    legend = [
        *(
            LegendEntry(name.replace('_', ' '), tuple(part / 255 for part in colour))
            for index, (name, colour) in enumerate(zip(classes, palette, strict=True))
            if index in present and any(colour)
        ),
        LegendEntry('missing', MISSING_COLOUR, 'oval'),
        LegendEntry('incorrect', WRONG_COLOUR, 'oval'),
    ]
    figure = grid_figure(
        rows, ['Infrared', 'Visible', TRUTH, *masks], None, names, args.highlight, args.width,
        marks=marks, legend=legend,
    )  # fmt: skip
    print(format_ious(confusions, classes))
    write_figure(figure, args.out, names)
