from itertools import product

import numpy as np
import pytest
import torch

from tsjnet_mm.models.peers import convert_peer
from tsjnet_mm.models.peers.gifnet import (
    GIFNet,
    RescaledNorm,
    TaskBlock,
    WindowAttention,
    convert_gifnet,
)
from tsjnet_mm.utils.checkpoints import read_checkpoint

LAYER = 'extractor_multask.SwinTransformerSpecific'


def _conv(name, out_channels, in_channels, size=3):
    return {
        f'{name}.weight': (out_channels, in_channels, size, size),
        f'{name}.bias': (out_channels,),
    }


def _decoder(name, in_channels):
    shapes = {}
    for index, sizes in ((1, (64, in_channels)), (4, (32, 64)), (7, (16, 32)), (10, (1, 16))):
        shapes |= _conv(f'{name}.{index}', *sizes)
    return shapes


def _block(name):
    shapes = {}
    for task in ('', '_mfif'):
        shapes |= {f'{name}.norm1{task}.{entry}': (1, 98, 1, 1) for entry in ('weight', 'bias')}
        shapes |= _conv(f'{name}.norm1{task}.meta1', 98, 1, 1)
        shapes |= _conv(f'{name}.norm1{task}.meta2', 98, 1, 1)
    for layer, sizes in {
        'conv': (98, 1, 5),
        'V': (98, 98, 1),
        'proj': (98, 98, 1),
        'QK': (196, 98, 1),
    }.items():
        for task in ('', '_mfif'):
            shapes |= _conv(f'{name}.attn.{layer}{task}', *sizes)
    shapes |= {
        f'{name}.attn.attn.relative_positions': (64, 64, 2),
        f'{name}.attn.attn.meta.0.weight': (256, 2),
        f'{name}.attn.attn.meta.0.bias': (256,),
        f'{name}.attn.attn.meta.2.weight': (2, 256),
        f'{name}.attn.attn.meta.2.bias': (2,),
    }
    for task in ('', '_mfif'):
        shapes |= _conv(f'{name}.mlp{task}.mlp.0', 196, 98, 1)
        shapes |= _conv(f'{name}.mlp{task}.mlp.2', 98, 196, 1)
    return shapes


def _shapes():
    shapes = {}
    for number, channels in ((1, 2), (2, 34), (3, 66)):
        shapes |= _conv(f'getSharedFeatures.conv_{number}.conv2d', 32, channels)
    shapes |= _decoder('decoder_rec.decoder', 98)
    for task in ('ivif', 'mfif'):
        shapes |= _conv(f'{LAYER}.patch_embed_{task}.proj', 98, 98)
    for index in (0, 1):
        shapes |= _block(f'{LAYER}.layer1.blocks.{index}')
    for task in ('', '_mfif'):
        shapes |= {f'{LAYER}.layer1.weights{task}.{index}': (1,) for index in (0, 1)}
    shapes |= _conv(f'{LAYER}.patch_unembed.proj.0', 98, 98)
    shapes |= {
        'cnnDecoder.fuseComplementFeatures.mlp.0.weight': (98, 196, 1, 1),
        'cnnDecoder.fuseComplementFeatures.mlp.2.weight': (128, 98, 1, 1),
    }
    return shapes | _decoder('cnnDecoder.decoder', 128)


@pytest.fixture
def published(fabricate):
    """Names and shapes of the authors' checkpoint."""
    return fabricate(_shapes())


def test_parameters(published):
    assert len(published) == 116
    assert sum(value.numel() for value in published.values()) == 839164
    assert sum(weight.numel() for weight in GIFNet().parameters()) == 652676


def test_literal_norm():
    norm = RescaledNorm(3).double()
    for weight in norm.parameters():
        torch.nn.init.uniform_(weight, 0.5, 2)
    features = torch.rand(2, 3, 4, 5).double()
    normed, scale, shift = norm(features)
    for item in range(2):
        mean = features[item].mean()
        deviation = (features[item].var(unbiased=False) + 1e-5).sqrt()
        for channel in range(3):
            expected = (features[item, channel] - mean) / deviation
            expected = expected * norm.weight[channel] + norm.bias[channel]
            torch.testing.assert_close(normed[item, channel], expected)
            for layer, found, statistic in (
                (norm.scale, scale, deviation),
                (norm.shift, shift, mean),
            ):
                value = layer.weight[channel, 0, 0, 0] * statistic + layer.bias[channel]
                torch.testing.assert_close(found[item, channel, 0, 0], value)


@pytest.mark.parametrize('shifted', [False, True])
@pytest.mark.parametrize('size', [(4, 8), (6, 7)])
def test_literal_attention(size, shifted):
    """Token by token; a grid that is off starts in the mirrored border."""
    attention = WindowAttention(heads=2, window=4, shifted=shifted).double()
    tokens = torch.randn(3, 6, *size).double()
    offset = 2 if shifted else 0
    border = [(offset, -(side + offset) % 4) for side in size]
    padded = np.pad(tokens.numpy(), ((0, 0), (0, 0), *border), 'reflect')
    expected = np.zeros((6, *size))
    for head, (row, column) in product(range(2), np.ndindex(size)):
        channels = slice(3 * head, 3 * head + 3)
        y, x = row + offset, column + offset
        top, left = y // 4 * 4, x // 4 * 4
        scores, values = [], []
        for down, right in np.ndindex(4, 4):
            step = np.array([y - top - down, x - left - right])
            bias = attention.bias(torch.tensor(np.sign(step) * np.log(1 + abs(step))))
            _, key, value = padded[:, channels, top + down, left + right]
            scores.append(padded[0, channels, y, x] @ key / 3**0.5 + bias[head].item())
            values.append(value)
        weights = np.exp(scores) / np.exp(scores).sum()
        expected[channels, row, column] = weights @ values
    found = attention(*tokens[:, None])[0].detach().numpy()
    # The offsets' logarithms are in single precision.
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_a_task_without_a_query_takes_the_others():
    attention = WindowAttention(heads=1, window=4, shifted=False)
    block, asking = TaskBlock(4, has_query=False), TaskBlock(4)
    features = torch.rand(2, 4, 8, 8)
    _, query = asking(features, attention)
    normed, _, _ = asking.norm(features)
    assert torch.equal(query, asking.query(normed))
    refined, same = block(features, attention, query)
    assert same is query
    assert not torch.equal(refined, block(features, attention, query + features)[0])


