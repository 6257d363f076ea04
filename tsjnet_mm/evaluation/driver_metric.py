"""Measure the drivers of a joint training on the three images of a pair."""

import math
from collections.abc import Sequence

import numpy as np
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log

from tsjnet_mm.registry import METRICS
from tsjnet_mm.utils.words import counted

from .results import finite_mean
from .segmentation_errors import class_ious, confusion_matrix
from .table import format_lines

#: The images of a pair, and what the names of a sample's predictions on them begin with.
IMAGES = {'ir': 'ir_', 'vi': 'vi_', 'fused': ''}


def _to_numpy(value):
    return value.cpu().numpy() if hasattr(value, 'cpu') else np.asarray(value)


@METRICS.register_module()
class DriverMetric(BaseMetric):
    """AP at an IoU of 0.5, and IoU, of the drivers' predictions, for each class and image.

    :class:`FusionMetric` computes it with the fusion metrics. A sample counts where it has both
    labels and predictions; without any there is no value. The values, in [0, 1], are named
    ``<image>/AP@.5_<class>``, ``<image>/mAP@.5``, ``<image>/IoU_<class>`` and
    ``<image>/mIoU``, image being ``ir``, ``vi`` or ``fused``. A class without
    objects and detections, or that the driver does not have, has ``nan`` and is left out of the
    mean. The detections are measured as COCO's are (pycocotools), the pixels over all images.

    Args:
        collect_device (str): ``'cpu'`` or ``'gpu'``: how processes exchange their results.
            Defaults to ``'cpu'``.
        prefix (str, optional): Of the names. Defaults to None, which is ``'drivers'``.
    """

    default_prefix = 'drivers'

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Take a batch's predictions and labels.

        Args:
            data_batch (dict): Not read.
            data_samples (Sequence[dict]): With ``gt_instances`` and ``gt_sem_seg``, and
                ``pred_instances`` and ``pred_sem_seg``, alone and after ``ir_`` and ``vi_``.

        Raises:
            ValueError: A predicted mask has another size than the true one.
        """
        for sample in data_samples:
            row = {key: sample.get(key, ()) for key in ('undetectable', 'unsegmentable')}
            if 'gt_instances' in sample and 'pred_instances' in sample:
                row['objects'] = {
                    'true': self._objects(sample['gt_instances'], None),
                    'ignored': self._objects(sample.get('ignored_instances'), None),
                }
                for image, prefix in IMAGES.items():
                    found = sample[f'{prefix}pred_instances']
                    row['objects'][image] = self._objects(found, found['scores'])
            if 'gt_sem_seg' in sample and 'pred_sem_seg' in sample:
                true = _to_numpy(sample['gt_sem_seg']['data'])[0]
                row['pixels'] = {
                    image: self._confusion(sample[f'{prefix}pred_sem_seg'], true)
                    for image, prefix in IMAGES.items()
                }
            self.results.append(row)

    def compute_metrics(self, results: list[dict]) -> dict[str, float]:
        """The values over all images; logs them as a table.

        Args:
            results (list[dict]): What :meth:`process` stored, of all processes.

        Returns:
            dict[str, float]: See the class.
        """
        values = {}
        detected = [row for row in results if 'objects' in row]
        segmented = [row for row in results if 'pixels' in row]
        for image in IMAGES:
            if detected:
                values.update(self._average_precisions(detected, image))
            if segmented:
                values.update(self._ious(segmented, image))
        if values:
            print_log(
                f'Drivers on {counted(len(results), "pair")}, in [0, 1]:\n'
                f'{format_drivers(values)}',
                logger='current',
            )
        return values

    def _name(self, key, label):
        names = (self.dataset_meta or {}).get(key) or ()
        return names[label] if label < len(names) else str(label)

    @staticmethod
    def _objects(instances, scores):
        """Rows of label, x, y, width, height and score."""
        if instances is None:
            return np.zeros((0, 6))
        boxes = _to_numpy(instances['bboxes']).reshape(-1, 4).astype(np.float64)
        boxes[:, 2:] -= boxes[:, :2]
        labels = _to_numpy(instances['labels']).reshape(-1)
        scores = np.zeros(len(labels)) if scores is None else _to_numpy(scores)
        return np.column_stack([labels, boxes, scores])

    def _confusion(self, predicted, true):
        predicted = _to_numpy(predicted['data'])[0]
        names = (self.dataset_meta or {}).get('seg_classes') or ()
        largest = true.max(initial=0, where=true != 255)
        size = max(len(names), int(largest) + 1, int(predicted.max(initial=0)) + 1)
        return confusion_matrix(predicted, true, size)

    def _average_precisions(self, rows, image):
        # Only here: pycocotools comes with mmdet, which not everybody has.
        from .detection_errors import DetectedObject, average_precision, to_coco

        def objects(part, crowd=False):
            return [
                DetectedObject(str(int(label)), box, score, crowd)
                for label, *box, score in part
            ]

        truth, found = {}, {}
        for index, row in enumerate(rows):
            parts = row['objects']
            truth[str(index)] = objects(parts['true']) + objects(parts['ignored'], crowd=True)
            found[str(index)] = objects(parts[image])
        count = len((self.dataset_meta or {}).get('classes') or ())
        for items in (*truth.values(), *found.values()):
            count = max([count, *(int(item.name) + 1 for item in items)])
        labels = {str(label): label for label in range(count)}
        images = {name: number for number, name in enumerate(truth)}
        scores = average_precision(
            to_coco(truth, labels, images)[0], to_coco(found, labels, images)[0]
        )
        unknown = set(rows[0]['undetectable'])
        values = {
            self._name('classes', label): math.nan
            if label in unknown or scores[str(label)] is None
            else scores[str(label)]
            for label in range(count)
        }
        named = {f'{image}/AP@.5_{name}': value for name, value in values.items()}
        return {**named, f'{image}/mAP@.5': finite_mean(values.values())}

    def _ious(self, rows, image):
        size = max(len(row['pixels'][image]) for row in rows)
        total = np.zeros((size, size), np.int64)
        for row in rows:
            part = row['pixels'][image]
            total[: len(part), : len(part)] += part
        ious = [float(value) for value in class_ious(total)]
        for label in rows[0]['unsegmentable']:
            if label < size:
                ious[label] = math.nan
        named = {
            f'{image}/IoU_{self._name("seg_classes", label)}': value
            for label, value in enumerate(ious)
        }
        return {**named, f'{image}/mIoU': finite_mean(ious)}


def format_drivers(values: dict[str, float]) -> str:
    """Table of the values of :class:`DriverMetric`: a row for each, a column for each image.

    Args:
        values (dict[str, float]): As :class:`DriverMetric` names them, without a prefix.

    Returns:
        str: The lines.
    """
    table = {}
    for name, value in values.items():
        image, _, score = name.partition('/')
        table.setdefault(score, {})[image] = value
    lines = [('', *IMAGES)]
    for score, row in table.items():
        cells = (row.get(image, math.nan) for image in IMAGES)
        lines.append((score, *('-' if math.isnan(cell) else f'{cell:.3f}' for cell in cells)))
    return format_lines(lines)
