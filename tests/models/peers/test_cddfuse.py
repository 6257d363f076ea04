import pytest
import torch
import torch.nn.functional as F

from tsjnet_mm.models.peers import convert_peer
from tsjnet_mm.models.peers.cddfuse import CDDFuse, DetailBlock, convert_cddfuse
from tsjnet_mm.models.peers.channel_attention import ChannelAttention, GatedConvolutions


def _norms(name):
    return {
        f'{name}.norm{index}.body.{entry}': (64,)
        for index in (1, 2)
        for entry in ('weight', 'bias')
    }


def _shared(name):
    return {
        **_norms(name),
        f'{name}.attn.temperature': (8, 1, 1),
        f'{name}.attn.qkv.weight': (192, 64, 1, 1),
        f'{name}.attn.qkv_dwconv.weight': (192, 1, 3, 3),
        f'{name}.attn.project_out.weight': (64, 64, 1, 1),
        f'{name}.ffn.project_in.weight': (256, 64, 1, 1),
        f'{name}.ffn.dwconv.weight': (256, 1, 3, 3),
        f'{name}.ffn.project_out.weight': (64, 128, 1, 1),
    }


def _base(name):
    return {
        **_norms(name),
        f'{name}.attn.scale': (8, 1, 1),
        f'{name}.attn.qkv1.weight': (192, 64, 1, 1),
        f'{name}.attn.qkv2.weight': (192, 192, 3, 3),
        f'{name}.attn.proj.weight': (64, 64, 1, 1),
        f'{name}.mlp.project_in.weight': (128, 64, 1, 1),
        f'{name}.mlp.dwconv.weight': (128, 2, 3, 3),
        f'{name}.mlp.project_out.weight': (64, 64, 1, 1),
    }


def _detail(name):
    shapes = {f'{name}.shffleconv.weight': (64, 64, 1, 1), f'{name}.shffleconv.bias': (64,)}
    for letter in ('phi', 'rho', 'eta'):
        bottleneck = f'{name}.theta_{letter}.bottleneckBlock'
        shapes[f'{bottleneck}.0.weight'] = (64, 32, 1, 1)
        shapes[f'{bottleneck}.3.weight'] = (64, 1, 3, 3)
        shapes[f'{bottleneck}.5.weight'] = (32, 64, 1, 1)
    return shapes


@pytest.fixture
def published(fabricate):
    """The authors' file: four networks, each as DataParallel names its entries."""
    encoder = {'patch_embed.proj.weight': (64, 1, 3, 3)} | _base('baseFeature')
    decoder = {'reduce_channel.weight': (64, 128, 1, 1)}
    for index in range(4):
        encoder |= _shared(f'encoder_level1.{index}')
        decoder |= _shared(f'encoder_level2.{index}')
    for index in range(3):
        encoder |= _detail(f'detailFeature.net.{index}')
    decoder |= {'output.0.weight': (32, 64, 3, 3), 'output.2.weight': (1, 32, 3, 3)}
    networks = {
        'DIDF_Encoder': encoder,
        'DIDF_Decoder': decoder,
        'BaseFuseLayer': {name[1:]: shape for name, shape in _base('').items()},
        'DetailFuseLayer': _detail('net.0'),
    }
    return {
        network: {f'module.{name}': value for name, value in fabricate(shapes).items()}
        for network, shapes in networks.items()
    }


def test_parameters(published):
    in_all = sum(value.numel() for part in published.values() for value in part.values())
    own = sum(weight.numel() for weight in CDDFuse().parameters())
    assert in_all == own == 1188272


def test_converter_takes_every_entry_to_its_place(published):
    converted = convert_cddfuse(published)
    CDDFuse().load_state_dict(converted)
    assert len(converted) == sum(map(len, published.values()))
    for network, source, target in (
        ('DIDF_Encoder', 'patch_embed.proj.weight', 'encoder.stem.weight'),
        ('DIDF_Encoder', 'baseFeature.attn.qkv2.weight', 'encoder.base.attention.qkv.1.weight'),
        ('DIDF_Encoder', 'encoder_level1.3.norm1.body.bias', 'encoder.shared.3.norm1.bias'),
        ('DIDF_Encoder', 'detailFeature.net.2.shffleconv.bias', 'encoder.detail.2.mix.bias'),
        ('DIDF_Decoder', 'reduce_channel.weight', 'join.weight'),
        ('DIDF_Decoder', 'encoder_level2.1.norm2.body.weight', 'decoder.1.norm2.weight'),
        ('DIDF_Decoder', 'output.2.weight', 'head.2.weight'),
        ('BaseFuseLayer', 'attn.scale', 'fuse_base.attention.temperature'),
        ('BaseFuseLayer', 'mlp.dwconv.weight', 'fuse_base.gated.halves.1.weight'),
    ):
        assert converted[target] is published[network][f'module.{source}']
    for letter, role in (
        ('phi', 'shift_second'),
        ('rho', 'scale_first'),
        ('eta', 'shift_first'),
    ):
        source = f'module.net.0.theta_{letter}.bottleneckBlock.5.weight'
        target = f'fuse_detail.{role}.4.weight'
        assert converted[target] is published['DetailFuseLayer'][source]


