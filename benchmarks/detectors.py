r"""AP of detectors that drove no fusor, on the images of several fusors, and paired intervals.

    python benchmarks/detectors.py --onnx nanodet_m_416_coco.onnx picodet_s_416_coco.onnx \
        --data data/MSRS --models tsjnet-driven tsjnet-light laplacian --skip-every 10

mmdet has neither NanoDet nor PicoDet, so `tools/judge.py` cannot run them. The files are the
published ones for COCO, both Apache-2.0 and for 416x416: NanoDet-m
(https://github.com/Kazuhito00/NanoDet-ONNX-Sample) and PaddleDetection's PicoDet-S without its
last step (the copy in https://github.com/hpc203/picodet-onnxruntime), which reads RGB as it
was trained, not BGR as the program there. Images are fused in colour. AP at an IoU of 0.5, as
COCO computes it, of MSRS's person, bicycle and car, and their mean. The rows `ir` and `vi` are
the sources; `--images OUT/msrs-180/fused` adds a row for each folder of fused images that
`tsjnet benchmark --protocol` left there. Differences are to the first row, over images that
are drawn with replacement, of each detector and of the mean over all detectors. `--skip-every
N` leaves out each Nth pair, from the first on, on which the method was developed.
"""

import argparse
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from tqdm import tqdm

from tsjnet_mm.apis import FusionInferencer
from tsjnet_mm.datasets import MSRSDataset
from tsjnet_mm.evaluation.bootstrap_scores import (
    average_precisions,
    match_detections,
    resample_images,
)
from tsjnet_mm.evaluation.detection_errors import DetectedObject
from tsjnet_mm.io.images import read_image

CLASSES = ('person', 'bicycle', 'car')
SIDE = 416
#: Detections with lower scores are dropped, and of two that overlap more the weaker one.
LEAST_SCORE, MOST_OVERLAP = 0.01, 0.6


class Kind(NamedTuple):
    """What a detector's file does not say of its input.

    Attributes:
        strides: Of its outputs, in pixels of the input.
        step: From one colour to the next of BGR: -1 for RGB.
        mean, factor: Of the colours, in the input's order.
        resize: OpenCV's interpolation.
    """

    strides: tuple[int, ...]
    step: int
    mean: tuple[float, float, float]
    factor: tuple[float, float, float]
    resize: int


#: By the number of outputs: scores and boxes of each stride.
KINDS = {
    6: Kind(
        (8, 16, 32),
        1,
        (103.53, 116.28, 123.675),
        (0.017429, 0.017507, 0.017125),
        cv2.INTER_LINEAR,
    ),
    8: Kind(
        (8, 16, 32, 64),
        -1,
        (123.675, 116.28, 103.53),
        (1 / 58.395, 1 / 57.12, 1 / 57.375),
        cv2.INTER_AREA,
    ),
}


class Detector:
    """NanoDet-m or PicoDet-S by onnxruntime: called with an RGB image, gives its objects."""

    def __init__(self, path: Path) -> None:
        from onnxruntime import InferenceSession, SessionOptions

        options = SessionOptions()
        options.log_severity_level = 3
        self.session = InferenceSession(str(path), options, ['CPUExecutionProvider'])
        count = len(self.session.get_outputs())
        if count not in KINDS:
            raise ValueError(
                f'{path}: expected the 6 outputs of NanoDet-m or the 8 of PicoDet-S, found '
                f'{count}'
            )
        self.kind = KINDS[count]

    def __call__(self, image: np.ndarray) -> list[DetectedObject]:
        """Objects of the three classes in an (H, W, 3) uint8 RGB image."""
        kind = self.kind
        resized = cv2.resize(image[..., ::-1], (SIDE, SIDE), interpolation=kind.resize)
        planes = (resized[..., :: kind.step].astype(np.float32) - kind.mean) * kind.factor
        planes = planes.transpose(2, 0, 1)[None].astype(np.float32)
        outputs = self.session.run(None, {self.session.get_inputs()[0].name: planes})
        # Of each stride the scores of 80 classes, and four distributions over distances.
        outputs = sorted((output[0] for output in outputs), key=len, reverse=True)
        scores = [output for output in outputs if output.shape[1] == 80]
        distances = [output for output in outputs if output.shape[1] != 80]
        boxes = [self._boxes(*each) for each in zip(kind.strides, distances, strict=True)]
        scale = np.tile([image.shape[1] / SIDE, image.shape[0] / SIDE], 2)
        return self._objects(np.concatenate(boxes) * scale, np.concatenate(scores))

    @staticmethod
    def _boxes(stride, distances):
        """Left, top, right and bottom in the resized image."""
        side = -(-SIDE // stride)
        y, x = (stride * (np.mgrid[:side, :side].reshape(2, -1) + 0.5)).astype(np.float32)
        bins = distances.reshape(side * side, 4, -1)
        share = np.exp(bins - bins.max(-1, keepdims=True))
        share /= share.sum(-1, keepdims=True)
        left, top, right, bottom = stride * (share @ np.arange(bins.shape[-1])).T
        return np.stack([x - left, y - top, x + right, y + bottom], 1)

    @staticmethod
    def _objects(boxes, scores):
        found = []
        sizes = np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], 1)
        for label, name in enumerate(CLASSES):  # COCO's first three.
            kept = cv2.dnn.NMSBoxes(
                sizes.tolist(), scores[:, label].tolist(), LEAST_SCORE, MOST_OVERLAP
            )
            found += [
                DetectedObject(name, tuple(map(float, sizes[i])), float(scores[i, label]))
                for i in np.array(kept, int)[:100]
            ]
        return found


