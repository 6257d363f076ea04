import cv2
import numpy as np
import pytest

from tsjnet_mm.visualization import differing_windows
from tsjnet_mm.visualization.insets import check_regions, place_insets

SIZE = (96, 120)


def overlap(one, other):
    wide = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    high = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    return max(0, wide) * max(0, high)


def scene(*spots, seed=0):
    """Two grey images that differ in checkered spots ``(x, y, w, h, contrast)``."""
    base = np.random.default_rng(seed).integers(90, 110, SIZE).astype(np.uint8)
    other = base.copy()
    for x, y, w, h, contrast in spots:
        checks = np.indices((h, w)).sum(axis=0) // 2 % 2
        other[y : y + h, x : x + w] += (contrast * checks).astype(np.uint8)
    return base, other


def test_windows_are_centred_on_what_differs_most():
    first, second = differing_windows(scene((80, 20, 12, 12, 60), (20, 60, 12, 12, 90)))
    # A sixth of 120 x 96, with the spots' middles (26, 66) and (86, 26) in the middle.
    assert first[2:] == second[2:] == (20, 16)
    assert abs(first[0] + 10 - 26) <= 2 and abs(first[1] + 8 - 66) <= 2
    assert abs(second[0] + 10 - 86) <= 2 and abs(second[1] + 8 - 26) <= 2


def test_brighter_all_over_is_no_difference():
    base, other = scene((80, 20, 12, 12, 30))
    (window,) = differing_windows([base + np.uint8(100), other], count=1)
    assert abs(window[0] + 10 - 86) <= 2 and abs(window[1] + 8 - 26) <= 2


@pytest.mark.parametrize('spot', [(0, 0), (108, 0), (0, 84), (108, 84)])
def test_windows_stay_inside_and_clear_of_each_other(spot):
    windows = differing_windows(scene((*spot, 12, 12, 90)), count=4)
    assert len(windows) == 4
    for x, y, w, h in windows:
        assert 3 <= x <= 117 - w and 2 <= y <= 94 - h
    for index, one in enumerate(windows):
        assert not any(overlap(one, other) for other in windows[index + 1 :])


def test_equal_images_still_give_windows():
    base, _ = scene()
    assert len(differing_windows([base, base])) == 2


@pytest.mark.parametrize('size', [(1, 1), (3, 40), (40, 3), (7, 7)])
def test_tiny_images(size):
    rng = np.random.default_rng(0)
    windows = differing_windows(rng.integers(0, 256, (2, *size)).astype(np.uint8))
    for x, y, w, h in windows:
        assert 0 <= x < x + w <= size[1] and 0 <= y < y + h <= size[0]
    assert windows


def test_insets_take_the_corners_that_hide_least():
    # The sources differ everywhere but at the left.
    base, _ = scene()
    other = base.copy()
    other[:, 60:] = cv2.bitwise_not(other[:, 60:])
    region = (55, 40, 20, 16)
    (inset,) = place_insets([base, other], [region])
    assert inset[0] == 0
    # 0.4 of the image, of the region's shape.
    assert inset[2:] == (48, 38)


def test_insets_cover_no_region_and_not_each_other():
    rng = np.random.default_rng(0)
    images = scene((30, 30, 12, 12, 90))
    for _ in range(60):
        regions = [
            (int(rng.integers(0, 91)), int(rng.integers(0, 73)), 30, 24) for _ in range(2)
        ]
        insets = place_insets(images, regions)
        assert not overlap(*insets)
        for inset in insets:
            assert not any(overlap(inset, region) for region in regions)
            assert inset[0] in (0, 120 - inset[2]) and inset[1] in (0, 96 - inset[3])


def test_insets_shrink_before_they_cover():
    # In the middle, a quarter of the image: corners of 0.4 would reach into it.
    region = (45, 36, 30, 24)
    (inset,) = place_insets(scene(), [region])
    assert not overlap(inset, region) and inset[2] == round(0.34 * 120)


def test_insets_shrink_to_uncover_what_matters():
    # Half of what matters lies where an inset of 0.4 ends, in each of the corners.
    base, other = scene()
    for y in (35, 57):
        for x in (43, 73):
            other[y : y + 4, x : x + 4] = 255
    (inset,) = place_insets([base, other], [(55, 10, 10, 8)])
    assert inset[2] < 0.4 * 120


def test_no_regions_no_insets():
    assert place_insets(scene(), []) == []


def test_regions_are_checked():
    check_regions([(0, 0, 30, 24), (90, 72, 30, 24)], (120, 96))
    for regions, message in (
        ([(0, 0, 5, 5)] * 3, 'at most two insets, got 3'),
        ([(0, 0, 5)], 'four whole numbers x, y, w, h'),
        ([(0, 0.5, 5, 5)], 'four whole numbers x, y, w, h'),
        ([(-1, 0, 5, 5)], 'x=-1, y=0, w=5, h=5 is not inside of an image of 120x96'),
        ([(116, 0, 5, 5)], 'x=116, .* is not inside'),
        ([(0, 92, 5, 5)], 'y=92, .* is not inside'),
        ([(0, 0, 0, 5)], 'w=0, .* is not inside'),
        ([(0, 0, 31, 5)], 'w=31, .* too large .* in an image of 120x96: .* at most 30x24'),
        ([(0, 0, 5, 25)], 'h=25 is too large'),
    ):
        with pytest.raises(ValueError, match=message):
            check_regions(regions, (120, 96))


def test_insets_do_not_hide_the_pedestrian_of_a_night_scene(real_data):
    folders = real_data / 'MSRS' / 'test' / 'ir', real_data / 'MSRS' / 'test' / 'vi'
    ir, vi = (
        cv2.imread(str(folder / '00004N.png'), cv2.IMREAD_GRAYSCALE) for folder in folders
    )
    fused = [cv2.addWeighted(ir, 0.5, vi, 0.5, 0), np.maximum(ir, vi)]
    windows = differing_windows(fused)
    insets = place_insets([ir, vi, *fused], windows)
    # At the right, below the middle: bright in infrared, hardly to be seen otherwise.
    assert not any(overlap(inset, (515, 225, 40, 120)) for inset in insets)
