r"""Compare the detections in the images of several methods, with errors marked.

Examples:
    python tools/analysis_tools/plot_detections.py --ir M3FD/ir --vi M3FD/vi \
        --annotations m3fd.json --results average=average.bbox.json mine=mine.bbox.json \
        --images average=out/average mine=out/mine --out detections.pdf
    python tools/analysis_tools/plot_detections.py --ir IR --vi VI --annotations truth.json \
        --results Infrared=ir.bbox.json Visible=vi.bbox.json mine=mine.bbox.json \
        --images Infrared=IR mine=out/mine --scene 00049 --scene 00211 --out figure.png

The figure has a row per scene. Its columns are the infrared image, the visible image, the true
boxes and the methods. A correct box has the colour of its class, and its score. A green oval
marks a missed object. A red oval marks a wrong box, which has no true object of its class at
the IoU threshold; so an object with a wrong class has both. Boxes are matched as in COCO's
evaluation, the best score first. A score without enough space is left out.

The ground truth is a COCO json. Results are lists as mmdet's CocoMetric writes them with
outfile_prefix (PREFIX.bbox.json; its PREFIX.gt.json can be the ground truth). A method is drawn
on its images of --images, or on the visible images. Images are matched by the stems in the
ground truth.

The command prints the numbers of errors of each method over all images, and the scenes as
options that you can copy.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from tsjnet_mm.io.errors import PairError

from .arguments import add_method_paths, unique_names
from .figure_scenes import (
    add_figure_arguments,
    add_method_images,
    add_source_folders,
    check_scene_figure,
    choose_scenes,
    read_scene,
    write_figure,
)
from .program import ToolParser, tool

if TYPE_CHECKING:
    from tsjnet_mm.evaluation.detection_errors import (
        DetectedObject,
        DetectionErrors,
        DetectionTruth,
    )
    from tsjnet_mm.evaluation.image_files import FusionFiles
    from tsjnet_mm.visualization.marks import BoxMark, OvalMark


def parse_args() -> argparse.Namespace:
    """Command line."""
    parser = ToolParser(__doc__)
    add_source_folders(parser)
    parser.add_argument(
        '--annotations', required=True, metavar='FILE', help='true boxes: a COCO json'
    )
    words = 'detections in the images of each method: a COCO list of results (json)'
    add_method_paths(parser, '--results', words, 'NAME=FILE', required=True)
    add_method_images(parser)
    parser.add_argument(
        '--scene',
        action='append',
        default=[],
        metavar='NAME',
        help='scene to show, by the stem of its image; may be repeated (default: the --count '
        'scenes on which the methods differ most in number of errors)',
    )
    parser.add_argument(
        '--score-thr',
        type=float,
        default=0.3,
        metavar='SCORE',
        help='boxes with a lower score are ignored (default: %(default)s)',
    )
    parser.add_argument(
        '--iou-thr',
        type=float,
        default=0.5,
        metavar='IOU',
        help='IoU from which a box is correct (default: %(default)s)',
    )
    add_figure_arguments(parser)
    return parser.parse_args()


def format_counts(errors: Mapping[str, Mapping[str, DetectionErrors]]) -> str:
    """A line for each method: objects that are there, right, missed and wrong ones."""
    from tsjnet_mm.evaluation.table import format_lines

    lines = [('method', 'objects', 'correct', 'missed', 'wrong')]
    for method, images in errors.items():
        correct, wrong, missed = (
            sum(len(getattr(image, kind)) for image in images.values())
            for kind in ('correct', 'wrong', 'missed')
        )
        lines.append((method, *map(str, (correct + missed, correct, missed, wrong))))
    return format_lines(lines)


def mark_errors(
    errors: DetectionErrors, colours: Mapping[str, tuple]
) -> list[BoxMark | OvalMark]:
    """Marks of what was found in an image; texts of wrong boxes find their places first."""
    from tsjnet_mm.visualization import MISSING_COLOUR, WRONG_COLOUR, BoxMark, OvalMark

    boxes = [
        BoxMark(item.box, colours[item.name], f'{item.score:.2f}')
        for item in (*errors.wrong, *errors.correct)
    ]
    # The wider of the two: both are seen where an object was given the wrong class.
    ovals = [OvalMark.around(item.box, MISSING_COLOUR, room=2.8) for item in errors.missed]
    return [*boxes, *ovals, *(OvalMark.around(item.box, WRONG_COLOUR) for item in errors.wrong)]


def class_colours(
    truth: DetectionTruth,
    found: Iterable[Mapping[str, list[DetectedObject]]],
    scenes: Sequence[str],
) -> dict[str, tuple]:
    """A colour for each class that is there or was found in the scenes."""
    from tsjnet_mm.visualization import marked_class_colour

    shown = {
        item.name for part in (truth.objects, *found) for name in scenes for item in part[name]
    }
    names = [name for name in truth.classes.values() if name in shown]
    return {
        name: tuple(part / 255 for part in marked_class_colour(index))
        for index, name in enumerate(names)
    }


@tool()
def main() -> None:
    """Count the errors, choose the scenes, draw and write."""
    args = parse_args()

    from tsjnet_mm.evaluation.detection_errors import (
        detection_errors,
        read_detection_truth,
        read_detections,
    )
    from tsjnet_mm.visualization import (
        MISSING_COLOUR,
        WRONG_COLOUR,
        BoxMark,
        LegendEntry,
        grid_figure,
    )

    results, images = (unique_names('method', pairs) for pairs in (args.results, args.images))
    check_scene_figure(args, [args.annotations, *results.values()])
    strange = [name for name in images if name not in results]
    if strange:
        raise ValueError(f'images, but no results of {", ".join(strange)}')
    truth = read_detection_truth(args.annotations)
    found = {name: read_detections(path, truth) for name, path in results.items()}
    errors = {
        name: detection_errors(truth.objects, items, args.score_thr, args.iou_thr)
        for name, items in found.items()
    }
    counts = {
        name: [len(part[name].missed) + len(part[name].wrong) for part in errors.values()]
        for name in truth.objects
    }
    files = choose_scenes(args, images, counts)
    names = [item.image for item in files]
    colours = class_colours(
        truth,
        [
            {name: part[name].correct + part[name].wrong for name in names}
            for part in errors.values()
        ],
        names,
    )
    rows, marks = [], []
    for item in files:
        ir, vi, *own = read_scene(item, args.recolour)
        check_boxes(truth.objects[item.image], vi.shape, item)
        own = dict(zip(item.fused, own, strict=True))
        rows.append([ir, vi, vi, *(own.get(method, vi) for method in results)])
        true = [BoxMark(thing.box, colours[thing.name]) for thing in truth.objects[item.image]]
        found_in = [mark_errors(part[item.image], colours) for part in errors.values()]
        marks.append([[], [], true, *found_in])
    legend = [
        *(LegendEntry(name, colour, 'box') for name, colour in colours.items()),
        LegendEntry('missed', MISSING_COLOUR, 'oval'),
        LegendEntry('wrong', WRONG_COLOUR, 'oval'),
    ]
    titles = ['Infrared', 'Visible', 'Ground truth', *results]
    figure = grid_figure(
        rows, titles, None, names, args.highlight, args.width, marks=marks, legend=legend
    )
    print(format_counts(errors))
    write_figure(figure, args.out, names)


def check_boxes(
    objects: Iterable[DetectedObject], shape: tuple[int, ...], files: FusionFiles
) -> None:
    """Refuse images that are not of the size the boxes were drawn in."""
    for item in objects:
        x, y, w, h = item.box
        if x + w > shape[1] + 2 or y + h > shape[0] + 2:
            raise PairError.of(
                'size', files.vi, f'an image that holds the box {item.box}',
                f'{shape[1]}x{shape[0]}',
            )  # fmt: skip
