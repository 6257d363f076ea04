r"""Fuse pairs, find objects in the fused images by any mmdet detector, and draw them there.

Examples:
    python tools/detect.py --ir ir.png --vi vi.png --out found/ \
        --config mmdet::yolox/yolox_tiny_8xb8-300e_coco.py --weights yolox_tiny.pth
    python tools/detect.py --ir IR --vi VI --out found/ --weights published \
        --config mmdet::rtmdet/rtmdet_tiny_8xb32-300e_coco.py          # fetched once
    python tools/detect.py --ir IR --vi VI --out OUT --config mine.py --weights mine.pth \
        --fusor seafusion --fusor-weights fusionmodel_final.pth --score-thr 0.5
    python tools/detect.py --ir IR --vi VI --out OUT --config fused.py --weights e12.pth
    python tools/detect.py --ir IR --vi VI --out OUT --config mine.py --weights mine.pth \
        --annotations truth.json            # results with the numbers of this COCO file

The detector is any of mmdet, with its config (Python code, which is run) and its checkpoint; it
needs no training on fused images. The config may also be that of a FusedDetector, which has its
own fusor and sees what mmdet's own test shows it, or of a JointFusor, whose detector is taken.
Classes are those that the checkpoint names, or else the config.

DIR gets an image for each pair: the fused image with the boxes on it. predictions.bbox.json
has all detections, also those that score too little to be drawn, as a COCO list of results
(image_id, category_id, bbox x y w h, score). images.json has the images and categories of
those numbers. With --annotations the numbers are those of a COCO ground truth, so that
pycocotools and tools/analysis_tools/plot_detections.py take both together.
"""

import argparse

from tsjnet_mm.io.written import WRITTEN_FORMATS
from tsjnet_mm.utils.words import counted

from .arguments import (
    add_device_arguments,
    add_overwrite_argument,
    add_source_arguments,
    check_device,
    source_options,
)
from .program import ToolParser, tool


def parse_args() -> tuple[ToolParser, argparse.Namespace]:
    """Command line."""
    parser = ToolParser(__doc__)
    parser.add_argument(
        '--ir', required=True, help="infrared image, folder of images, or 'pattern'"
    )
    parser.add_argument(
        '--vi', required=True, help="visible image, folder of images, or 'pattern'"
    )
    parser.add_argument('--out', required=True, metavar='DIR', help='folder to write')
    detector = parser.add_argument_group('detector')
    detector.add_argument(
        '--config', required=True, help='of the detector: a file, or mmdet::folder/name.py'
    )
    detector.add_argument(
        '--weights',
        required=True,
        help="the detector's checkpoint: a file, an address, or 'published'",
    )
    detector.add_argument(
        '--detector-classes',
        nargs='+',
        metavar='NAME',
        help='its classes, where neither checkpoint nor config names them',
    )
    detector.add_argument(
        '--score-thr',
        type=float,
        default=0.3,
        metavar='SCORE',
        help='boxes with a lower score are not drawn (default: %(default)s)',
    )
    detector.add_argument(
        '--annotations', metavar='FILE', help='COCO ground truth that gives the numbers'
    )
    fusor = parser.add_argument_group('fusor')
    fusor.add_argument(
        '--fusor',
        metavar='MODEL',
        help="name, or config file (default: tsjnet-driven, or a FusedDetector's own)",
    )
    fusor.add_argument(
        '--fusor-weights', metavar='FILE', help='its checkpoint (default: the published one)'
    )
    fusor.add_argument(
        '--grey', action='store_true', help='fuse to luma alone instead of colour'
    )
    parser.add_argument(
        '--extension',
        help=f'format of the images, one of {", ".join(WRITTEN_FORMATS)} (default: .png)',
    )
    add_overwrite_argument(parser)
    add_source_arguments(parser, 'each infrared image')
    add_device_arguments(parser.add_argument_group('machine'))
    args = parser.parse_args()
    check_device(parser, args)
    return parser, args


@tool('run the same command again')
def main() -> None:
    """Fuse, detect, draw and write."""
    _, args = parse_args()

    from tsjnet_mm.apis.coco_results import RESULTS
    from tsjnet_mm.apis.detector import FusionDetector

    detector = FusionDetector(
        args.config,
        args.weights,
        args.fusor,
        args.fusor_weights,
        args.detector_classes,
        args.score_thr,
        args.grey,
        args.device,
        args.precision,
    )
    images = objects = 0
    for found in detector.stream(
        args.ir,
        args.vi,
        args.out,
        args.extension,
        overwrite=args.overwrite,
        annotations=args.annotations,
        **source_options(args),
    ):
        images += 1
        objects += int((found.scores >= args.score_thr).sum())
    print(
        f'{counted(objects, "object")} in {counted(images, "fused image")} in {args.out}, '
        f'{RESULTS} there'
    )
