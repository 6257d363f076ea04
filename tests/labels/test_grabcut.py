import numpy as np
import pytest

from tsjnet_mm.datasets.toy import DETECTION_CLASSES, draw_scene, is_night
from tsjnet_mm.labels import compose_masks, grabcut_masks


def iou(one, other):
    return (one & other).sum() / (one | other).sum()


def test_outline_of_a_warm_body_at_night(night_scene):
    ir, vi, mask, box = night_scene()
    (found,) = grabcut_masks(ir, vi, [box], ['person'])
    assert iou(found.mask, mask) > 0.93
    assert found.quality > 0.7
    assert found.method != 'ellipse'


def test_outline_where_the_infrared_image_is_off(night_scene):
    ir, vi, mask, box = night_scene((7, -5))
    (found,) = grabcut_masks(ir, vi, [box], ['person'], max_shift=0.1)
    assert iou(found.mask, mask) > 0.85
    (without,) = grabcut_masks(ir, vi, [box], ['person'], max_shift=0)
    assert iou(without.mask, mask) < 0.75


def test_car_by_day():
    rng = np.random.default_rng(0)
    vi = rng.normal((0.5, 0.5, 0.45), 0.02, (80, 120, 3)).clip(0, 1).astype(np.float32)
    mask = np.zeros((80, 120), bool)
    mask[40:60, 30:90] = mask[28:40, 42:78] = True
    vi[mask] = (0.8, 0.1, 0.1)
    vi[31:38, 46:58] = (0.1, 0.1, 0.15)  # a window
    ir = rng.normal(0.4, 0.01, (80, 120)).clip(0, 1).astype(np.float32)
    (found,) = grabcut_masks(ir, vi, [[30, 28, 90, 60]], ['car'])
    assert iou(found.mask, mask) > 0.88
    assert found.mask[34, 52]


def test_without_an_outline_it_is_a_guess():
    ir, vi = np.full((60, 60), 0.3, np.float32), np.full((60, 60, 3), 0.3, np.float32)
    boxes = [[10, 10, 30, 50], [40, 40, 44, 50]]
    for found, box in zip(grabcut_masks(ir, vi, boxes, ['person'] * 2), boxes, strict=True):
        assert found.method == 'ellipse'
        assert found.quality == 0.2
        x, y = (box[0] + box[2]) // 2, (box[1] + box[3]) // 2
        assert found.mask[y, x]
        assert not found.mask[box[1], box[0]]


def test_masks_stay_in_their_boxes_at_the_border(night_scene):
    ir, vi, _, _ = night_scene()
    boxes = [[0, 0, 12, 30], [116.3, 60.2, 128, 96], [40, 2, 41, 3], [0, 0, 128, 96]]
    for box, found in zip(boxes, grabcut_masks(ir, vi, boxes, ['car'] * 4), strict=True):
        rows, columns = np.nonzero(found.mask)
        assert columns.min() >= np.floor(box[0])
        assert rows.min() >= np.floor(box[1])
        assert columns.max() < np.ceil(box[2])
        assert rows.max() < np.ceil(box[3])


def test_same_result_each_time(night_scene):
    ir, vi, _, box = night_scene()
    first, second = (grabcut_masks(ir, vi, [box], ['person'])[0] for _ in range(2))
    assert np.array_equal(first.mask, second.mask)
    assert first.quality == second.quality


def test_no_boxes(night_scene):
    ir, vi, _, _ = night_scene()
    assert grabcut_masks(ir, vi, [], []) == []


#: Least IoU with the true masks of drawn scenes.
FLOORS = {'person': 0.7, 'car': 0.88, 'bike': 0.38}


def test_true_masks_of_drawn_scenes():
    names = [{'bicycle': 'bike'}.get(name, name) for name in DETECTION_CLASSES]
    seg = {'car': 1, 'person': 2, 'bike': 3}
    shared, united = np.zeros(4), np.zeros(4)
    for index in range(8):
        scene = draw_scene(0, index, night=is_night(0, index))
        ir = scene.ir.astype(np.float32) / 255
        vi = scene.vi.astype(np.float32) / 255
        labels = [names[label] for label in scene.labels]
        objects = grabcut_masks(ir, vi, scene.boxes, labels)
        mask = compose_masks(ir.shape, scene.boxes, objects, [seg[name] for name in labels])
        known = mask != 255
        for value in seg.values():
            found, true = (mask == value) & known, (scene.mask == value) & known
            shared[value] += (found & true).sum()
            united[value] += (found | true).sum()
    for name, floor in FLOORS.items():
        assert shared[seg[name]] / united[seg[name]] > floor, (shared / united)[1:]


@pytest.mark.parametrize('stem', ['00633D', '00881N'])
def test_persons_of_real_pairs_are_found_not_guessed(real_data, stem):
    from tsjnet_mm.datasets import MSRSDataset
    from tsjnet_mm.io.images import read_infrared, read_visible

    dataset = MSRSDataset(str(real_data / 'MSRS'), annotations=['boxes'])
    info = next(dataset[i] for i in range(len(dataset)) if dataset[i]['img_id'] == stem)
    boxes = [item['bbox'] for item in info['instances'] if item['bbox_label'] == 0]
    found = grabcut_masks(
        read_infrared(info['ir_path']),
        read_visible(info['vi_path']),
        boxes,
        ['person'] * len(boxes),
    )
    assert len(found) == 2
    for item in found:
        assert item.method != 'ellipse'
        assert item.quality > 0.65
