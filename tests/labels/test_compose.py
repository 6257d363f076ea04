import numpy as np
import pytest
from PIL import Image

from tsjnet_mm.io.images import read_mask
from tsjnet_mm.labels import ObjectMask, compose_masks, save_mask


def filled(size, box, method='grabcut ir'):
    mask = np.zeros(size, bool)
    mask[box[1] : box[3], box[0] : box[2]] = True
    return ObjectMask(mask, 1.0, method)


def compose(boxes, indices, size=(100, 120), **options):
    return compose_masks(size, boxes, [filled(size, box) for box in boxes], indices, **options)


def test_band_along_the_outline_of_a_large_object():
    mask = compose([[20, 20, 70, 80]], [2])
    # 50 pixels across: a band of 2, one pixel to either side.
    assert mask[50, 18:23].tolist() == [0, 255, 255, 2, 2]
    assert mask[50, 67:72].tolist() == [2, 2, 255, 255, 0]


def test_small_objects_lose_no_pixel_to_the_band():
    mask = compose([[20, 20, 26, 30]], [3])
    assert (mask == 3).sum() == 60
    assert mask[25, 19] == 255
    assert mask[25, 18] == 0


def test_objects_at_the_border_have_no_band_there():
    mask = compose([[0, 0, 50, 100]], [1])
    assert (mask[:, 0] == 1).all()


def test_the_lower_of_two_is_in_front():
    mask = compose([[10, 10, 60, 50], [40, 20, 90, 70]], [1, 2])
    assert mask[40, 50] == 2
    assert compose([[40, 20, 90, 70], [10, 10, 60, 50]], [2, 1])[40, 50] == 2


def test_the_smaller_inside_is_in_front():
    mask = compose([[30, 30, 50, 60], [10, 10, 90, 90]], [2, 1])
    assert mask[45, 40] == 2
    assert mask[80, 40] == 1


def test_of_a_guess_the_rest_of_the_box_is_uncertain():
    size, box = (100, 120), [20, 20, 60, 80]
    guess = filled(size, [30, 30, 50, 70], 'ellipse')
    mask = compose_masks(size, [box], [guess], [2])
    assert mask[50, 40] == 2
    assert mask[21, 21] == 255
    assert mask[19, 21] == 0


def test_ignored_boxes_yield_to_objects():
    mask = compose([[20, 20, 60, 80]], [2], ignored=[[10, 10, 40, 40]])
    assert mask[12, 12] == 255
    assert mask[30, 30] == 2


def test_nothing():
    assert not compose([], []).any()


def test_save_mask_keeps_indices_and_shows_colours(tmp_path):
    mask = np.array([[0, 1], [2, 255]], np.uint8)
    save_mask(mask, tmp_path / 'a.png', [(0, 0, 0), (64, 0, 128), (64, 64, 0)])
    assert np.array_equal(read_mask(str(tmp_path / 'a.png')), mask)
    image = Image.open(tmp_path / 'a.png')
    assert image.mode == 'P'
    rgb = np.asarray(image.convert('RGB'))
    assert rgb.tolist() == [[[0, 0, 0], [64, 0, 128]], [[64, 64, 0], [255, 255, 255]]]
    assert [path.name for path in tmp_path.iterdir()] == ['a.png']


@pytest.mark.parametrize('order', [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_the_order_of_objects_does_not_matter(order):
    boxes, indices = [[10, 10, 60, 50], [40, 20, 90, 70], [45, 25, 55, 45]], [1, 2, 3]
    mask = compose([boxes[i] for i in order], [indices[i] for i in order])
    assert np.array_equal(mask == 3, compose(boxes, indices) == 3)
    assert np.array_equal(mask == 2, compose(boxes, indices) == 2)
