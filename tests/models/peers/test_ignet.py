import numpy as np
import pytest
import torch
import torch.nn.functional as F

from tsjnet_mm.models.peers.ignet import GraphStep, IGNet, convert_ignet

_SMALL = {'channels': (8, 12, 4, 16), 'reduction': 2, 'decoder_channels': (6, 4, 2)}


def _conv_norm(name, in_channels, out_channels):
    norm = ('weight', 'bias', 'running_mean', 'running_var')
    return {
        f'{name}.0.weight': (out_channels, in_channels, 3, 3),
        **{f'{name}.1.{entry}': (out_channels,) for entry in norm},
        f'{name}.1.num_batches_tracked': (),
    }


def _encoder(name):
    shapes = {f'{name}.fc1.weight': (32, 512), f'{name}.fc2.weight': (512, 32)}
    for index, widths in enumerate(((1, 128), (128, 256), (256, 384), (384, 512)), 1):
        shapes[f'{name}.conv{index}.weight'] = (widths[1], widths[0], 3, 3)
        shapes[f'{name}.conv{index}.bias'] = (widths[1],)
    return shapes


def _graph(name, in_channels):
    channels = in_channels // 32
    shapes = {}
    for stream in ('rgb', 'dep'):
        for index in range(3):
            shapes |= _conv_norm(f'{name}.ppm_{stream}.convs.{index}', in_channels, channels)
        gru = f'{name}.graph_{stream}.ConvGRU'
        shapes |= {
            f'{name}.graph_{stream}.gamma': (1,),
            f'{name}.graph_{stream}.C_wgt.weight': (2, channels, 1, 1),
            f'{gru}.ConvGates.weight': (2 * channels, 2 * channels, 1, 1),
            f'{gru}.ConvGates.bias': (2 * channels,),
            f'{gru}.Conv_ct.weight': (channels, 2 * channels, 1, 1),
            f'{gru}.Conv_ct.bias': (channels,),
        }
    for index in range(2):
        shapes |= {
            f'{name}.C_ca.{index}.1.weight': (channels // 2, 2 * channels, 1, 1),
            f'{name}.C_ca.{index}.3.weight': (channels, channels // 2, 1, 1),
            f'{name}.C_pa.{index}.weight': (1, channels, 1, 1),
        }
    return shapes


def _published_shapes():
    """Names and shapes of the authors' network."""
    shapes = {**_encoder('vis_conv'), **_encoder('inf_conv')}
    widths = ((512, 512, 128), (256, 128, 32), (128, 32, 4))
    for level, (in_channels, carried, out_channels) in enumerate(widths):
        shapes |= _graph(f'graph.graph.{level}', in_channels)
        channels = in_channels // 32
        for place in (level, level + 3):
            shapes |= _conv_norm(f'graph.C_cat.{place}', 3 * channels, channels)
            shapes |= _conv_norm(f'graph.C_up.{place}', carried + channels, out_channels)
    return {**shapes, 'graph.C_cls.weight': (1, 8, 1, 1), 'graph.C_cls.bias': (1,)}


@pytest.fixture
def published(fabricate):
    """Names and shapes of the authors' checkpoint."""
    return fabricate(_published_shapes())


def test_parameters(published):
    own = sum(weight.numel() for weight in IGNet().parameters())
    assert own == 7870559
    theirs = [name for name in published if 'running' not in name and 'num_' not in name]
    assert sum(published[name].numel() for name in theirs) == own + 768


def _sigmoid(value):
    return 1 / (1 + np.exp(-value))


def test_literal_graph_step():
    step = GraphStep(nodes=3, channels=4)
    with torch.no_grad():
        step.scale.fill_(0.6)
    weights = {name: value.detach().numpy() for name, value in step.named_parameters()}
    nodes = torch.rand(3, 4)
    renewed = step([node[None, :, None, None] for node in nodes])
    nodes = nodes.numpy()
    for index, node in enumerate(nodes):
        others = [nodes[other] for other in range(3) if other != index]
        maps = [
            _sigmoid(weights['weigh.weight'][which, :, 0, 0] @ (node - others[which]))
            for which in range(2)
        ]
        message = [sum(other[k] for other in others) * maps[k % 2] for k in range(4)]
        gates = weights['gates.weight'][:, :, 0, 0] @ np.concatenate((message, node))
        gates = _sigmoid(gates + weights['gates.bias'])
        gated = np.concatenate((message, gates[:4] * node))
        candidate = weights['candidate.weight'][:, :, 0, 0] @ gated
        candidate = np.tanh(candidate + weights['candidate.bias'])
        unit = gates[4:] * candidate + (1 - gates[4:]) * node
        np.testing.assert_allclose(
            renewed[index].detach().flatten(), node + 0.6 * unit, atol=1e-6
        )


def test_exchange_between_images():
    level = IGNet(**_SMALL).levels[0]
    ir, vi = torch.rand(2, 1, 8, 1, 1)
    to_vi, to_ir = (stream.exchange.weight.flatten() for stream in (level.ir, level.vi))
    expected = ir.flatten(), vi.flatten()
    for _ in range(2):
        a, b = expected
        expected = (
            a + b * torch.sigmoid(to_ir @ (b - a)),
            b + a * torch.sigmoid(to_vi @ (a - b)),
        )
    for got, wanted in zip(level._exchange(ir, vi), expected, strict=True):
        torch.testing.assert_close(got.flatten(), wanted)


def test_poolings_of_the_encoders(make_pair):
    fusor = IGNet(**_SMALL).eval()
    image, _ = make_pair(16, 24)
    for encoder, join in ((fusor.ir_encoder, torch.mul), (fusor.vi_encoder, torch.add)):
        coarse, middle, fine = encoder(image)
        assert (fine.shape[1:], middle.shape[1:]) == ((8, 8, 12), (12, 4, 6))
        features = encoder.convs[3](encoder.convs[2](middle))
        pooled = join(F.max_pool2d(features, 2), F.avg_pool2d(features, 2))
        attention = encoder.attention[2:](pooled.mean((2, 3)))
        torch.testing.assert_close(coarse, pooled * attention[:, :, None, None])


def test_other_sizes_are_reflected(make_pair):
    ir, vi = make_pair(21, 30)
    fusor = IGNet(**_SMALL).eval()
    padded = (F.pad(image, (0, 2, 0, 3), mode='reflect') for image in (ir, vi))
    expected = fusor.fuse_luma(*padded)[:, :, :21, :30]
    torch.testing.assert_close(fusor.fuse_luma(ir, vi), expected)


def test_converter_takes_every_entry_to_its_place(published):
    converted = convert_ignet(published)
    IGNet().load_state_dict(converted)
    unused = [name for name in published if name.startswith('graph.graph.0.C_ca.')]
    assert len(converted) == len(published) - len(unused) == 252
    level = 'graph.graph'
    for source, target in (
        ('inf_conv.conv1.weight', 'ir_encoder.convs.0.0.weight'),
        ('vis_conv.conv4.bias', 'vi_encoder.convs.3.0.bias'),
        ('vis_conv.fc2.weight', 'vi_encoder.attention.4.weight'),
        (f'{level}.2.ppm_rgb.convs.1.0.weight', 'levels.2.ir.nodes.1.0.weight'),
        (f'{level}.0.ppm_dep.convs.2.1.bias', 'levels.0.vi.nodes.2.1.bias'),
        (f'{level}.1.graph_rgb.C_wgt.weight', 'levels.1.ir.graph.weigh.weight'),
        (f'{level}.1.graph_dep.ConvGRU.ConvGates.bias', 'levels.1.vi.graph.gates.bias'),
        (f'{level}.0.graph_rgb.ConvGRU.Conv_ct.bias', 'levels.0.ir.graph.candidate.bias'),
        (f'{level}.2.graph_dep.gamma', 'levels.2.vi.graph.scale'),
        (f'{level}.2.C_ca.1.3.weight', 'levels.2.vi.attention.3.weight'),
        (f'{level}.0.C_pa.0.weight', 'levels.0.ir.exchange.weight'),
        ('graph.C_cat.1.0.weight', 'levels.1.ir.join.0.weight'),
        ('graph.C_cat.5.1.running_var', 'levels.2.vi.join.1.running_var'),
        ('graph.C_up.3.0.weight', 'levels.0.vi.expand.0.weight'),
        ('graph.C_cls.bias', 'head.bias'),
    ):
        assert converted[target] is published[source]


def test_other_weights(published):
    with pytest.raises(ValueError, match=r"unknown entry 'graph\.C_up\.6\.0\.weight'"):
        convert_ignet({**published, 'graph.C_up.6.0.weight': torch.zeros(1)})


def _numbers(name, shape):
    """Weights that anyone can make again, of a size that keeps features alive."""
    if not shape:
        return torch.tensor(0)
    values = torch.arange(int(np.prod(shape)), dtype=torch.float64)
    values = torch.sin(values.square() / 10).reshape(shape)
    if len(shape) > 1:
        values = values * (5 / np.prod(shape[1:])) ** 0.5
    elif name.endswith(('running_var', 'weight')):
        values = 1 + values / 2
    else:
        values = values + 0.7 if name.endswith('gamma') else values / 4
    return values.float()


def test_recorded_from_the_authors_code(synthetic_pair):
    weights = {name: _numbers(name, shape) for name, shape in _published_shapes().items()}
    fusor = IGNet().eval()
    fusor.load_state_dict(convert_ignet(weights))
    fused = fusor.fuse_luma(*synthetic_pair).detach()
    # From images that were reflected up to 40x56.
    expected = [
        [-0.18837, 1.55471, 1.26279, 1.02887],
        [1.73664, 4.10901, 1.36548, 0.68455],
        [0.13461, 5.51029, 1.71980, 1.44113],
        [1.03606, 2.12364, 0.25138, 0.78582],
    ]
    torch.testing.assert_close(
        fused[0, 0, ::12, ::17], torch.tensor(expected), rtol=0, atol=1e-4
    )
    assert fused.mean().item() == pytest.approx(2.926331, abs=2e-5)
