import pytest
import torch
import torch.nn.functional as F

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

    apply_in_tiles(note, [torch.rand(1, 1, 100, 333)], 64, 16)
    assert sizes == {(64, 64)}
    sizes.clear()
    apply_in_tiles(note, [torch.rand(1, 1, 64, 50)], 64, 16)
    assert sizes == {(64, 50)}


@pytest.mark.parametrize('overlap', [3, 33])
def test_errors(overlap):
    with pytest.raises(ValueError, match=f'from 4 to half .*, got {overlap} for tiles of 64'):
        apply_in_tiles(lambda x: x, [torch.rand(1, 1, 9, 9)], 64, overlap)
