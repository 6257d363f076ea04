import pytest
import torch
import torch.nn.functional as F

from tsjnet_mm.models.peers.divfusion import (
    ContrastEnhancement,
    DIVFusion,
    GradientRetention,
    convert_divfusion,
)


def _layer(name, size, in_channels, out_channels, index=1, norm='BatchNorm'):
    return {
        f'{name}/w{index}': (size, size, in_channels, out_channels),
        f'{name}/b{index}': (out_channels,),
        f'{name}/{norm}/beta': (out_channels,),
        f'{name}/{norm}/gamma': (out_channels,),
    }


def _encoder(name):
    shapes = {}
    for index, widths in enumerate(((2, 64), (64, 128), (128, 256), (256, 256)), start=1):
        shapes |= _layer(f'{name}/encoder/layer{index}', 3, *widths, index)
    for attention in ('CAM_IR', 'CAM_VI_E'):
        shapes |= _layer(f'{name}/{attention}/layer', 3, 256, 32)
        shapes |= _layer(f'{name}/{attention}/layer', 3, 32, 256, 2, 'BatchNorm_1')
    return shapes


def _published_shapes():
    shapes = _encoder('DecomNet') | _encoder('enhance')
    for index, widths in enumerate(((256, 128), (128, 64), (64, 32), (32, 1)), start=1):
        shapes |= _layer(f'DecomNet/decoder_ir/layer{index}', 3, *widths, index)
        shapes |= _layer(f'enhance/decoder/layer{index}', 3, *widths, index)
    shapes |= _layer('enhance/layer', 1, 512, 256)
    shapes['enhance/layer/b2'] = shapes.pop('enhance/layer/b1')
    shapes |= _layer('enhance/gradient_model/layer_sobel/layer_1', 1, 256, 128)
    for index, size, width in ((1, 3, 256), (2, 3, 256), (3, 1, 128)):
        shapes |= _layer(f'enhance/gradient_model/layer_{index}', size, 256, width)
    for index, size in ((1, 3), (2, 5), (3, 7), (4, 1)):
        shapes |= _layer(f'enhance/contrast_model/layer_{index}', size, 256, 64)
    return shapes


@pytest.fixture(scope='module')
def published(fabricate):
    """Names and shapes of the authors' two checkpoints, but for two decoders of the first."""
    weights = fabricate(_published_shapes())
    return {name: value - 1 / 16 for name, value in weights.items()}


@pytest.fixture(scope='module')
def converted(published):
    """What the converter makes of it."""
    return convert_divfusion(published)


def _normalised(features):
    mean = features.mean((2, 3), keepdim=True)
    variance = (features - mean).square().mean((2, 3), keepdim=True)
    return (features - mean) / (variance + 1.001e-5).sqrt()


def _conv(published, name, features, index=1):
    """As published, with the bias."""
    kernel = published[f'{name}/w{index}'].permute(3, 2, 0, 1)
    bias = published[f'{name}/b{2 if name == "enhance/layer" else index}']
    return _normalised(F.conv2d(features, kernel, bias, padding='same'))


def test_parameters():
    # All kernels, but one half of the merging and 255 of 256 inputs of that for edges.
    kernels = {
        name: shape
        for name, shape in _published_shapes().items()
        if len(shape) == 4 and 'CAM' not in name and 'decoder_ir' not in name
    }
    for name in [name for name in kernels if name.startswith('enhance/encoder')]:
        del kernels[name]
    in_all = sum(torch.Size(shape).numel() for shape in kernels.values())
    own = sum(weight.numel() for weight in DIVFusion().parameters())
    assert own == 4001312 == in_all - 256 * 256 - 255 * 128


def test_converter_takes_every_entry_to_its_place(published, converted):
    DIVFusion().load_state_dict(converted)
    for source, target in (
        ('DecomNet/encoder/layer1/w1', 'encoder.0.0.weight'),
        ('DecomNet/encoder/layer4/w4', 'encoder.3.0.weight'),
        ('enhance/gradient_model/layer_2/w1', 'gradient.refine.1.0.weight'),
        ('enhance/contrast_model/layer_3/w1', 'contrast.scales.2.0.weight'),
        ('enhance/decoder/layer4/w4', 'decoder.3.0.weight'),
    ):
        assert torch.equal(converted[target].permute(2, 3, 1, 0), published[source])


