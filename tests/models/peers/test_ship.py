import numpy as np
import pytest
import scipy.linalg
import torch

from tsjnet_mm.models.peers import convert_peer
from tsjnet_mm.models.peers.ship import (
    SHIP,
    CouplingBlock,
    SpatialInteraction,
    _convolve_circularly,
    convert_ship,
)
from tsjnet_mm.utils.checkpoints import read_checkpoint


def _conv(name, out_channels, in_channels, size=3):
    return {
        f'{name}.weight': (out_channels, in_channels, size, size),
        f'{name}.bias': (out_channels,),
    }


def _two_convs(name, channels):
    return _conv(f'{name}.0', channels, channels) | _conv(f'{name}.2', channels, channels)


def _bottleneck(name, channels, squeezed):
    first = _conv(f'{name}.0', squeezed, channels, 1)
    return first | _conv(f'{name}.2', channels, squeezed, 1)


def _coupling(name, channels):
    half, shapes = channels // 2, {}
    for letter in 'FGH':
        for index, width in ((1, half), (2, 16)):
            block = f'{name}.{letter}.conv{index}'
            shapes |= _conv(f'{block}.identity', 16, width, 1)
            shapes |= _conv(f'{block}.conv_1', 16, width)
            shapes |= _conv(f'{block}.conv_2', 16, 16)
            shapes |= {f'{block}.norm.weight': (8,), f'{block}.norm.bias': (8,)}
        shapes |= _conv(f'{name}.{letter}.conv3', half, half + 32)
    for factor in ('p', 'lower', 'upper'):
        shapes[f'{name}.invconv.{factor}'] = (channels, channels)
    for diagonal in ('log_s', 'sign_s'):
        shapes[f'{name}.invconv.{diagonal}'] = (channels,)
    return shapes


def _encoder(name):
    shapes = _conv(f'{name}.conv', 16, 1, 1)
    for block in (f'{name}.block1', f'{name}.block2'):
        shapes |= _conv(f'{block}.process', 16, 16) | _two_convs(f'{block}.Res', 16)
        shapes |= {
            f'{block}.CDC.HP_branch': (1,),
            f'{block}.CDC.h_conv.conv.weight': (16, 16, 1, 5),
            f'{block}.CDC.d_conv.conv.weight': (16, 16, 1, 5),
        }
    return shapes


def _interaction(name):
    shapes = _bottleneck(f'{name}.channel.chaAtten', 32, 16)
    for step in (1, 2, 3):
        shapes |= _two_convs(f'{name}.spatial.reflashFused{step}', 16)
        shapes |= _two_convs(f'{name}.spatial.reflashInfrared{step}', 16)
        shapes |= _two_convs(f'{name}.channel.reflashFused{step}', 32)
        shapes |= _bottleneck(f'{name}.channel.reflashChaAtten{step}', 32, 16)
    for step in (1, 2, 3, 4):
        norm = f'{name}.spatial.norm{step}.body'
        shapes |= {f'{norm}.weight': (16,), f'{norm}.bias': (16,)}
    shapes |= _coupling(f'{name}.channel.postprocess.0', 32)
    return shapes | _conv(f'{name}.channel.postprocess.1', 16, 32, 1)


@pytest.fixture
def published(fabricate):
    """The authors' file: names and shapes of their state dict."""
    shapes = _encoder('vis') | _encoder('inf')
    for order in (1, 2, 3):
        shapes |= _interaction(f'interaction{order}')
    shapes |= _coupling('postprocess.0', 48) | _conv('postprocess.1', 16, 48, 1)
    shapes |= _conv('reconstruction.conv_in', 16, 16)
    for index in (0, 1):
        block = f'reconstruction.process.{index}'
        shapes |= _bottleneck(f'{block}.conv_du', 16, 4) | _two_convs(f'{block}.process', 16)
    shapes |= _conv('reconstruction.conv_last', 1, 16)
    return {'params': fabricate(shapes)}


def test_parameters(published):
    fixed = ('.p', '.sign_s')
    in_all = sum(v.numel() for k, v in published['params'].items() if not k.endswith(fixed))
    # Two crosses and their balance instead of nine weights; two triangles and a diagonal.
    factors = 4 * (2 * 5 * 256 + 1 - 9 * 256) + 3 * (32**2 + 32) + 48**2 + 48
    own = sum(weight.numel() for weight in SHIP().parameters())
    assert (in_all, own) == (547509, 547509 - factors)


def test_converter_takes_every_entry_to_its_place(published):
    converted = convert_ship(published)
    SHIP().load_state_dict(converted)
    assert convert_ship(published['params']).keys() == converted.keys()
    for source, target in (
        ('vis.conv.weight', 'vi_encoder.0.weight'),
        ('inf.block2.process.bias', 'ir_encoder.2.first.bias'),
        ('inf.block1.Res.2.weight', 'ir_encoder.1.residual.2.weight'),
        ('postprocess.0.F.conv1.conv_2.bias', 'decoder.0.shift_first.block1.conv2.bias'),
        ('postprocess.0.G.conv2.identity.bias', 'decoder.0.shift_second.block2.identity.bias'),
        ('postprocess.0.H.conv2.norm.bias', 'decoder.0.scale_second.block2.norm.bias'),
        ('postprocess.0.H.conv3.bias', 'decoder.0.scale_second.project.bias'),
        ('reconstruction.process.1.conv_du.2.bias', 'decoder.4.gate.2.bias'),
        ('reconstruction.process.0.process.2.bias', 'decoder.3.convs.2.bias'),
        ('reconstruction.conv_last.weight', 'decoder.5.weight'),
    ):
        assert converted[target] is published['params'][source]


