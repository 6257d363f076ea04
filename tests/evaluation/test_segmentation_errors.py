import cv2
import numpy as np
import pytest
import torch
from mmseg.evaluation import IoUMetric

from tsjnet_mm.evaluation.segmentation_errors import (
    class_ious,
    confusion_matrix,
    error_regions,
)


@pytest.fixture
def truth():
    """Background 0, a car 1 of 80 x 40 and a person 2 of 20 x 60."""
    mask = np.zeros((480, 640), np.uint8)
    mask[200:240, 100:180] = 1
    mask[180:240, 400:420] = 2
    return mask


def kinds(regions):
    return [(region.kind, region.area) for region in regions]


def test_nothing_is_wrong(truth):
    assert error_regions(truth, truth) == []


def test_missing_object(truth):
    predicted = np.where(truth == 1, 0, truth)
    (region,) = error_regions(predicted, truth)
    # The opening takes two pixels off each corner.
    assert (region.kind, region.area) == ('missing', 3200 - 4 * 2)
    assert region.centre == (140, 220)
    assert sorted(region.size) == [40, 80]


def test_invented_object_and_wrong_class_are_incorrect(truth):
    predicted = np.where(truth == 2, 1, truth)
    predicted[300:330, 300:330] = 3
    regions = error_regions(predicted, truth)
    assert [region.kind for region in regions] == ['incorrect', 'incorrect']
    assert [region.centre for region in regions] == [(410, 210), (315, 315)]


def test_edges_and_specks_are_no_regions(truth):
    predicted = cv2.dilate(truth, np.ones((7, 7), np.uint8))
    predicted[10:18, 10:18] = 3
    assert error_regions(predicted, truth) == []
    assert kinds(error_regions(predicted, truth, min_area=50)) == [('incorrect', 64 - 4 * 2)]
    assert len(error_regions(predicted, truth, opening=3)) == 2


def test_parts_of_an_object_are_one_region(truth):
    predicted = truth.copy()
    predicted[truth == 1] = 0
    predicted[200:240, 138:142] = 1
    (region,) = error_regions(predicted, truth)
    assert sorted(region.size) == [40, 80]


def test_slanting_regions_have_a_slanting_rectangle():
    truth = np.zeros((480, 640), np.uint8)
    cv2.line(truth, (100, 400), (300, 300), 1, 12)
    (region,) = error_regions(truth * 0, truth)
    length, thickness = sorted(region.size, reverse=True)
    assert length == pytest.approx(224 + 12, abs=8) and thickness == pytest.approx(13, abs=3)
    corners = cv2.boxPoints((region.centre, region.size, region.angle))
    ends = sorted(map(tuple, corners))
    assert np.mean(ends[:2], axis=0) == pytest.approx([95, 402.5], abs=5)


def test_background_and_unknown_pixels(truth):
    unknown = np.where(truth == 1, 255, truth)
    assert error_regions(truth * 0 + 2, unknown * 0 + 255) == []
    swapped = np.where(truth == 0, 2, np.where(truth == 2, 0, truth)).astype(np.uint8)
    (region,) = error_regions(swapped * 0 + 2, swapped, background=2, min_area=1000)[1:]
    assert region.kind == 'missing' and region.centre == (410, 210)


def test_largest_first(truth):
    regions = error_regions(truth * 0, truth)
    assert [region.centre for region in regions] == [(140, 220), (410, 210)]


def test_masks_of_other_sizes(truth):
    with pytest.raises(ValueError, match=r'\(480, 640\) and \(479, 640\)'):
        error_regions(truth, truth[1:])
    with pytest.raises(ValueError, match='one size'):
        confusion_matrix(truth, truth[1:], 3)


def test_confusion_by_hand():
    truth = np.array([[0, 0, 1], [2, 2, 255]])
    predicted = np.array([[0, 1, 1], [2, 0, 1]])
    confusion = confusion_matrix(predicted, truth, 4)
    expected = [[1, 1, 0, 0], [0, 1, 0, 0], [1, 0, 1, 0], [0, 0, 0, 0]]
    assert confusion.tolist() == expected
    np.testing.assert_array_equal(class_ious(confusion), [1 / 3, 1 / 2, 1 / 2, np.nan])


def test_ious_are_those_of_mmseg():
    rng = np.random.default_rng(0)
    truth, predicted = rng.integers(0, 5, (2, 60, 80), dtype=np.uint8)
    truth[rng.random(truth.shape) < 0.1] = 255
    areas = IoUMetric.intersect_and_union(
        torch.from_numpy(predicted), torch.from_numpy(truth), 5, 255
    )
    expected = IoUMetric.total_area_to_metrics(*areas)['IoU']
    found = class_ious(confusion_matrix(predicted, truth, 5))
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize('which', ['true', 'predicted'])
def test_unknown_classes(which):
    masks = {'true': np.zeros((2, 2), np.uint8), 'predicted': np.zeros((2, 2), np.uint8)}
    masks[which][0, 0] = 3
    with pytest.raises(ValueError, match=f'expected {which} classes below 3, found 0 to 3'):
        confusion_matrix(masks['predicted'], masks['true'], 3)
