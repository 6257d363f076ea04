"""Scores of drivers by hand, on samples as a joint model predicts them."""

import math

import pytest
import torch
from mmengine.evaluator import Evaluator
from mmengine.structures import InstanceData, PixelData

from tsjnet_mm.evaluation import DriverMetric, FusionMetric
from tsjnet_mm.evaluation.driver_metric import format_drivers
from tsjnet_mm.registry import METRICS
from tsjnet_mm.structures import FusionDataSample

META = {
    'classes': ('person', 'bicycle', 'car'),
    'seg_classes': ('background', 'car', 'person', 'bike'),
}
BOX, OTHER, FAR = (0.0, 0.0, 10.0, 10.0), (20.0, 20.0, 30.0, 30.0), (40.0, 0.0, 48.0, 8.0)


def boxes(*items):
    """Of (label, box) or (label, box, score)."""
    result = InstanceData(
        bboxes=torch.tensor([item[1] for item in items]).reshape(-1, 4),
        labels=torch.tensor([item[0] for item in items], dtype=torch.int64),
    )
    if not items or len(items[0]) == 3:
        result.scores = torch.tensor([item[2] for item in items])
    return result


def mask(rows):
    """The class of each quarter row of eight."""
    data = torch.tensor(rows).repeat_interleave(12).expand(1, 48, 48)
    return PixelData(data=data.contiguous())


def sample_of(true, ir, vi, fused, ignored=()):
    sample = FusionDataSample(metainfo={'ir_path': 'ir/1.png'})
    sample.gt_instances = boxes(*true)
    sample.ignored_instances = boxes(*ignored)
    for prefix, found in (('ir_', ir), ('vi_', vi), ('', fused)):
        setattr(sample, f'{prefix}pred_instances', boxes(*found))
    return sample


def run(samples, metric=None, meta=META):
    evaluator = Evaluator(metric or METRICS.build({'type': 'DriverMetric'}))
    evaluator.dataset_meta = meta
    for sample in samples:
        evaluator.process(data_samples=[sample], data_batch={})
    return evaluator.evaluate(len(samples))


def test_average_precision_of_each_class_and_image():
    samples = [
        sample_of(
            true=[(0, BOX), (2, OTHER)],
            ir=[(0, BOX, 0.9), (2, OTHER, 0.8)],
            vi=[(2, OTHER, 0.7)],
            # Wrong at a higher score than right: 51 of 101 recalls at 1/2, the rest at 2/3.
            fused=[(0, FAR, 0.9), (0, BOX, 0.8), (2, (20.0, 20.0, 30.0, 24.0), 0.9)],
        ),
        sample_of(
            true=[(0, OTHER)],
            ir=[(0, OTHER, 0.9), (1, BOX, 0.9)],
            vi=[(0, BOX, 0.9)],
            fused=[(0, OTHER, 0.7)],
        ),
    ]
    result = run(samples)
    names = ['AP@.5_person', 'AP@.5_bicycle', 'AP@.5_car', 'mAP@.5']
    assert list(result) == [
        f'drivers/{image}/{name}' for image in ('ir', 'vi', 'fused') for name in names
    ]
    values = [[result[f'drivers/{image}/{name}'] for name in names] for image in ('ir', 'vi')]
    assert values[0] == pytest.approx([1, math.nan, 1, 1], nan_ok=True)
    assert values[1] == pytest.approx([0, math.nan, 1, 0.5], nan_ok=True)
    # Precision is made to fall with recall: 2/3 counts for all recalls.
    fused = [result[f'drivers/fused/{name}'] for name in names]
    assert fused == pytest.approx([2 / 3, math.nan, 0, 1 / 3], nan_ok=True)


def test_ignored_objects_are_neither_right_nor_wrong():
    true = [(0, BOX)]
    found = [(0, OTHER, 0.9), (0, BOX, 0.8)]
    plain = run([sample_of(true, found, found, found)])
    ignored = run([sample_of(true, found, found, found, ignored=[(0, OTHER)])])
    assert plain['drivers/fused/mAP@.5'] == pytest.approx(0.5)
    assert ignored['drivers/fused/mAP@.5'] == pytest.approx(1)
    # Nor are they missed where they are not found.
    found = [(0, BOX, 0.8)]
    missed = run([sample_of(true, found, found, found, ignored=[(0, OTHER)])])
    assert missed['drivers/fused/mAP@.5'] == pytest.approx(1)


def test_detections_count_in_the_order_of_their_scores():
    right, wrong = (0, BOX, 0.8), (0, FAR, 0.3)
    first, second = [wrong, right], [(0, FAR, 0.9), right]
    result = run([sample_of([(0, BOX)], first, second, [(0, FAR, 0.2), (0, BOX, 0.1)])])
    scores = [result[f'drivers/{image}/mAP@.5'] for image in ('ir', 'vi', 'fused')]
    assert scores == pytest.approx([1, 0.5, 0.5])