def test_converter_takes_every_entry_to_its_place(published):
    converted = convert_gifnet(published)
    GIFNet().load_state_dict(converted)
    first, second = (f'{LAYER}.layer1.blocks.{index}' for index in (0, 1))
    for source, target in (
        ('getSharedFeatures.conv_2.conv2d.weight', 'encoder.convs.1.weight'),
        (f'{LAYER}.patch_embed_ivif.proj.weight', 'sensor_embed.weight'),
        (f'{LAYER}.patch_embed_mfif.proj.bias', 'focus_embed.bias'),
        (f'{first}.norm1.meta1.bias', 'sensor.norm.scale.bias'),
        (f'{first}.norm1_mfif.meta2.bias', 'focus1.norm.shift.bias'),
        (f'{second}.norm1_mfif.meta1.weight', 'focus2.norm.scale.weight'),
        (f'{first}.attn.V.weight', 'sensor.value.weight'),
        (f'{first}.attn.conv_mfif.bias', 'focus1.local.bias'),
        (f'{second}.attn.proj_mfif.bias', 'focus2.project.bias'),
        (f'{first}.attn.attn.meta.2.weight', 'attention1.bias.2.weight'),
        (f'{second}.attn.attn.meta.0.bias', 'attention2.bias.0.bias'),
        (f'{first}.mlp.mlp.2.bias', 'sensor.mlp.2.bias'),
        (f'{LAYER}.layer1.weights_mfif.0', 'share'),
        (f'{LAYER}.patch_unembed.proj.0.bias', 'unembed.bias'),
        ('cnnDecoder.fuseComplementFeatures.mlp.2.weight', 'join.2.weight'),
        ('cnnDecoder.decoder.10.weight', 'decoder.6.weight'),
    ):
        assert converted[target] is published[source], target
    norm = published[f'{first}.norm1.weight']
    assert torch.equal(converted['sensor.norm.weight'].flatten(), norm.flatten())
    both = published[f'{second}.attn.QK_mfif.weight']
    assert torch.equal(converted['focus2.query.weight'], both[:98])
    assert torch.equal(converted['focus2.key.weight'], both[98:])
    assert torch.equal(converted['sensor.key.bias'], published[f'{first}.attn.QK.bias'][98:])


def test_other_weights(published):
    with pytest.raises(ValueError, match=r"not the weights of gifnet: .*'head\.weight'"):
        convert_peer('gifnet', {**published, 'head.weight': torch.zeros(1)})
    del published['cnnDecoder.decoder.10.bias']
    with pytest.raises(ValueError, match=r'1 are missing \(decoder\.6\.bias\)'):
        convert_peer('gifnet', published)


def test_too_small():
    with pytest.raises(ValueError, match='GIFNet fuses images from 5x5 up'):
        GIFNet(channels=4).fuse(torch.rand(1, 1, 4, 9), torch.rand(1, 1, 4, 9))


def _spread(published):
    """Convolutions around 0, so that the network's values have some range; tasks that mix."""
    for name, value in published.items():
        if value.dim() == 4 and value.shape[:2] != (1, 98):
            gain = 60 if '.QK' in name else 30
            published[name] = (value - 1 / 16) * gain / value[0].numel() ** 0.5
        elif name.endswith(('.norm1.weight', '.norm1_mfif.weight', '.weights_mfif.0')):
            published[name] = value + 1
    return published


def test_output_of_the_authors_code(published, synthetic_pair):
    ir, vi = (image[..., :35, :51] for image in synthetic_pair)
    fused = convert_peer('gifnet', _spread(published)).fuse_luma(ir, vi).detach()
    # Recorded from the authors' code, with these weights.
    expected = [
        [0.20613, 0.30904, 0.22108],
        [0.34104, 0.49128, 0.31438],
        [0.30944, 0.79093, 0.23188],
    ]
    torch.testing.assert_close(
        fused[0, 0, ::12, ::17], torch.tensor(expected), rtol=0, atol=1e-4
    )


def test_published_weights(real_data, synthetic_pair):
    checkpoint = read_checkpoint(real_data / 'weights' / 'gifnet.model')
    fused = convert_peer('gifnet', checkpoint).fuse_luma(*synthetic_pair).detach()
    # Recorded from the authors' code.
    expected = [
        [0.42300, 0.15855, 0.55238, 0.31678],
        [0.16107, 0.49311, 0.23038, 0.23353],
        [0.37515, 0.60790, 0.22330, 0.44097],
        [0.29241, 0.23459, 0.46965, 0.18009],
    ]
    torch.testing.assert_close(
        fused[0, 0, ::12, ::17], torch.tensor(expected), rtol=0, atol=2e-5
    )
    assert fused.mean().item() == pytest.approx(0.387813, abs=2e-6)
