import json

import numpy as np
import pytest
from PIL import Image

from tsjnet_mm.protocols.downstream_scores import detection_scores, segmentation_scores


def write_coco(folder, objects, classes=('person', 'car', 'bus')):
    """One image of 100x100 for each list of (class, x, y, w, h)."""
    annotations = [
        {
            'id': number,
            'image_id': image,
            'category_id': label,
            'bbox': list(box),
            'area': box[2] * box[3],
            'iscrowd': 0,
        }
        for number, (image, label, *box) in enumerate(objects, start=1)
    ]
    content = {
        'images': [
            {'id': image, 'file_name': f'{image}.png', 'width': 100, 'height': 100}
            for image in (1, 2)
        ],
        'categories': [
            {'id': number, 'name': name} for number, name in enumerate(classes, start=1)
        ],
        'annotations': annotations,
    }
    path = folder / 'truth.json'
    path.write_text(json.dumps(content))
    return path


def write_results(folder, found):
    path = folder / 'results.bbox.json'
    path.write_text(
        json.dumps(
            [
                {'image_id': image, 'category_id': label, 'bbox': box, 'score': score}
                for image, label, box, score in found
            ]
        )
    )
    return path


def test_average_precision_by_hand(tmp_path):
    """Two cars, one found first, then a wrong one, then the other: 51 recalls at precision 1,
    50 at 2/3. Persons: one found at an overlap below one half."""
    truth = write_coco(
        tmp_path, [(1, 2, 0, 0, 10, 10), (2, 2, 50, 50, 10, 10), (1, 1, 20, 20, 10, 10)]
    )
    results = write_results(
        tmp_path,
        [
            (1, 2, [0, 0, 10, 10], 0.9),
            (1, 2, [80, 80, 10, 10], 0.8),
            (2, 2, [51, 50, 10, 10], 0.7),
            (1, 1, [26, 20, 10, 10], 0.9),
        ],
    )
    scores = detection_scores(truth, results)
    car = 100 * (51 + 50 * 2 / 3) / 101
    assert scores['car'] == pytest.approx(car)
    assert scores['person'] == 0
    assert scores['bus'] is None
    assert scores['mAP@.5'] == pytest.approx(car / 2)
    assert list(scores) == ['person', 'car', 'bus', 'mAP@.5']


def test_nothing_found_is_zero(tmp_path):
    truth = write_coco(tmp_path, [(1, 2, 0, 0, 10, 10)])
    scores = detection_scores(truth, write_results(tmp_path, []))
    assert scores == {'person': None, 'car': 0.0, 'bus': None, 'mAP@.5': 0.0}


def test_results_of_other_images(tmp_path):
    truth = write_coco(tmp_path, [(1, 2, 0, 0, 10, 10)])
    results = write_results(tmp_path, [(7, 2, [0, 0, 10, 10], 0.9)])
    with pytest.raises(ValueError, match=r'results\.bbox\.json: expected COCO results'):
        detection_scores(truth, results)


def test_iou_by_hand(tmp_path):
    for folder in ('truth', 'masks'):
        (tmp_path / folder).mkdir()
    truth = np.zeros((4, 4), np.uint8)
    truth[:, 2:] = 1
    truth[0, 0] = 255
    found = np.zeros((4, 4), np.uint8)
    found[:, 1:] = 1
    for name, mask in (('truth', truth), ('masks', found)):
        Image.fromarray(mask).save(tmp_path / name / 'a.png')
    scores = segmentation_scores(tmp_path / 'truth', tmp_path / 'masks', ('road', 'car', 'bus'))
    # 7 true road pixels count, of which 3 were found; 8 of car, and 4 more were called so.
    assert scores['road'] == pytest.approx(100 * 3 / 7)
    assert scores['car'] == pytest.approx(100 * 8 / 12)
    assert scores['bus'] is None
    assert scores['mIoU'] == pytest.approx((scores['road'] + scores['car']) / 2)


def test_mask_of_another_size(tmp_path):
    for folder, side in (('truth', 4), ('masks', 5)):
        (tmp_path / folder).mkdir()
        Image.fromarray(np.zeros((side, side), np.uint8)).save(tmp_path / folder / 'a.png')
    with pytest.raises(ValueError, match=r'masks.a\.png and .*truth.a\.png'):
        segmentation_scores(tmp_path / 'truth', tmp_path / 'masks', ('road',))