def test_attentions_have_no_effect(published, converted):
    """Literally: two attentions, the features weighted by each, joined and merged."""
    features = torch.rand(1, 256, 9, 11, generator=torch.Generator().manual_seed(1))
    weighted = []
    for name in ('DecomNet/CAM_IR/layer', 'DecomNet/CAM_VI_E/layer'):
        attention = F.leaky_relu(_conv(published, name, features), 0.2)
        attention = _conv(published, name, attention, 2).mean((2, 3), keepdim=True)
        weighted.append(attention.softmax(1) * features)
    merged = _conv(published, 'enhance/layer', torch.cat(weighted, dim=1))
    fusor = DIVFusion()
    fusor.load_state_dict(converted)
    torch.testing.assert_close(
        fusor.merge(features).detach(), F.leaky_relu(merged, 0.2), rtol=0, atol=2e-4
    )


def test_gradients_are_the_same_in_each_channel(published, converted):
    """Literally: kernels that sum all channels, 256 times over."""
    features = torch.rand(1, 256, 9, 11, generator=torch.Generator().manual_seed(2))

    def filtered(kernel):
        kernel = torch.tensor(kernel).expand(256, 256, -1, -1)
        if kernel.shape[-1] == 2:
            # An even kernel is padded at the end.
            edges = F.conv2d(F.pad(features, (0, 1, 0, 1)), kernel).abs()
        else:
            edges = F.conv2d(features, kernel, padding=1).abs()
        return (edges - edges.min()) / (edges.max() - edges.min() + 1e-4)

    first = filtered([[0.0, 0.0], [-1.0, 1.0]]) + filtered([[0.0, -1.0], [0.0, 1.0]])
    refined = features + filtered([[0.0, 1.0, 0.0], [1.0, -4.0, 1.0], [0.0, 1.0, 0.0]])
    name = 'enhance/gradient_model/layer_'
    for index in (1, 2):
        refined = F.leaky_relu(_conv(published, f'{name}{index}', refined), 0.2)
    expected = torch.cat(
        (
            _conv(published, f'{name}3', refined),
            _conv(published, f'{name}sobel/layer_1', first),
        ),
        dim=1,
    )
    block = GradientRetention(256)
    block.load_state_dict(
        {
            name.removeprefix('gradient.'): value
            for name, value in converted.items()
            if name.startswith('gradient.')
        }
    )
    torch.testing.assert_close(block(features).detach(), expected, rtol=0, atol=2e-4)


def test_contrast_is_the_standard_deviation():
    block = ContrastEnhancement(8)
    features = torch.rand(2, 8, 10, 12)
    outputs = torch.cat([scale(features) for scale in block.scales], dim=1)
    deviation = (outputs - outputs.mean((2, 3), keepdim=True)).square().mean((2, 3)).sqrt()
    torch.testing.assert_close(block(features), outputs * deviation[..., None, None])


def test_brightness_of_the_visible_image_does_not_matter(make_pair):
    fusor = DIVFusion(channels=16).eval()
    ir, vi = make_pair(40, 50)
    # Apart from the border, which is zeros.
    inner = (..., slice(12, -12), slice(12, -12))
    dark = fusor.fuse_luma(0.3 * ir, 0.3 * vi)[inner]
    assert (dark - fusor.fuse_luma(ir, vi)[inner]).abs().max() < 0.02


@pytest.mark.parametrize(
    'strange',
    [
        {'enhance/encoder/layer5/w5': torch.zeros(3, 3, 1, 1)},
        {'enhance/layer/w1': torch.zeros(3)},
    ],
)
def test_other_weights(published, strange):
    with pytest.raises(ValueError, match=r"unknown entry 'enhance|expected a kernel of 4"):
        convert_divfusion({**published, **strange})


def test_output_of_the_published_code(converted, synthetic_pair):
    fusor = DIVFusion().eval()
    fusor.load_state_dict(converted)
    fused = fusor.fuse_luma(*synthetic_pair).detach()
    # Recorded from the authors' code with these weights, in 64 bits.
    expected = [
        [0.61281, 0.69929, 0.64315, 0.75141],
        [0.60972, 0.37656, 0.32120, 0.25413],
        [0.26316, 0.09262, 0.27824, 0.55463],
        [0.45716, 0.66766, 0.58862, 0.63903],
    ]
    torch.testing.assert_close(
        fused[0, 0, ::12, ::17], torch.tensor(expected), rtol=0, atol=5e-5
    )
