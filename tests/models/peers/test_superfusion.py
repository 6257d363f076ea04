import pytest
import torch

from tsjnet_mm.models.peers.superfusion import SuperFusion, Sweep, convert_superfusion


def _conv(name, out_channels, in_channels):
    return {
        f'{name}.model.0.weight': (out_channels, in_channels, 3, 3),
        f'{name}.model.0.bias': (out_channels,),
    }


def _published_shapes():
    shapes = {}
    widths = (1, 8, 16, 16, 32)
    for layer in range(4):
        for encoder in ('encoder_ir', 'encoder_vi'):
            shapes |= _conv(f'{encoder}.{layer}', widths[layer + 1], widths[layer])
        shapes |= _conv(f'decoder.{layer}', (16, 16, 8, 1)[layer], (32, 16, 16, 8)[layer])
    for index in (1, 2):
        for direction in ('left', 'right', 'up', 'down'):
            shapes[f'SAM.irnn{index}.{direction}_weight.weight'] = (32, 1, 1, 1)
            shapes[f'SAM.irnn{index}.{direction}_weight.bias'] = (32,)
    shapes |= _conv('SAM.conv_in', 32, 64)
    shapes |= _conv('SAM.conv2', 32, 128)
    shapes |= _conv('SAM.conv3', 32, 128)
    for layer, pair in enumerate(((16, 64), (16, 16), (4, 16))):
        shapes |= _conv(f'SAM.attention_layer.model.{layer}', *pair)
    return shapes | _conv('SAM.conv_out', 32, 32)


@pytest.fixture
def published(fabricate):
    """Names and shapes of the authors' fusion network."""
    return fabricate(_published_shapes())


def test_parameters(published):
    in_all = sum(value.numel() for value in published.values())
    attention = [name for name in published if '.attention_layer.' in name]
    without_effect = sum(published[name].numel() for name in attention)
    own = sum(weight.numel() for weight in SuperFusion().parameters())
    assert (in_all, without_effect, own) == (138741, 12132, 126609)


@pytest.mark.parametrize(
    ('dim', 'backward', 'order'),
    [(2, False, [0, 1, 2, 3]), (2, True, [3, 2, 1, 0]), (3, True, [4, 3, 2, 1, 0])],
)
def test_sweep(dim, backward, order):
    sweep = Sweep(2, dim, backward)
    features = torch.randn(1, 2, 4, 5, generator=torch.Generator().manual_seed(0))
    weight, bias = [-0.6, 0.9], [0.2, -0.1]
    with torch.no_grad():
        sweep.weight.copy_(torch.tensor(weight)[:, None])
        sweep.bias.copy_(torch.tensor(bias)[:, None])
    expected = torch.zeros_like(features)
    for channel in range(2):
        for other in range(features.shape[5 - dim]):
            state = None
            for step in order:
                place = (0, channel, step, other) if dim == 2 else (0, channel, other, step)
                value = features[place].item()
                if state is not None:
                    value += weight[channel] * state + bias[channel]
                state = max(value, 0)
                expected[place] = state
    torch.testing.assert_close(sweep(features).detach(), expected)


def test_every_pixel_sees_the_whole_image():
    fusor = SuperFusion(channels=(4, 8)).eval()
    with torch.no_grad():
        for name, value in fusor.mask.named_parameters():
            if 'sweeps' in name:
                value.fill_(1)
    vi = torch.full((1, 1, 30, 30), 0.3)
    ir = vi.clone()
    ir[..., 2, 3] = 1
    changed = fusor.fuse_luma(ir, vi) != fusor.fuse_luma(vi, vi)
    assert changed[..., 25:, 25:].any()
    assert changed[..., :2, 25:].any()


def test_converter_takes_every_entry_to_its_place(published):
    converted = convert_superfusion({'FN': published, 'DM': {'x': 1}, 'ep': 3})
    SuperFusion().load_state_dict(converted)
    assert len(converted) == len(published) - 6
    for source, target in (
        ('encoder_ir.0.model.0.weight', 'ir_encoder.0.weight'),
        ('encoder_vi.3.model.0.bias', 'vi_encoder.6.bias'),
        ('decoder.3.model.0.bias', 'decoder.6.bias'),
        ('SAM.conv_in.model.0.weight', 'mask.reduce.weight'),
        ('SAM.conv2.model.0.bias', 'mask.join1.bias'),
        ('SAM.conv3.model.0.bias', 'mask.join2.0.bias'),
        ('SAM.conv_out.model.0.bias', 'mask.project.bias'),
    ):
        assert converted[target] is published[source]
    for source, target in (
        ('SAM.irnn1.up_weight.weight', 'mask.sweeps1.up.weight'),
        ('SAM.irnn2.left_weight.bias', 'mask.sweeps2.left.bias'),
    ):
        assert torch.equal(converted[target][:, 0], published[source].flatten())


def test_state_dict_alone(published):
    converted = convert_superfusion(published)
    assert converted.keys() == convert_superfusion({'FN': published}).keys()


def test_other_weights(published):
    for strange in (
        {**published, 'SAM.conv4.bias': torch.zeros(1)},
        {'FN': [1]},
        {'ep': 3},
        [1],
    ):
        with pytest.raises(ValueError, match=r'SAM\.conv4\.bias|expected a state dict'):
            convert_superfusion(strange)


def test_output_of_the_published_code(published, synthetic_pair):
    fusor = SuperFusion().eval()
    weights = {name: 3 * (value - 1 / 16) for name, value in published.items()}
    fusor.load_state_dict(convert_superfusion(weights))
    fused = fusor.fuse_luma(*synthetic_pair).detach()
    # Recorded from the authors' code with these weights.
    expected = [
        [0.64508, 0.57041, 0.57232, 0.54312],
        [0.57633, 0.55480, 0.47594, 0.59345],
        [0.62424, 0.55123, 0.46577, 0.60499],
        [0.53591, 0.50901, 0.55296, 0.56740],
    ]
    torch.testing.assert_close(
        fused[0, 0, ::12, ::17], torch.tensor(expected), rtol=0, atol=2e-5
    )
