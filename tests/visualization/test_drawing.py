import numpy as np
import pytest

from tsjnet_mm.visualization import draw_boxes, draw_mask, to_rgb8

RED, GREEN = (255, 0, 0), (0, 255, 0)


def test_to_rgb8_of_floats_rounds_and_clips():
    image = np.array([[-0.5, 0.0, 0.5, 1.0, 1.5]], np.float32)
    assert to_rgb8(image)[0, :, 1].tolist() == [0, 0, 128, 255, 255]


def test_to_rgb8_keeps_8_bit_colours_and_copies():
    image = np.random.default_rng(0).integers(0, 256, (4, 5, 3), np.uint8)
    result = to_rgb8(image)
    assert np.array_equal(result, image) and not np.shares_memory(result, image)
    assert np.array_equal(to_rgb8(image[..., :1])[..., 2], image[..., 0])


def test_to_rgb8_refuses_what_it_cannot_read():
    with pytest.raises(TypeError, match='int64'):
        to_rgb8(np.zeros((2, 2), np.int64))
    with pytest.raises(TypeError, match='list'):
        to_rgb8([[0.0]])
    with pytest.raises(ValueError, match=r'\(3, 8, 8\)'):
        to_rgb8(np.zeros((3, 8, 8)))


def test_box_covers_exactly_its_border():
    image = np.zeros((40, 50), np.uint8)
    drawn = draw_boxes(image, [[10, 12, 30, 25]], colours=[RED])
    expected = np.zeros((40, 50), bool)
    expected[12:25, 10:30] = True
    expected[13:24, 11:29] = False
    assert np.array_equal((drawn == RED).all(axis=2), expected)
    assert not image.any()


def test_small_boxes_stay_visible_over_large_ones():
    boxes = [[5, 5, 15, 15], [5, 5, 40, 35]]
    drawn = draw_boxes(np.zeros((40, 50)), boxes, colours=[RED, GREEN])
    assert drawn[5, 10].tolist() == list(RED) and drawn[5, 30].tolist() == list(GREEN)


def test_name_is_written_above_the_box_or_inside_at_the_top():
    image = np.full((60, 80), 128, np.uint8)
    for top, above in ((30, True), (2, False)):
        box = [[20, top, 60, 55]]
        named = draw_boxes(image, box, ['car'], [GREEN])
        changed = (named != draw_boxes(image, box, colours=[GREEN])).any(axis=2)
        rows = np.nonzero(changed.any(axis=1))[0]
        assert len(rows) > 6
        assert (rows.max() < top) if above else (rows.min() > top)
        assert named[changed][:, 1].min() < 60 and named[changed][:, 1].max() == 255


def test_boxes_outside_and_none_at_all():
    image = np.full((20, 20), 7, np.uint8)
    assert (draw_boxes(image, np.zeros((0, 4))) == 7).all()
    assert (draw_boxes(image, [[100, 100, 120, 120]]) == 7).all()


def test_boxes_are_checked():
    with pytest.raises(ValueError, match=r'\(N, 4\), got \(4,\)'):
        draw_boxes(np.zeros((8, 8)), [1, 2, 3, 4])
    with pytest.raises(ValueError, match='1 boxes, but 2 names'):
        draw_boxes(np.zeros((8, 8)), [[1, 2, 3, 4]], ['a', 'b'])


def test_mask_tints_its_classes_alone():
    image = np.full((2, 3), 100, np.uint8)
    mask = np.array([[0, 1, 2], [255, 1, 0]])
    drawn = draw_mask(image, mask, [(0, 0, 0), RED, GREEN], opacity=0.5)
    grey, red, green = [100, 100, 100], [178, 50, 50], [50, 178, 50]
    assert drawn.tolist() == [[grey, red, green], [grey, red, grey]]
    assert (image == 100).all()


def test_mask_is_checked():
    with pytest.raises(ValueError, match=r'\(2, 3\).*\(3, 2\)'):
        draw_mask(np.zeros((2, 3)), np.zeros((3, 2), int), [RED])
    with pytest.raises(ValueError, match=r'classes \[0, 4\]'):
        draw_mask(np.zeros((1, 2)), np.array([[0, 4]]), [RED, GREEN])
