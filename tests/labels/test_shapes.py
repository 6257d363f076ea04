import numpy as np
import pytest

from tsjnet_mm.labels.shapes import is_solid, oval, tidy, whole_box


def test_oval_areas():
    box = [10, 20, 50, 80]
    assert oval((100, 100), box).sum() == pytest.approx(np.pi / 4 * 40 * 60, rel=0.01)
    assert oval((100, 100), box, 0.5).sum() == pytest.approx(np.pi / 16 * 40 * 60, rel=0.02)
    # The area within x^4 + y^4 <= 1 is 3.7081.
    solid = oval((100, 100), box, solid=True).sum()
    assert solid == pytest.approx(3.7081 / 4 * 40 * 60, rel=0.01)


def test_oval_of_the_smallest_box_is_a_pixel():
    assert np.argwhere(oval((4, 5), [2, 1, 3, 2], 0.3)).tolist() == [[1, 2]]
    assert oval((4, 5), [2, 1, 4, 3], 0.3).any()


@pytest.mark.parametrize(
    ('box', 'expected'),
    [
        ([1.4, 2.6, 5.5, 7.2], (1, 3, 6, 7)),
        ([-2, -1, 12, 9], (0, 0, 10, 8)),
        ([3.1, 3.1, 3.3, 3.3], (3, 3, 4, 4)),
        ([9.9, 7.9, 10, 8], (9, 7, 10, 8)),
    ],
)
def test_whole_box(box, expected):
    assert whole_box(box, (8, 10)) == expected


def test_tidy_fills_small_holes_and_drops_specks():
    mask = np.zeros((60, 60), bool)
    mask[10:50, 10:50] = True
    mask[25:30, 25:30] = False
    mask[2:5, 2:5] = True
    cleaned = tidy(mask)
    assert cleaned[27, 27]
    assert not cleaned[:6, :6].any()


def test_tidy_keeps_wide_holes_and_closes_bays_of_solid_things():
    mask = np.zeros((60, 60), bool)
    mask[10:50, 10:50] = True
    mask[20:40, 20:60] = False
    assert not tidy(mask)[30, 45]
    assert tidy(mask, solid=True)[30, 45]
    assert not tidy(np.zeros((20, 20), bool), solid=True).any()


def test_solid_classes():
    assert is_solid('Car')
    assert not is_solid('person')
