import numpy as np
import pytest
import torch

from tsjnet_mm.apis import FusionInferencer
from tsjnet_mm.video import TemporalFilter, fuse_video


def constant(*levels):
    """Frames (T, 1, 16, 24) of one level each."""
    return torch.tensor(levels).view(-1, 1, 1, 1).expand(-1, 1, 16, 24).clone()


def test_follows_the_larger_change_and_a_share_of_the_rest():
    # Sources change by 0.02 and 0.01: 0.02 + 0.1 * 0.4 of a step of 0.4.
    filtered = TemporalFilter()(
        constant(0.50, 0.52), constant(0.30, 0.31), constant(0.20, 0.60)
    )
    torch.testing.assert_close(filtered, constant(0.20, 0.26))
    filtered = TemporalFilter()(
        constant(0.50, 0.49), constant(0.30, 0.27), constant(0.60, 0.20)
    )
    torch.testing.assert_close(filtered, constant(0.60, 0.53))


def test_a_step_within_the_limit_is_taken_whole():
    filtered = TemporalFilter()(constant(0.5, 0.55), constant(0.3, 0.3), constant(0.2, 0.24))
    torch.testing.assert_close(filtered, constant(0.2, 0.24))


def test_still_sources_reach_the_fused_image():
    fused = constant(0.2, *[0.6] * 60)
    still = constant(*[0.5] * 61)
    filtered = TemporalFilter()(still, still, fused)
    distance = (fused - filtered)[:, 0, 0, 0]
    torch.testing.assert_close(distance[1:4], torch.tensor([0.36, 0.324, 0.2916]))
    assert distance[-1] < 1e-3


def test_what_moves_is_not_smeared():
    rng = torch.Generator().manual_seed(0)
    ir = torch.full((6, 1, 48, 64), 0.2)
    for index in range(6):  # A bright block moves by 8 pixels a frame.
        ir[index, :, 16:32, 8 * index : 8 * index + 16] = 0.9
    vi = 0.3 + 0.1 * torch.rand(1, 1, 48, 64, generator=rng).expand(6, -1, -1, -1)
    fused = torch.maximum(ir, vi)
    torch.testing.assert_close(TemporalFilter()(ir, vi, fused), fused)


@pytest.mark.parametrize('batch', [1, 2, 5])
def test_a_batch_follows_the_batch_before(batch):
    rng = torch.Generator().manual_seed(0)
    ir, vi, fused = torch.rand(3, 5, 1, 21, 30, generator=rng).mul(0.05).add(0.4)
    colour = vi.repeat(1, 3, 1, 1)
    filter_ = TemporalFilter()
    parts = [
        filter_(*part)
        for part in zip(ir.split(batch), colour.split(batch), fused.split(batch), strict=True)
    ]
    whole = TemporalFilter()(ir, vi, fused)
    torch.testing.assert_close(torch.cat(parts), whole)
    assert not torch.equal(whole, fused)


def test_a_cut_and_another_size_begin_anew():
    filter_ = TemporalFilter()
    filter_(constant(0.2), constant(0.2), constant(0.2))
    assert torch.equal(
        filter_(constant(0.5), constant(0.5), constant(0.9)), constant(0.9)
    )  # a cut: both change by 0.3, the fused image by 0.7
    other = torch.full((1, 1, 16, 16), 0.1)
    assert torch.equal(filter_(other, other, other), other)


def jumping_fusor(monkeypatch, inferencer):
    """Make a fusor's fused luma jump by 0.1 at every call, whatever it is given."""
    calls = []

    def fuse(ir, vi):
        calls.append(1)
        return torch.full_like(ir, 0.4 + 0.1 * (len(calls) % 2))

    monkeypatch.setattr(inferencer, '_fuse', fuse)


def test_video_is_filtered_and_single_pairs_are_not(
    tmp_path, monkeypatch, write_video, read_video
):
    inferencer = FusionInferencer('average', show_progress=False)
    jumping_fusor(monkeypatch, inferencer)
    still = write_video(tmp_path / 'still.mkv', np.full((8, 48, 64, 3), 90, np.uint8))
    flicker = {
        on: fuse_video(
            inferencer,
            still,
            still,
            tmp_path / f'{on}.mkv',
            measure_flicker=True,
            temporal_filter=on,
        ).flicker.static_fused
        for on in (True, False)
    }
    assert flicker[False] == pytest.approx(25.5, abs=1)
    assert 0 < flicker[True] < 3
    frames = [np.full((8, 8), 90, np.uint8)] * 4
    alone = [image[0, 0, 0] for _, image in inferencer.stream(frames, frames)]
    assert len(set(alone)) == 2 and alone[0] == alone[2]
    kept = inferencer.stream(frames, frames, temporal=TemporalFilter())
    steps = np.abs(np.diff([int(image[0, 0, 0]) for _, image in kept]))
    assert steps.max() <= 3


def test_flicker_of_real_frames_is_less_than_half(real_data, tmp_path):
    folder = real_data / 'M3SVD' / '0111_1716'
    inferencer = FusionInferencer('laplacian', show_progress=False)
    on, off = (
        fuse_video(
            inferencer,
            folder / 'ir',
            folder / 'vi',
            tmp_path / f'{filtered}.mkv',
            max_frames=8,
            measure_flicker=True,
            temporal_filter=filtered,
        ).flicker
        for filtered in (True, False)
    )
    assert on.static_fused < 0.5 * off.static_fused
    assert on.fused > 0.85 * off.fused  # what moves still moves