@pytest.mark.parametrize(
    ('source', 'target'),
    [
        ('1.spatial.norm1.body.bias', '0.spatial.norms.0.bias'),
        ('2.spatial.reflashFused3.0.bias', '1.spatial.refine_fused.2.0.bias'),
        ('3.spatial.reflashInfrared1.2.bias', '2.spatial.refine_ir.0.2.bias'),
        ('1.channel.chaAtten.2.bias', '0.channel.attention.0.2.bias'),
        ('1.channel.reflashChaAtten3.0.bias', '0.channel.attention.3.0.bias'),
        ('2.channel.reflashFused2.2.bias', '1.channel.refine.1.2.bias'),
        ('2.channel.postprocess.0.G.conv3.bias', '1.channel.couple.shift_second.project.bias'),
        ('2.channel.postprocess.1.bias', '1.channel.project.bias'),
    ],
)
def test_converter_takes_every_entry_of_an_interaction(published, source, target):
    found = convert_ship(published)[f'interactions.{target}']
    assert found is published['params'][f'interaction{source}']


def test_edge_convolution(published):
    """Tap by tap: neighbours beside and above, those at the corners, their sums, the image."""
    entries = published['params']
    name = 'vis.block1.CDC.'
    image = torch.rand(16, 7, 9, generator=torch.Generator().manual_seed(1))
    padded = torch.nn.functional.pad(image, (1, 1, 1, 1))
    taps = {
        'h_conv': ((0, 1), (1, 0), (1, 1), (1, 2), (2, 1)),
        'd_conv': ((0, 0), (0, 2), (1, 1), (2, 0), (2, 2)),
    }
    share = 1 / (1 + np.exp(-entries[f'{name}HP_branch'].item()))
    expected = image.clone()
    for cross, places in taps.items():
        weights = entries[f'{name}{cross}.conv.weight'][:, :, 0]
        for index, (down, right) in enumerate(places):
            shifted = padded[:, down : down + 7, right : right + 9]
            difference = shifted - 0.8 * image
            expected += share * torch.einsum('oi,ihw->ohw', weights[..., index], difference)
        share = 1 - share
    edge = SHIP().vi_encoder[1].edge
    edge.weight.data = convert_ship(published)['vi_encoder.1.edge.weight']
    torch.testing.assert_close(edge(image[None])[0].detach(), expected)


def test_invertible_convolution(published):
    """Factors of a matrix, with rubbish in the halves of the triangles that do not count."""
    matrix = np.random.default_rng(0).normal(size=(48, 48))
    p, lower, upper = scipy.linalg.lu(matrix)
    factors = {
        'p': p,
        'lower': lower + np.triu(np.ones_like(matrix)),
        'upper': upper + np.tril(np.ones_like(matrix)),
        'log_s': np.log(np.abs(np.diag(upper))),
        'sign_s': np.sign(np.diag(upper)),
    }
    for name, value in factors.items():
        published['params'][f'postprocess.0.invconv.{name}'] = torch.tensor(value)
    mix = convert_ship(published)['decoder.0.mix.weight']
    torch.testing.assert_close(mix[..., 0, 0], torch.tensor(matrix).float())


@pytest.mark.parametrize('size', [(4, 5), (3, 6)])
def test_circular_convolution(size):
    first, second = torch.rand(2, 1, 2, *size).double()
    expected = torch.zeros_like(first)
    for down in range(size[0]):
        for right in range(size[1]):
            moved = second.roll((down, right), (2, 3))
            expected += first[..., down, right, None, None] * moved
    torch.testing.assert_close(_convolve_circularly(first, second), expected)


def test_sums_over_the_image_in_half_precision():
    interaction = SpatialInteraction(4)
    vi, ir = 10 + torch.rand(2, 1, 4, 32, 32)
    expected = interaction._attention(vi, ir)
    assert _convolve_circularly(vi, ir).min() > torch.finfo(torch.float16).max
    found = interaction.half()._attention(vi.half(), ir.half())
    assert found.dtype == torch.float16
    torch.testing.assert_close(found.float(), expected, rtol=0, atol=0.05)


def test_coupling_can_be_inverted():
    block = CouplingBlock(8, growth=4).double()
    features = torch.rand(1, 8, 5, 6).double()
    first, second = block(features).chunk(2, dim=1)
    scale = torch.tanh(block.scale_second(first) / 2) * 0.8
    second = (second - block.shift_second(first)) / scale.exp()
    mixed = torch.cat((first - block.shift_first(second), second), dim=1)
    inverse = torch.linalg.inv(block.mix.weight[..., 0, 0])
    torch.testing.assert_close(torch.einsum('oi,bihw->bohw', inverse, mixed), features)


def test_other_weights(published):
    entries = published['params']
    with pytest.raises(ValueError, match=r"not the weights of ship: .*'head\.bias'"):
        convert_peer('ship', {'params': {**entries, 'head.bias': torch.zeros(1)}})
    del entries['vis.block1.CDC.HP_branch']
    with pytest.raises(ValueError, match=r"multiply out vi_encoder\.1\.edge: .*'balance'"):
        convert_ship(published)


def test_published_weights(real_data, synthetic_pair):
    checkpoint = read_checkpoint(real_data / 'weights' / 'ship.pth')
    fused = convert_peer('ship', checkpoint).fuse_luma(*synthetic_pair).detach()
    # Recorded from the authors' code.
    expected = [
        [0.35773, 0.19797, 0.54788, 0.24413],
        [0.14901, 0.54693, 0.27161, 0.26489],
        [0.47883, 0.74924, 0.22944, 0.55364],
        [0.31092, 0.19743, 0.55082, 0.24408],
    ]
    torch.testing.assert_close(
        fused[0, 0, ::12, ::17], torch.tensor(expected), rtol=0, atol=2e-5
    )
    assert fused.mean().item() == pytest.approx(0.436336, abs=2e-6)
