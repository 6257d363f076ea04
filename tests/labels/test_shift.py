import numpy as np
import pytest

from tsjnet_mm.labels import find_shifts


@pytest.mark.parametrize('offset', [(0, 0), (9, 0), (-7, 8)])
def test_finds_where_a_warm_body_is(night_scene, offset):
    ir, _, _, box = night_scene(offset)
    shifts = find_shifts(ir, np.array([box]), reach=12)
    assert np.abs(shifts - offset).max() <= 1


def test_an_image_without_evidence_is_not_moved():
    ir = np.random.default_rng(0).uniform(0, 1, (96, 128)).astype(np.float32)
    assert not find_shifts(ir, np.array([[40, 20, 60, 70], [70, 30, 80, 60]]), 12).any()
    assert not find_shifts(np.zeros_like(ir), np.array([[40, 20, 60, 70]]), 12).any()


def test_what_does_not_stand_out_goes_with_the_others(night_scene):
    ir, _, _, box = night_scene((8, -6))
    shifts = find_shifts(ir, np.array([box, [10, 40, 20, 60]]), 12)
    assert np.abs(shifts - (8, -6)).max() <= 1


def test_no_boxes_and_no_reach(night_scene):
    ir, _, _, box = night_scene((8, 0))
    assert find_shifts(ir, np.zeros((0, 4)), 12).shape == (0, 2)
    assert find_shifts(ir, np.array([box]), 0).tolist() == [[0, 0]]


def test_boxes_at_the_border_of_the_image():
    ir = np.zeros((40, 60), np.float32)
    ir[:20, :8] = 0.8
    shifts = find_shifts(ir, np.array([[0, 0, 8, 20], [52, 30, 60, 40]]), 6)
    assert np.abs(shifts).max() <= 6
