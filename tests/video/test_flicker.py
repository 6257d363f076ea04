import numpy as np
import pytest

from tsjnet_mm.video.flicker import FlickerMeter, temporal_difference


def test_temporal_difference_of_a_known_sequence():
    frames = [np.full((4, 6), level, np.uint8) for level in (10, 13, 8)]
    assert temporal_difference(frames) == pytest.approx((3 + 5) / 2)
    assert temporal_difference(frame / 255 for frame in frames) == pytest.approx(4, abs=1e-4)


def test_temporal_difference_is_of_luma():
    black = np.zeros((4, 6, 3), np.uint8)
    red = black.copy()
    red[..., 0] = 100
    assert temporal_difference([black, red]) == pytest.approx(29.9, abs=1e-4)


def test_temporal_difference_needs_two_frames_of_one_size_and_a_known_type():
    frame = np.zeros((4, 6), np.uint8)
    with pytest.raises(ValueError, match='at least two'):
        temporal_difference([frame])
    with pytest.raises(ValueError, match='differ in size'):
        temporal_difference([frame, frame[:2]])
    with pytest.raises(TypeError, match='uint16'):
        temporal_difference([frame.astype(np.uint16)])


def test_meter_agrees_with_a_literal_computation():
    rng = np.random.default_rng(1)
    steps = rng.integers(-2, 3, (3, 5, 8, 9))
    ir, vi, fused = (100 + np.cumsum(steps, 1)).astype(np.uint8)
    meter = FlickerMeter()
    for frames in zip(ir, vi, fused, strict=True):
        assert meter.result() is None or meter.result().ir > 0
        meter.update(*frames)
    found = meter.result()
    for name, frames in (('ir', ir), ('vi', vi), ('fused', fused)):
        assert getattr(found, name) == pytest.approx(temporal_difference(frames))
    changes = np.abs(steps[:, 1:])
    static = (changes[0] < 1) & (changes[1] < 1)
    assert found.static_share == pytest.approx(static.mean())
    assert found.static_fused == pytest.approx(changes[2][static].mean())
    assert found.static_sources == 0
    assert found.ratio == pytest.approx(found.fused / max(found.ir, found.vi))
    assert f'fused {found.fused:.3f}' in str(found)


def test_meter_without_static_pixels_or_movement():
    moving = [np.full((2, 2), level, np.uint8) for level in (0, 50)]
    meter, still = FlickerMeter(), FlickerMeter()
    for frame in moving:
        meter.update(frame, frame, frame)
        still.update(moving[0], moving[0], moving[0])
    assert meter.result().static_share == 0 and np.isnan(meter.result().static_fused)
    assert np.isnan(still.result().ratio) and still.result().static_fused == 0
    with pytest.raises(ValueError, match='differ in size'):
        meter.update(moving[0], moving[0], np.zeros((3, 2), np.uint8))
