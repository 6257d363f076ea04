import pytest
import torch
from scipy.ndimage import correlate

from tsjnet_mm.models.peers import SeAFusion, convert_peer
from tsjnet_mm.models.peers.seafusion import (
    GradientResidualDenseBlock,
    convert_seafusion,
)
from tsjnet_mm.utils.checkpoints import read_checkpoint


def _conv(name, out_channels, in_channels, size=3):
    return {
        f'{name}.weight': (out_channels, in_channels, size, size),
        f'{name}.bias': (out_channels,),
    }


def _block(name, channels, out_channels):
    return {
        **_conv(f'{name}.dense.conv1.conv', channels, channels),
        **_conv(f'{name}.dense.conv2.conv', channels, 2 * channels),
        **_conv(f'{name}.convdown.conv', out_channels, 3 * channels, 1),
        f'{name}.sobelconv.convx.weight': (channels, 1, 3, 3),
        f'{name}.sobelconv.convy.weight': (channels, 1, 3, 3),
        **_conv(f'{name}.convup.conv', out_channels, channels, 1),
    }


@pytest.fixture
def published(fabricate, conv_norm_shapes):
    """Names and shapes of the authors' checkpoint."""
    shapes = {}
    for stream in ('vis', 'inf'):
        shapes |= _conv(f'{stream}_conv.conv', 16, 1)
        shapes |= _block(f'{stream}_rgbd1', 16, 32)
        shapes |= _block(f'{stream}_rgbd2', 32, 48)
    for index, widths in ((4, (96, 64)), (3, (64, 32)), (2, (32, 16)), (1, (16, 1))):
        for name, shape in conv_norm_shapes(f'decode{index}', *widths).items():
            shapes[name.replace('.0.', '.conv.').replace('.1.', '.bn.')] = shape
    return fabricate(shapes)


def test_parameters(published):
    norms = [name for name in published if '.bn.' in name]
    own = sum(weight.numel() for weight in SeAFusion().parameters())
    assert own == 166657
    assert sum(published[name].numel() for name in norms) == 456
    assert sum(value.numel() for value in published.values()) == 167113


def test_new_block_takes_sobel_gradients():
    block = GradientResidualDenseBlock(1, 1)
    with torch.no_grad():
        block.project.weight.zero_()
        block.project.bias.zero_()
        block.project_gradient.weight.fill_(1)
        block.project_gradient.bias.zero_()
    image = torch.rand(1, 1, 7, 9)
    sobel = [[1, 0, -1], [2, 0, -2], [1, 0, -1]]
    transposed = [list(row) for row in zip(*sobel, strict=True)]
    across, down = (
        torch.tensor(correlate(image[0, 0].numpy(), kernel, mode='constant'))
        for kernel in (sobel, transposed)
    )
    torch.testing.assert_close(block(image)[0, 0].detach(), across.abs() + down.abs())


def test_slopes_of_a_block():
    block = GradientResidualDenseBlock(1, 1)
    with torch.no_grad():
        for weight in block.parameters():
            weight.zero_()
        block.conv1[0].bias.fill_(-1)
        block.conv2[0].bias.fill_(-2)
        block.project.weight.copy_(torch.tensor([1.0, 10, 100])[None, :, None, None])
    # 3 - 10 * 0.2 - 100 * 0.4, below 0, so times 0.1.
    fused = block(torch.full((1, 1, 3, 3), 3.0))
    torch.testing.assert_close(fused, torch.full((1, 1, 3, 3), -3.9))


def test_converter_takes_every_entry_to_its_place(published):
    converted = convert_seafusion(published)
    SeAFusion().load_state_dict(converted)
    assert len(converted) == len([name for name in published if '.bn.' not in name])
    for source, target in (
        ('vis_conv.conv.bias', 'vi_encoder.0.0.bias'),
        ('inf_rgbd1.dense.conv2.conv.weight', 'ir_encoder.1.conv2.0.weight'),
        ('inf_rgbd2.convdown.conv.bias', 'ir_encoder.2.project.bias'),
        ('vis_rgbd2.convup.conv.bias', 'vi_encoder.2.project_gradient.bias'),
        ('vis_rgbd1.sobelconv.convx.weight', 'vi_encoder.1.gradient_x.weight'),
        ('decode3.conv.weight', 'decoder.1.0.weight'),
        ('decode1.conv.bias', 'decoder.3.bias'),
    ):
        assert converted[target] is published[source]


def test_other_weights(published):
    with pytest.raises(ValueError, match=r"not the weights of seafusion: .*'head\.weight'"):
        convert_peer('seafusion', {**published, 'head.weight': torch.zeros(1)})
    del published['decode1.conv.bias']
    with pytest.raises(ValueError, match=r'1 are missing \(decoder\.3\.bias\)'):
        convert_peer('seafusion', published)


def test_published_weights(real_data, synthetic_pair):
    checkpoint = read_checkpoint(real_data / 'weights' / 'seafusion.pth')
    fused = convert_peer('seafusion', checkpoint).fuse_luma(*synthetic_pair).detach()
    # Recorded from the authors' code.
    expected = [
        [0.50474, 0.26399, 0.49956, 0.31062],
        [0.27516, 0.56750, 0.28655, 0.27319],
        [0.50916, 0.80638, 0.23578, 0.56160],
        [0.41738, 0.34139, 0.60640, 0.31857],
    ]
    torch.testing.assert_close(
        fused[0, 0, ::12, ::17], torch.tensor(expected), rtol=0, atol=2e-5
    )
    assert fused.mean().item() == pytest.approx(0.462353, abs=2e-6)