def test_classes_that_the_detector_does_not_know_are_left_out():
    true = [(0, BOX), (1, OTHER)]
    sample = sample_of(true, *[[(0, BOX, 0.9)]] * 3)
    assert run([sample])['drivers/fused/mAP@.5'] == pytest.approx(0.5)
    sample.set_metainfo({'undetectable': [1, 2]})
    result = run([sample])
    assert result['drivers/fused/mAP@.5'] == pytest.approx(1)
    assert math.isnan(result['drivers/fused/AP@.5_bicycle'])


def test_nothing_found_is_zero():
    result = run([sample_of([(2, BOX)], [], [], [])])
    assert [result[f'drivers/{image}/mAP@.5'] for image in ('ir', 'vi', 'fused')] == [0] * 3


def segmented(true, ir, vi, fused):
    sample = FusionDataSample(metainfo={'ir_path': 'ir/1.png'})
    sample.gt_sem_seg = mask(true)
    sample.ir_pred_sem_seg, sample.vi_pred_sem_seg = mask(ir), mask(vi)
    sample.pred_sem_seg = mask(fused)
    return sample


def test_iou_is_that_of_all_pixels_of_all_images():
    samples = [
        segmented([0, 1, 1, 255], ir=[0, 1, 1, 2], vi=[0, 0, 0, 0], fused=[0, 1, 0, 1]),
        segmented([0, 0, 2, 2], ir=[0, 0, 2, 2], vi=[0, 0, 0, 0], fused=[0, 0, 2, 0]),
    ]
    result = run(samples)
    scores = {
        image: [result[f'drivers/{image}/{name}'] for name in ('IoU_background', 'IoU_car')]
        + [result[f'drivers/{image}/{name}'] for name in ('IoU_person', 'IoU_bike', 'mIoU')]
        for image in ('ir', 'vi', 'fused')
    }
    assert scores['ir'] == pytest.approx([1, 1, 1, math.nan, 1], nan_ok=True)
    assert scores['vi'] == pytest.approx([3 / 7, 0, 0, math.nan, 1 / 7], nan_ok=True)
    expected = [3 / 5, 1 / 2, 1 / 2, math.nan, 1.6 / 3]
    assert scores['fused'] == pytest.approx(expected, nan_ok=True)
    # Without names classes are numbered, as many as there are.
    unnamed = run(samples, meta=None)
    assert unnamed['drivers/fused/IoU_2'] == 0.5
    assert unnamed['drivers/fused/mIoU'] == pytest.approx(1.6 / 3)
    assert 'drivers/fused/IoU_3' not in unnamed
    # A class that the segmentor does not have does not count.
    samples[0].set_metainfo({'unsegmentable': [2, 3]})
    known = run(samples)
    assert math.isnan(known['drivers/fused/IoU_person'])
    assert known['drivers/fused/mIoU'] == pytest.approx(1.1 / 2)
    # A class that is found and not there has none.
    wrong = run([segmented([0, 0, 1, 1], *[[0, 0, 1, 3]] * 3)], meta=None)
    assert [wrong[f'drivers/ir/IoU_{label}'] for label in (0, 1, 3)] == [1, 0.5, 0]
    assert wrong['drivers/ir/mIoU'] == pytest.approx(0.5)


def test_the_table_has_a_column_for_each_image():
    values = {'ir/mAP@.5': 0.1, 'vi/mAP@.5': 0.2, 'fused/mAP@.5': math.nan, 'vi/mIoU': 0.4}
    assert [line.split() for line in format_drivers(values).splitlines()] == [
        ['ir', 'vi', 'fused'],
        ['mAP@.5', '0.100', '0.200', '-'],
        ['mIoU', '-', '0.400', '-'],
    ]


def test_without_predictions_or_labels_there_is_no_value():
    sample = FusionDataSample(metainfo={'ir_path': 'ir/1.png'})
    sample.gt_instances = boxes((0, BOX))
    assert run([sample]) == {}
    found = sample_of([(0, BOX)], *[[(0, BOX, 0.9)]] * 3)
    del found.gt_instances
    assert run([found]) == {}
    both = run([sample, sample_of([(0, BOX)], *[[(0, BOX, 0.9)]] * 3)])
    assert both['drivers/ir/mAP@.5'] == pytest.approx(1)


def test_the_fusion_metric_tells_of_the_drivers_too():
    ir, vi = torch.rand(1, 48, 48), torch.rand(3, 48, 48)
    sample = sample_of([(0, BOX)], *[[(0, BOX, 0.9)]] * 3)
    sample.fused = PixelData(data=ir)
    evaluator = Evaluator(FusionMetric(metrics=['MSE']))
    evaluator.dataset_meta = META
    batch = {'inputs': {'ir': [ir], 'vi': [vi]}}
    evaluator.process(data_samples=[sample], data_batch=batch)
    result = evaluator.evaluate(1)
    assert next(iter(result)) == 'fusion/MSE'
    assert result['drivers/vi/AP@.5_person'] == pytest.approx(1)
    # The next validation starts from nothing.
    evaluator.process(
        data_samples=[FusionDataSample(metainfo={'ir_path': '2'}, fused=sample.fused)],
        data_batch=batch,
    )
    assert list(evaluator.evaluate(1)) == ['fusion/MSE']


def test_metric_is_registered():
    assert METRICS.get('DriverMetric') is DriverMetric
