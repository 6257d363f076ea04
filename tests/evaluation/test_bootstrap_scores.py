import numpy as np
import pytest
from pycocotools.cocoeval import COCOeval

from tsjnet_mm.evaluation.bootstrap_scores import (
    SIZES,
    average_precisions,
    match_detections,
    resample_images,
    resampled_ious,
)
from tsjnet_mm.evaluation.detection_errors import DetectedObject, average_precision, to_coco
from tsjnet_mm.evaluation.segmentation_errors import class_ious

CLASSES = ['car', 'person']
LABELS = {'car': 1, 'person': 2}


@pytest.fixture
def objects():
    """True objects and detections of 15 images, of all sizes; some right, some wrong."""
    rng = np.random.default_rng(0)
    truth, found = {}, {}
    for number in range(15):
        there, seen = [], []
        for _ in range(rng.integers(0, 5)):
            box = np.array([*rng.uniform(0, 400, 2), *rng.choice([12.0, 50, 120], 2)])
            name = CLASSES[rng.integers(2)]
            there.append(DetectedObject(name, tuple(box), crowd=bool(rng.random() < 0.1)))
            for _ in range(rng.integers(0, 3)):
                moved = box + rng.normal(0, 3, 4)
                seen.append(DetectedObject(name, tuple(moved), float(rng.random())))
        for _ in range(rng.integers(0, 4)):
            box = (*rng.uniform(0, 400, 2), 30.0, 60.0)
            seen.append(DetectedObject(CLASSES[rng.integers(2)], box, float(rng.random())))
        truth[f'{number:02d}'], found[f'{number:02d}'] = there, seen
    return truth, found


def test_images_that_come_twice_count_twice(objects):
    truth, found = objects
    matches = match_detections(truth, found, CLASSES)
    weights = resample_images(15, 6, seed=1)
    values = {name: average_precisions(matches[name, 'all'], weights) for name in CLASSES}
    for row, counts in enumerate(weights):
        names = [(name, k) for name, count in zip(truth, counts, strict=True)
                 for k in range(count)]  # fmt: skip
        images = {key: number for number, key in enumerate(names, start=1)}
        parts = [{key: part[key[0]] for key in names} for part in (truth, found)]
        expected = average_precision(*(to_coco(part, LABELS, images)[0] for part in parts))
        for name in CLASSES:
            assert values[name][row] == pytest.approx(expected[name], abs=1e-12)
    assert len({*values['car'].round(6)}) > 4


def test_sizes_are_cocos(objects):
    truth, found = objects
    images = {name: number for number, name in enumerate(truth, start=1)}
    evaluation = COCOeval(*(to_coco(part, LABELS, images)[0] for part in objects), 'bbox')
    evaluation.evaluate()
    evaluation.accumulate()
    matches = match_detections(truth, found, CLASSES)
    once = np.ones((1, 15), int)
    for index, size in enumerate(SIZES):
        for label, name in enumerate(CLASSES):
            expected = evaluation.eval['precision'][0, :, label, index, -1].mean()
            expected = np.nan if expected < 0 else expected
            (value,) = average_precisions(matches[name, size], once)
            assert value == pytest.approx(expected, abs=1e-12, nan_ok=True)


def test_without_objects_there_is_no_score(objects):
    truth, found = objects
    matches = match_detections(truth, found, CLASSES)['car', 'all']
    weights = np.zeros((2, 15), int)
    weights[0, matches.objects == 0] = 1
    assert np.isnan(average_precisions(matches, weights)).all()
    nothing = match_detections(truth, {name: [] for name in truth}, CLASSES)['car', 'all']
    assert average_precisions(nothing, np.ones((1, 15), int)).tolist() == [0]


def test_resamples():
    weights = resample_images(7, 500, seed=3)
    assert weights.shape == (501, 7)
    assert (weights[0] == 1).all() and (weights.sum(1) == 7).all()
    assert weights.mean(0) == pytest.approx(np.ones(7), abs=0.15)
    assert (weights == resample_images(7, 500, seed=3)).all()


def test_ious_of_images_that_come_twice():
    rng = np.random.default_rng(0)
    confusions = rng.integers(0, 9, (4, 3, 3))
    weights = np.array([[1, 1, 1, 1], [2, 0, 1, 0]])
    found = resampled_ious(confusions, weights)
    np.testing.assert_allclose(found[0], class_ious(confusions.sum(0)))
    np.testing.assert_allclose(found[1], class_ious(2 * confusions[0] + confusions[2]))