def test_channels_attend_to_channels():
    """Channel by channel: cosines of whole images, as weights of whole images."""
    attention = ChannelAttention(6, heads=2, groups=18).double()
    torch.nn.init.uniform_(attention.temperature, 1, 5)
    features = torch.rand(2, 6, 4, 5).double()
    query, key, value = attention.qkv(features).chunk(3, dim=1)
    attended = torch.zeros_like(features)
    for item in range(2):
        for channel in range(6):
            head = channel // 3
            others = range(3 * head, 3 * head + 3)
            cosines = torch.stack(
                [
                    F.cosine_similarity(
                        query[item, channel].flatten(), key[item, other].flatten(), dim=0
                    )
                    for other in others
                ]
            )
            weights = torch.softmax(cosines * attention.temperature[head, 0, 0], 0)
            for weight, other in zip(weights, others, strict=True):
                attended[item, channel] += weight * value[item, other]
    torch.testing.assert_close(attention(features), attention.project(attended))


def test_gate_is_the_first_half():
    gated = GatedConvolutions(2, hidden=2, groups=4)
    first, second = (layer.weight.data for layer in gated.halves)
    first.copy_(torch.eye(2).repeat(2, 1)[..., None, None])
    second.zero_()[:, 0, 1, 1] = torch.tensor([1.0, 1, 3, 3])
    gated.project.weight.data.copy_(torch.eye(2)[..., None, None])
    features = torch.randn(1, 2, 3, 4)
    torch.testing.assert_close(gated(features), F.gelu(features) * 3 * features)


def test_detail_block_can_be_inverted():
    block = DetailBlock(8).double()
    features = torch.rand(1, 8, 5, 6).double()
    first, second = block(features).chunk(2, dim=1)
    first = (first - block.shift_first(second)) / block.scale_first(second).exp()
    mixed = torch.cat((first, second - block.shift_second(first)), dim=1)
    mixed = mixed - block.mix.bias[:, None, None]
    inverse = torch.linalg.inv(block.mix.weight[..., 0, 0])
    torch.testing.assert_close(torch.einsum('oi,bihw->bohw', inverse, mixed), features)


def test_decoder_adds_to_the_visible_image(make_pair):
    ir, vi = make_pair(6, 8)
    fusor = CDDFuse(channels=8, heads=2, depth=1).eval()
    fusor.head[2].weight.data.zero_()
    assert torch.equal(fusor.fuse_luma(ir, vi), torch.sigmoid(vi))


def test_other_weights(published):
    with pytest.raises(ValueError, match=r"expected a state dict in 'epoch'"):
        convert_cddfuse({**published, 'epoch': 3})
    published['DIDF_Decoder']['module.tail.weight'] = torch.zeros(1)
    unknown = r"not the weights of cddfuse: unknown entry 'DIDF_Decoder\.tail\.weight'"
    with pytest.raises(ValueError, match=unknown):
        convert_peer('cddfuse', published)


def test_output_of_the_authors_code(published, synthetic_pair):
    for state_dict in published.values():
        for name, value in state_dict.items():
            # Convolutions around 0, the rest around 1.
            state_dict[name] = (value - 1 / 16) * 2 if value.dim() == 4 else value + 1
    fused = convert_peer('cddfuse', published).fuse_luma(*synthetic_pair).detach()
    # Recorded from the authors' code, with these weights.
    expected = [
        [0.49925, 0.54202, 0.60275, 0.59962],
        [0.59178, 0.83833, 0.78557, 0.86688],
        [0.73944, 0.81057, 0.78106, 0.87998],
        [0.77606, 0.77565, 0.86570, 0.78812],
    ]
    torch.testing.assert_close(
        fused[0, 0, ::12, ::17], torch.tensor(expected), rtol=0, atol=2e-5
    )