def true_objects(info: dict) -> list[DetectedObject]:
    """Labelled objects of a pair."""
    return [
        DetectedObject(CLASSES[each['bbox_label']], (x, y, right - x, bottom - y))
        for each in info['instances']
        for x, y, right, bottom in [each['bbox']]
    ]


def scores_by_row(truth, objects, drawn, night):
    """Mean AP of a row of images: as they are, then of each draw; and the row, printed."""
    matches = match_detections(truth, objects, CLASSES)
    of = [average_precisions(matches[name, 'all'], drawn) for name in CLASSES]
    parts = []
    for name in ('person', 'car'):
        for when, chosen in (('by night', night), ('by day', ~night)):
            part = average_precisions(matches[name, 'all'], chosen[None].astype(int))[0]
            parts.append(f'{name} {when} {part:.3f}')
    scores = np.nanmean(of, 0)
    values = ' '.join(f'{each[0]:.3f}' for each in of)
    return scores, f'{values}; {scores[0]:.3f}; {", ".join(parts)}'


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        '--onnx', type=Path, nargs='+', required=True, help='files of the detectors'
    )
    parser.add_argument('--data', required=True, help='folder of MSRS, with test/labels')
    parser.add_argument('--models', nargs='*', default=['tsjnet-driven', 'laplacian'])
    parser.add_argument('--images', type=Path, help='folder with a folder of images per method')
    parser.add_argument('--skip-every', type=int, default=0, metavar='N')
    parser.add_argument('--resamples', type=int, default=1000)
    args = parser.parse_args()

    dataset = MSRSDataset(args.data, split='test', annotations=['boxes'])
    infos = {
        Path(info['ir_path']).stem: info
        for info in map(dataset.get_data_info, range(len(dataset)))
    }
    names = [
        name
        for index, name in enumerate(sorted(infos))
        if not args.skip_every or index % args.skip_every
    ]
    fusors = {name: FusionInferencer(name, show_progress=False) for name in args.models}
    folders = {}
    if args.images:
        if not args.images.is_dir():
            parser.error(f'--images {args.images}: no such folder')
        paths = sorted(path for path in args.images.iterdir() if path.is_dir())
        folders = {path.name: path for path in paths if path.name not in fusors}
        expected = [path / f'{name}.png' for path in folders.values() for name in names]
        missing = [path for path in expected if not path.is_file()]
        if missing:
            parser.error(
                f'{missing[0]}, and {len(missing) - 1} others: no such file; --images needs a '
                'PNG file per pair in each of its folders: fuse them, or take the folder away'
            )
    detectors = {path.name: Detector(path) for path in args.onnx}
    rows = [*fusors, *folders, 'ir', 'vi']
    found = {(detector, row): {} for detector in detectors for row in rows}
    for name in tqdm(names):
        sources = infos[name]['ir_path'], infos[name]['vi_path']
        for row in rows:
            if row in fusors:
                image = fusors[row](*sources)[0]
            elif row in folders:
                image = read_image(folders[row] / f'{name}.png')
            else:
                image = read_image(sources[row == 'vi'])
            image = image if image.ndim == 3 else np.repeat(image[..., None], 3, 2)
            for detector, detect in detectors.items():
                found[detector, row][name] = detect(image)

    truth = {name: true_objects(infos[name]) for name in names}
    drawn = resample_images(len(names), args.resamples)
    night = np.array([name.endswith('N') for name in names])
    scores = {}
    print(f'{len(names)} pairs; AP at 0.5 of person, bicycle, car; mean')
    for detector in detectors:
        print(detector)
        for row in rows:
            scores[detector, row], text = scores_by_row(
                truth, found[detector, row], drawn, night
            )
            print(f'  {row:24} {text}')
    groups = {name: [name] for name in detectors}
    if len(detectors) > 1:
        groups['mean of the detectors'] = list(detectors)
    for group, members in groups.items():
        for row in rows[1:]:
            gain = np.mean([scores[each, rows[0]] - scores[each, row] for each in members], 0)
            low, high = np.percentile(gain[1:], [2.5, 97.5])
            print(f'{group}: {rows[0]} - {row}: {gain[0]:+.3f} [{low:.3f}, {high:.3f}]')


if __name__ == '__main__':
    main()
