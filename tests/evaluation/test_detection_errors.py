import json

import pytest

from tsjnet_mm.evaluation.detection_errors import (
    DetectedObject,
    detection_errors,
    read_detection_truth,
    read_detections,
)


def there(name, *box, crowd=False):
    return DetectedObject(name, box, crowd=crowd)


def seen(name, score, *box):
    return DetectedObject(name, box, score)


def compare(truth, found, **options):
    return detection_errors({'1': truth}, {'1': found}, **options)['1']


CAR = there('car', 0, 0, 10, 10)


def test_threshold_of_overlap():
    half = seen('car', 0.9, 0, 0, 10, 5)
    assert compare([CAR], [half]) == ([half], [], [])
    less = seen('car', 0.9, 0, 0, 10, 4.9)
    assert compare([CAR], [less]) == ([], [less], [CAR])
    assert compare([CAR], [less], iou_thr=0.4) == ([less], [], [])


def test_threshold_of_scores():
    low, enough = seen('car', 0.29, 0, 0, 10, 10), seen('car', 0.3, 0, 0, 10, 10)
    assert compare([CAR], [low]) == ([], [], [CAR])
    assert compare([CAR], [enough]) == ([enough], [], [])
    assert compare([CAR], [low], score_thr=0.2) == ([low], [], [])


def test_best_score_takes_the_object_and_the_second_is_wrong():
    better = seen('car', 0.8, 0, 0, 10, 10)
    first = seen('car', 0.9, 0, 0, 10, 6)
    assert compare([CAR], [better, first]) == ([first], [better], [])


def test_best_score_takes_what_it_overlaps_most():
    other = there('car', 2, 0, 10, 10)
    first = seen('car', 0.9, 1.5, 0, 10, 10)
    second = seen('car', 0.8, 0, 0, 10, 10)
    assert compare([CAR, other], [second, first]) == ([first, second], [], [])


def test_wrong_class_is_both_missed_and_wrong():
    bus = seen('bus', 0.9, 0, 0, 10, 10)
    assert compare([CAR], [bus]) == ([], [bus], [CAR])


def test_crowds_are_neither_missed_nor_wrong():
    crowd = there('car', 0, 0, 100, 100, crowd=True)
    inside = [seen('car', 0.9, x, 0, 10, 10) for x in (0, 30, 60)]
    assert compare([crowd], []) == ([], [], [])
    assert compare([crowd], inside) == ([], [], [])


def test_images_and_objects_do_not_mix():
    truth = {'a': [CAR], 'b': [CAR, there('car', 50, 0, 10, 10)], 'empty': []}
    found = {
        'a': [],
        'b': [seen('car', 0.9, 0, 0, 10, 10)],
        'empty': [seen('x', 1, 0, 0, 1, 1)],
    }
    errors = detection_errors(truth, found)
    counts = {image: tuple(map(len, parts)) for image, parts in errors.items()}
    # Correct, wrong, missed.
    assert counts == {'a': (0, 0, 1), 'b': (1, 0, 1), 'empty': (0, 1, 0)}
    assert errors['b'].missed == [truth['b'][1]]


def test_nothing_there_and_nothing_found(capsys):
    assert detection_errors({}, {}) == {}
    assert compare([], []) == ([], [], [])
    assert capsys.readouterr() == ('', '')


def test_more_than_coco_counts_are_matched():
    truth = [there('car', 20 * x, 0, 10, 10) for x in range(150)]
    found = [seen('car', 0.5, *item.box) for item in truth]
    assert tuple(map(len, compare(truth, found))) == (150, 0, 0)


def test_found_in_an_unknown_image():
    with pytest.raises(ValueError, match='without truth: 2'):
        detection_errors({'1': []}, {'2': []})


def write(path, content):
    path.write_text(json.dumps(content))
    return path


TRUTH = {
    'images': [{'id': 7, 'file_name': 'vi/00001D.png'}, {'id': '00002N', 'file_name': ''}],
    'categories': [{'id': 1, 'name': 'person'}, {'id': 3, 'name': 'car'}],
    'annotations': [
        {'image_id': 7, 'category_id': 3, 'bbox': [1, 2, 3, 4], 'iscrowd': 0},
        {'image_id': '00002N', 'category_id': 1, 'bbox': [1, 2, 3, 4], 'iscrowd': 1},
    ],
}


def test_files(tmp_path):
    truth = read_detection_truth(write(tmp_path / 'truth.json', TRUTH))
    assert truth.classes == {1: 'person', 3: 'car'}
    assert truth.objects == {
        '00001D': [there('car', 1, 2, 3, 4)],
        '00002N': [there('person', 1, 2, 3, 4, crowd=True)],
    }
    results = [{'image_id': '00002N', 'category_id': 3, 'bbox': [0, 0, 2, 2], 'score': 0.5}]
    found = read_detections(write(tmp_path / 'found.json', results), truth)
    assert found == {'00001D': [], '00002N': [seen('car', 0.5, 0, 0, 2, 2)]}


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        ([], 'expected a COCO json'),
        ({'images': []}, "a fault: KeyError\\('categories'\\)"),
        ({**TRUTH, 'images': [{'id': 7, 'file_name': 'a.png'}]}, 'a fault: KeyError'),
        (
            {**TRUTH, 'images': [{'id': i, 'file_name': 'a.png'} for i in (7, '00002N')]},
            'images with names of their own',
        ),
        (
            {**TRUTH, 'annotations': [{**TRUTH['annotations'][0], 'bbox': [1, 2, 3]}]},
            'expected a bbox x, y, w, h, found',
        ),
    ],
)
def test_bad_truth(content, message, tmp_path):
    with pytest.raises(ValueError, match=f'truth.json: .*{message}'):
        read_detection_truth(write(tmp_path / 'truth.json', content))


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        ({}, 'expected a COCO list of results, found a dict'),
        ([{'image_id': 7}], 'a fault in entry 0'),
        (
            [{'image_id': 8, 'category_id': 3, 'bbox': [0, 0, 1, 1], 'score': 1}],
            'expected a image_id of the annotations, such as 7, 00002N; found 8',
        ),
        (
            [{'image_id': 7, 'category_id': 2, 'bbox': [0, 0, 1, 1], 'score': 1}],
            'category_id of the annotations, such as 1, 3; found 2',
        ),
        ([{'image_id': 7, 'category_id': 3, 'bbox': [0, 0, -1, 1], 'score': 1}], 'bbox'),
    ],
)
def test_bad_results(content, message, tmp_path):
    truth = read_detection_truth(write(tmp_path / 'truth.json', TRUTH))
    with pytest.raises(ValueError, match=f'found.json: .*{message}'):
        read_detections(write(tmp_path / 'found.json', content), truth)
    (tmp_path / 'found.json').write_text('no json')
    with pytest.raises(ValueError, match='found no JSON'):
        read_detections(tmp_path / 'found.json', truth)
