import cv2
import numpy as np
import pytest

from tsjnet_mm.apis import FusionInferencer
from tsjnet_mm.datasets.toy import draw_scene
from tsjnet_mm.io.errors import PairError
from tsjnet_mm.io.preparation import Preparation
from tsjnet_mm.registration.drift import DriftFollower, registered
from tsjnet_mm.registration.edges import map_corners
from tsjnet_mm.registration.homography import RegistrationError


def scene():
    drawn = draw_scene(0, 1, (320, 240), night=False)
    return drawn.ir, drawn.vi


def shifted(image, x, y):
    return cv2.warpAffine(
        image, np.float64([[1, 0, x], [0, 1, y]]), (320, 240), borderMode=cv2.BORDER_REPLICATE
    )


def describe(modality, index):
    return f'{modality} frame {index}'


def corner_error(preparation, x, y):
    back = np.float64([[1, 0, -x], [0, 1, -y], [0, 0, 1]])
    apart = map_corners(np.array(preparation.homography), (240, 320))
    return np.linalg.norm(apart - map_corners(back, (240, 320)), axis=1).mean()


@pytest.mark.slow
def test_a_slow_drift_is_followed_and_a_jump_is_not():
    ir, vi = scene()
    follower = DriftFollower(Preparation(), every=4)
    first = shifted(ir, 12, -8), vi
    assert len(follower.start(iter([first] * 3), describe)) == 1
    for index in range(33):
        frame = shifted(ir, 12 + 0.25 * index, -8), vi
        preparation = follower.prepare(frame, index, describe)
        if index == 0:
            assert corner_error(preparation, 12, -8) < 2
    assert corner_error(preparation, 12 + 0.25 * 32, -8) < 3
    assert follower.taken == follower.tried == 8 and follower.moved > 5
    assert preparation.homography.ir_size == (320, 240)
    before = np.array(preparation.homography)
    for index in range(33, 38):  # A jump of 12 pixels, and a covered lens.
        covered = np.full_like(ir, 90) if index > 35 else shifted(ir, 12, 4)
        preparation = follower.prepare((covered, vi), index, describe)
    assert follower.tried == 9 and follower.taken == 8
    assert '8 of 9 later estimates were taken' in follower.note()
    assert np.abs(map_corners(before, (240, 320)) - follower._now).max() < 3


def test_a_mapping_is_added_to_a_preparation(tmp_path):
    ir, vi = scene()
    sources = [('a', shifted(ir, 12, -8), vi)]
    found, words = registered(Preparation(ir_range=(0, 250)), sources)
    assert corner_error(found, 12, -8) < 2 and found.ir_range == (0, 250)
    assert found.homography.vi_size == (320, 240)
    assert 'from 1 pair: ' in words
    with pytest.raises(ValueError, match='give one of register, homography and resize'):
        registered(Preparation(resize=True), sources)
    with pytest.raises(ValueError, match='a stream cannot be registered'):
        registered(Preparation(), iter(sources))
    with pytest.raises(PairError, match='infrared image b: different sizes'):
        registered(Preparation(), [*sources, ('b', ir[:100], vi)])
    with pytest.raises(RegistrationError, match='no mapping found in 1 pair'):
        registered(Preparation(), [('a', np.full_like(ir, 90), vi)])


def test_frames_without_common_edges_are_refused():
    ir, vi = scene()
    follower = DriftFollower(Preparation())
    with pytest.raises(RegistrationError, match='no common edges'):
        follower.start(iter([(np.full_like(ir, 90), vi)] * 3), describe)
    with pytest.raises(ValueError, match='give one of register'):
        DriftFollower(Preparation(homography=np.eye(3)))


def test_the_inferencer_registers_arrays():
    ir, vi = scene()
    moved = shifted(ir, 12, -8)
    inferencer = FusionInferencer('average', show_progress=False)
    straight, crossed = (
        inferencer(one, vi, register=is_registered, grey=True)[0].astype(int)
        for one, is_registered in ((moved, True), (moved, False))
    )
    expected = inferencer(ir, vi, grey=True)[0].astype(int)
    centre = np.s_[40:-40, 40:-40]
    errors = [np.abs(image - expected)[centre].mean() for image in (straight, crossed)]
    assert errors[0] < 0.5 * errors[1]
