import pytest
import torch

from tsjnet_mm.models.peers import convert_peer
from tsjnet_mm.models.peers.dcevo import (
    CrossStageBlock,
    DCEvo,
    EnergyWeight,
    convert_dcevo,
    emphasise,
)


def _low(name):
    shapes = {}
    for block in (f'{name}net1', f'{name}net2'):
        shapes[f'{block}.cv1.conv.weight'] = (64, 64, 1, 1)
        shapes[f'{block}.cv2.conv.weight'] = (64, 256, 1, 1)
        for step in range(6):
            shapes[f'{block}.m.{step}.cv1.conv.weight'] = (32, 32, 3, 3)
            shapes[f'{block}.m.{step}.cv2.conv.weight'] = (32, 1, 3, 3)
    return shapes


def _high(name):
    shapes = {}
    for node in (f'{name}net.{index}' for index in range(3)):
        shapes |= {
            f'{node}.shffleconv.weight': (64, 64, 1, 1),
            f'{node}.shffleconv.bias': (64,),
        }
        for letter in ('phi', 'rho', 'eta'):
            for index in (0, 5):
                shapes[f'{node}.theta_{letter}.bottleneckBlock.{index}.weight'] = (32, 32, 1, 1)
            for index in (3, 8):
                shapes[f'{node}.theta_{letter}.bottleneckBlock.{index}.weight'] = (32, 1, 3, 3)
    return shapes


def _shapes():
    encoder = {'patch_embed.proj.weight': (64, 1, 3, 3)}
    decoder = {'reduce_channel.weight': (64, 128, 1, 1)}
    for index in range(5):
        encoder |= _low(f'encoder_level1.{index}.')
        decoder |= _low(f'encoder_level2.{index}.')
    decoder |= {
        'output.0.norm1.body.bias': (64,),
        'output.0.attn.temperature': (8, 1, 1),
        'output.0.attn.qkv.weight': (192, 64, 1, 1),
        'output.0.attn.qkv_dwconv.weight': (192, 1, 3, 3),
        'output.0.attn.project_out.weight': (64, 64, 1, 1),
        'output.0.norm2.body.bias': (64,),
        'output.0.ffn.project_in.weight': (256, 64, 1, 1),
        'output.0.ffn.dwconv.weight': (256, 1, 3, 3),
        'output.0.ffn.project_out.weight': (64, 128, 1, 1),
        'output.2.weight': (32, 64, 3, 3),
        'output.5.weight': (1, 32, 3, 3),
    }
    return {
        'DE_Encoder': encoder | _low('baseFeature.') | _high('detailFeature.'),
        'DE_Decoder': decoder,
        'LowFreqExtractor': _low(''),
        'HighFreqExtractor': _high(''),
    }


@pytest.fixture
def published(fabricate):
    """The authors' file: four networks, each as DataParallel names its entries."""
    return {
        network: {f'module.{name}': value for name, value in fabricate(shapes).items()}
        for network, shapes in _shapes().items()
    }


def test_parameters(published):
    in_all = sum(value.numel() for part in published.values() for value in part.values())
    own = sum(weight.numel() for weight in DCEvo().parameters())
    assert in_all == own == 2004904


def test_converter_takes_every_entry_to_its_place(published):
    converted = convert_dcevo(published)
    DCEvo().load_state_dict(converted)
    assert len(converted) == sum(map(len, published.values())) == 433
    for network, source, target in (
        ('DE_Encoder', 'patch_embed.proj.weight', 'encoder.stem.weight'),
        (
            'DE_Encoder',
            'encoder_level1.4.net2.m.5.cv2.conv.weight',
            'encoder.shared.4.1.steps.5.convs.2.weight',
        ),
        ('DE_Encoder', 'baseFeature.net1.cv1.conv.weight', 'encoder.low.0.split.0.weight'),
        (
            'DE_Encoder',
            'detailFeature.net.2.theta_rho.bottleneckBlock.8.weight',
            'encoder.high.2.0.scale_first.6.weight',
        ),
        ('LowFreqExtractor', 'net2.cv2.conv.weight', 'fuse_low.1.join.0.weight'),
        ('HighFreqExtractor', 'net.1.shffleconv.bias', 'fuse_high.1.0.mix.bias'),
        ('DE_Decoder', 'reduce_channel.weight', 'join.weight'),
        ('DE_Decoder', 'output.0.norm2.body.bias', 'head.0.norm2.bias'),
        ('DE_Decoder', 'output.0.attn.temperature', 'head.0.attention.temperature'),
        ('DE_Decoder', 'output.5.weight', 'head.3.weight'),
    ):
        assert converted[target] is published[network][f'module.{source}'], target


def test_other_weights(published):
    guided = {**published, 'CA1': {'module.norm1f.body.bias': torch.zeros(64)}}
    unknown = r"not the weights of dcevo: unknown entry 'CA1\.norm1f\.body\.bias'"
    with pytest.raises(ValueError, match=unknown):
        convert_peer('dcevo', guided)
    del published['DE_Decoder']['module.output.5.weight']
    with pytest.raises(ValueError, match=r'1 are missing \(head\.3\.weight\)'):
        convert_peer('dcevo', published)


def test_literal_weights_of_a_channel():
    features = torch.randn(2, 3, 4, 5).double()
    found, weighed = emphasise(features), EnergyWeight()(features)
    for item in range(2):
        for channel in range(3):
            plane = features[item, channel]
            share = 1 / (1 + (-plane).exp())
            strong = plane / (1 + (-(share**2) / share.mean()).exp())
            torch.testing.assert_close(found[item, channel], strong / (1 + (-strong).exp()))
            energy = (plane - plane.mean()) ** 2
            score = energy / (4 * (plane.var(unbiased=True) + 1e-4)) + 0.5
            torch.testing.assert_close(weighed[item, channel], plane / (1 + (-score).exp()))


def test_links_of_a_chain_are_joined_in_order():
    block = CrossStageBlock(4, depth=2)
    for step in block.steps:
        step.convs = torch.nn.Identity()  # So each link is twice the one before.
    features = torch.rand(1, 4, 3, 5)
    first, second = block.split(features).chunk(2, dim=1)
    chain = torch.cat((first, second, 2 * second, 4 * second), dim=1)
    torch.testing.assert_close(block(features), features + emphasise(block.join(chain)))


def test_decoder_adds_to_the_average(make_pair):
    ir, vi = make_pair(6, 8, batch=2)
    fusor = DCEvo(channels=8, heads=2, depth=1).eval()
    fusor.head[3].weight.data.zero_()
    torch.testing.assert_close(fusor.fuse_luma(ir, vi), torch.sigmoid((ir + vi) / 2))


def _spread(published):
    """Convolutions around 0, the rest around 1."""
    for state_dict in published.values():
        for name, value in state_dict.items():
            gain = 20 / value[0].numel() ** 0.5
            state_dict[name] = (value - 1 / 16) * gain if value.dim() == 4 else value + 1
    return published


def test_output_of_the_authors_code(published, synthetic_pair):
    fused = convert_peer('dcevo', _spread(published)).fuse_luma(*synthetic_pair).detach()
    # Recorded from the authors' code, with these weights.
    expected = [
        [0.55062, 0.53497, 0.57427, 0.53212],
        [0.54411, 0.57287, 0.53765, 0.55483],
        [0.59302, 0.60320, 0.53944, 0.57470],
        [0.57889, 0.55974, 0.60435, 0.56516],
    ]
    torch.testing.assert_close(
        fused[0, 0, ::12, ::17], torch.tensor(expected), rtol=0, atol=2e-5
    )
