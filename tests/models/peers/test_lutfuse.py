import math

import numpy as np
import pytest
import torch
from scipy.ndimage import convolve, map_coordinates

from tsjnet_mm.models.peers.lutfuse import LUTFuse, convert_lutfuse, interpolate
from tsjnet_mm.utils import rgb_to_luma
from tsjnet_mm.utils.checkpoints import read_checkpoint


@pytest.fixture
def published(fabricate):
    """Names and shapes of both of the authors' files."""
    blocks = (
        ('input_layer.0', 'input_layer.2', 4),
        *((f'mid_layer.{3 * index}', f'mid_layer.{3 * index + 2}', 16) for index in range(3)),
    )
    shapes = {'lut': (16, 16, 16, 16, 1)}
    for conv, norm, in_channels in blocks:
        shapes[f'{conv}.weight'] = (16, in_channels, 3, 3)
        shapes |= dict.fromkeys((f'{conv}.bias', f'{norm}.weight', f'{norm}.bias'), (16,))
    shapes |= {'output_layer.1.weight': (1, 16, 3, 3), 'output_layer.1.bias': (1,)}
    return fabricate(shapes)


def test_parameters():
    fusor = LUTFuse()
    assert fusor.table.numel() == 65536
    assert sum(weight.numel() for weight in fusor.parameters()) == 73361


def test_interpolation_by_another_library():
    table = torch.rand(3, 4, 5, 2).double()
    ends = torch.tensor([2, 3, 4, 1])[:, None, None].double()
    positions = torch.rand(4, 6, 7).double() * (ends + 0.9)
    expected = map_coordinates(table.numpy(), positions.numpy(), order=1, mode='nearest')
    np.testing.assert_allclose(interpolate(table, list(positions)), expected, rtol=1e-12)


def test_entries_and_what_is_beyond_them():
    table = torch.tensor([[1.0, 2.0], [5.0, 7.0]])
    rows, columns = torch.tensor([0, 1, 0.5, 1.9]), torch.tensor([1, 0, 0.5, 1.9])
    assert interpolate(table, (rows, columns)).tolist() == [2, 5, 3.75, 7]


def _level(image):
    """Position in a table of 16 entries."""
    return (image * 255 / 16).clamp(max=15)


def test_coordinates(make_pair):
    ir, vi = make_pair(12, 10)
    fusor = LUTFuse(channels=4).eval()
    grey = vi.expand(-1, 3, -1, -1)
    context = fusor.context(255 * torch.cat((grey, ir), dim=1)).detach()
    across = np.array([[1, 0, -1], [2, 0, -2], [1, 0, -1]])
    luma = vi[0, 0].numpy()
    gradient = np.hypot(
        convolve(luma, across, mode='constant'), convolve(luma, across.T, mode='constant')
    )
    gradient = (gradient - gradient.min()) / (gradient.max() - gradient.min())
    for axis, image in enumerate((vi, torch.tensor(gradient)[None, None], context, ir)):
        shape = [1, 1, 1, 1]
        shape[axis] = 16
        fusor.table.data = (
            torch.arange(16.0).reshape(shape).repeat(*(16 // size for size in shape))
        )
        torch.testing.assert_close(
            fusor.fuse_luma(ir, vi).detach(), _level(image), rtol=0, atol=1e-4
        )


def test_colours_only_change_the_context(make_pair):
    ir, vi = make_pair(12, 10, batch=3)
    ir, colour = ir[:1], vi.transpose(0, 1)
    fusor = LUTFuse().eval()
    grey = rgb_to_luma(colour)
    torch.testing.assert_close(
        fusor.fuse_rgb(ir, grey.expand(-1, 3, -1, -1)), fusor.fuse_luma(ir, grey)
    )
    assert not torch.allclose(fusor.fuse_rgb(ir, colour), fusor.fuse_luma(ir, grey), atol=1e-3)
    # Entries that are the same for every context.
    fusor.table.data[:] = fusor.table.data[:, :, :1].clone()
    torch.testing.assert_close(fusor.fuse_rgb(ir, colour), fusor.fuse_luma(ir, grey))


def test_converter_takes_every_entry_to_its_place(published):
    converted = convert_lutfuse(published)
    LUTFuse().load_state_dict(converted)
    assert len(converted) == len(published)
    for source, target in (
        ('lut', 'table'),
        ('input_layer.0.weight', 'context.stem.0.weight'),
        ('input_layer.2.bias', 'context.stem.2.bias'),
        ('mid_layer.2.weight', 'context.body.0.2.weight'),
        ('mid_layer.3.bias', 'context.body.1.0.bias'),
        ('mid_layer.6.weight', 'context.body.2.0.weight'),
        ('mid_layer.8.bias', 'context.body.2.2.bias'),
        ('output_layer.1.bias', 'context.head.bias'),
    ):
        assert torch.equal(converted[target].flatten(), published[source].flatten())


def test_other_weights(published):
    with pytest.raises(ValueError, match=r"unknown entry 'mid_layer\.9\.bias'"):
        convert_lutfuse({**published, 'mid_layer.9.bias': torch.zeros(1)})
    del published['lut']
    with pytest.raises(ValueError, match=r'the table is missing: .* joins both files'):
        convert_lutfuse(published)


def _numbers(shape):
    """Weights that anyone can make again."""
    values = torch.arange(math.prod(shape), dtype=torch.float64)
    return (torch.sin(values.square() / 10) * 0.3).reshape(shape).float()


def test_recorded_from_the_authors_code(published, synthetic_pair):
    weights = {name: _numbers(value.shape) for name, value in published.items()}
    fusor = LUTFuse().eval()
    fusor.load_state_dict(convert_lutfuse(weights))
    ir, vi = synthetic_pair
    colours = torch.cat((vi, vi.flip(2), vi.flip(3)), dim=1)
    fused = fusor.fuse_rgb(ir, colours).detach()
    # Luma of the colours that the authors' code gives.
    expected = [
        [0.07506, -0.12070, -0.10120, -0.23204],
        [-0.10863, -0.21251, 0.18536, 0.14203],
        [-0.11767, -0.02184, 0.11296, 0.08676],
        [-0.16162, 0.11917, 0.00823, -0.12910],
    ]
    torch.testing.assert_close(
        fused[0, 0, ::12, ::17], torch.tensor(expected), rtol=0, atol=2e-5
    )


def test_published_weights(real_data, synthetic_pair):
    context = read_checkpoint(real_data / 'weights' / 'lutfuse_context.pth')
    table = torch.from_numpy(np.load(real_data / 'weights' / 'lutfuse_lut.npy'))
    fusor = LUTFuse().eval()
    fusor.load_state_dict(convert_lutfuse({'lut': table, **context}))
    fused = fusor.fuse_luma(*synthetic_pair).detach()
    # Recorded from the authors' code, the visible image grey.
    expected = [
        [0.45664, 0.27556, 0.64617, 0.29066],
        [0.26097, 0.55633, 0.29231, 0.28874],
        [0.55503, 0.90110, 0.28221, 0.54148],
        [0.43648, 0.26205, 0.65587, 0.27632],
    ]
    torch.testing.assert_close(
        fused[0, 0, ::12, ::17], torch.tensor(expected), rtol=0, atol=2e-5
    )
