import numpy as np

from tsjnet_mm.labels.tiles import detect_in_tiles


def brightest(image):
    """A detector: one box around all pixels brighter than 0.5, of class 3."""
    rows, columns = (np.flatnonzero((image[..., 0] > 0.5).any(axis)) for axis in (1, 0))
    boxes = [[columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]] if len(rows) else []
    boxes = np.array(boxes, np.float32).reshape(-1, 4)
    return {
        'boxes': boxes,
        'scores': np.full(len(boxes), 0.5, np.float32),
        'labels': np.full(len(boxes), 3),
    }


def scene(left, top, right, bottom):
    image = np.zeros((97, 141, 3), np.float32)
    image[top:bottom, left:right] = 1
    return image


def test_boxes_of_tiles_are_in_pixels_of_the_image():
    # Tiles are 81x56 at 0 and 60, 0 and 41: two of them see this one whole.
    box = [64, 10, 76, 30]
    found = detect_in_tiles(brightest, scene(*box), 2)
    assert len(found['boxes']) == len(found['scores']) == len(found['labels']) == 3
    np.testing.assert_allclose(found['boxes'], [box] * 3, atol=0.6)
    assert set(found['labels']) == {3}


def test_an_object_at_the_border_of_the_image_is_kept():
    found = detect_in_tiles(brightest, scene(130, 80, 141, 97), 2)
    np.testing.assert_allclose(found['boxes'], [[130, 80, 141, 97]] * 2, atol=0.6)


def test_what_a_tile_cuts_off_is_left_out():
    box = [40, 5, 110, 30]  # Wider than what two tiles share.
    assert detect_in_tiles(brightest, scene(*box), 2)['boxes'].tolist() == [box]


def test_a_tile_is_as_large_as_the_image():
    seen = []

    def detector(image):
        seen.append(image.shape)
        return brightest(image)

    detect_in_tiles(detector, scene(1, 1, 9, 9), 1)
    assert seen == [(97, 141, 3)]
    detect_in_tiles(detector, scene(1, 1, 9, 9), 3)
    assert seen == [(97, 141, 3)] * 11
