import itertools

import pytest
import torch
import torch.nn.functional as F

from tsjnet_mm.utils import tiling
from tsjnet_mm.utils.tiling import apply_in_tiles


@pytest.mark.parametrize(
    'size', [(40, 40), (41, 97), (130, 33), (64, 200), (257, 129), (1, 90)]
)
@pytest.mark.parametrize(('tile', 'overlap'), [(40, 4), (64, 16), (33, 16), (64, 32)])
def test_weights_sum_to_one(size, tile, overlap):
    image = 255 * torch.rand(2, 1, *size)
    result = apply_in_tiles(lambda x: 2 * x, [image], tile, overlap)
    torch.testing.assert_close(result, 2 * image, rtol=1e-6, atol=0)


def test_equal_to_untiled_where_only_the_surroundings_count():
    def blur(a, b):
        return F.avg_pool2d(F.pad(a + b, (4, 4, 4, 4), mode='replicate'), 9, stride=1)

    images = torch.rand(2, 1, 2, 150, 211)
    expected = blur(*images)
    torch.testing.assert_close(apply_in_tiles(blur, images, 64, 16), expected)
    # A quarter of the overlap is less than what the filter sees: its edges show.
    assert (apply_in_tiles(blur, images, 64, 8) - expected).abs().max() > 1e-3


def test_no_step_between_tiles_that_disagree():
    def level(image):
        level.calls += 1
        return torch.full_like(image, float(level.calls % 2))

    level.calls = 0
    result = apply_in_tiles(level, [torch.zeros(1, 1, 64, 400)], 96, 32)
    assert level.calls == 6
    assert (result[..., 1:] - result[..., :-1]).abs().max() <= 1 / 16 + 1e-6


def test_a_tile_is_no_larger_than_asked():
    sizes = set()

    def note(image):
        sizes.add(tuple(image.shape[-2:]))
        return image

    apply_in_tiles(note, [torch.rand(1, 1, 128, 320)], 64, 16)
    assert sizes == {(64, 64)}
    sizes.clear()
    # Of odd sizes the last is shorter: it starts at a multiple of 32.
    apply_in_tiles(note, [torch.rand(1, 1, 100, 333)], 64, 16)
    assert sizes == {(64, 64), (36, 64), (64, 45), (36, 45)}
    sizes.clear()
    apply_in_tiles(note, [torch.rand(1, 1, 64, 50)], 64, 16)
    assert sizes == {(64, 50)}


@pytest.mark.parametrize('overlap', [3, 33])
def test_errors(overlap):
    with pytest.raises(ValueError, match=f'from 4 to half .*, got {overlap} for tiles of 64'):
        apply_in_tiles(lambda x: x, [torch.rand(1, 1, 9, 9)], 64, overlap)


@pytest.mark.parametrize('size', [(64, 203), (131, 200), (97, 96)])
def test_halving_meets_the_same_pixels_in_tiles(size):
    """Of odd sizes: where tiles started anywhere, pyramids differed by up to 37 grey levels."""

    def blocks(image):
        height, width = image.shape[2:]
        padded = F.pad(image, (0, -width % 16, 0, -height % 16), 'reflect')
        coarse = F.avg_pool2d(padded, 16)
        return coarse.repeat_interleave(16, 2).repeat_interleave(16, 3)[..., :height, :width]

    image = torch.rand(1, 1, *size, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(apply_in_tiles(blocks, [image], 96, 32), blocks(image))


def test_neighbours_overlap_by_what_was_asked():
    for length, tile, overlap in [(203, 96, 32), (4000, 1024, 128), (70, 64, 32), (41, 33, 16)]:
        windows = tiling._windows(length, tile, overlap)
        assert windows[0].start == 0 and windows[-1].stop == length
        for one, other in itertools.pairwise(windows):
            assert one.stop - other.start >= overlap
            assert other.start % (16 if tile == 33 else 32) == 0
