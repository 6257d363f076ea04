import pytest
import torch
import torch.nn.functional as F

from tsjnet_mm.models.peers import convert_peer
from tsjnet_mm.models.peers.swinfusion import (
    CrossBlock,
    SwinFusion,
    WindowAttention,
    _pad,
    convert_swinfusion,
)


def _affine(name, *shape):
    return {f'{name}.weight': shape, f'{name}.bias': shape[:1]}


def _block(name, shifted, image='', layers=(('qkv', 180),)):
    shapes = {
        f'{name}.attn{image}.relative_position_bias_table': (225, 6),
        f'{name}.attn{image}.relative_position_index': (64, 64),
        **_affine(f'{name}.norm1{image}', 60),
        **_affine(f'{name}.norm2{image}', 60),
        **_affine(f'{name}.attn{image}.proj', 60, 60),
        **_affine(f'{name}.mlp{image}.fc1', 120, 60),
        **_affine(f'{name}.mlp{image}.fc2', 60, 120),
    }
    for layer, width in layers:
        shapes |= _affine(f'{name}.attn{image}.{layer}', width, 60)
    return shapes | ({f'{name}.attn_mask': (256, 64, 64)} if shifted else {})


def _conv(name, out_channels, in_channels):
    return _affine(name, out_channels, in_channels, 3, 3)


@pytest.fixture
def published(fabricate):
    """Names and shapes of the authors' checkpoint."""
    shapes = {}
    for image in 'AB':
        shapes |= _conv(f'conv_first1_{image}', 30, 1) | _affine(f'norm_Ex_{image}', 60)
        shapes |= _affine(f'norm_Fusion_{image}', 60)
    shapes |= _conv('conv_first2_A', 60, 30) | _conv('conv_first2_B', 30, 30)
    shapes |= _affine('patch_embed.norm', 60) | _affine('norm_Re', 60)
    for trunk in ('Ex_A', 'Ex_B', 'Re'):
        for index in range(4):
            name = f'layers_{trunk}.0.residual_group.blocks.{index}'
            shapes |= _block(name, index % 2)
    for index in (0, 1):
        for stage in (0, 1):
            group = f'layers_Fusion.{stage}.residual_group'
            for image in ('_A', '_B'):
                shapes |= _block(f'{group}{image}.blocks.{index}', index)
                layers = (('q', 60), ('kv', 120))
                shapes |= _block(f'{group}.blocks.{index}', index, image, layers)
    shapes |= _conv('conv_after_body_Fusion', 60, 120)
    shapes |= _conv('conv_last1', 30, 60) | _conv('conv_last2', 15, 30)
    return fabricate(shapes | _conv('conv_last3', 1, 15))


def test_parameters(published):
    constants = ('.attn_mask', '.relative_position_index')
    in_all = sum(v.numel() for k, v in published.items() if not k.endswith(constants))
    unused = sum(
        v.numel()
        for k, v in published.items()
        if k.startswith(('conv_first1_B', 'conv_first2_B'))
    )
    own = sum(weight.numel() for weight in SwinFusion().parameters())
    assert (in_all, unused, own) == (973681, 8430, 965251)


def test_converter_takes_every_entry_to_its_place(published):
    converted = convert_swinfusion(published)
    SwinFusion().load_state_dict(converted)
    for source, target in (
        ('conv_first2_A.bias', 'stem.1.0.bias'),
        ('patch_embed.norm.bias', 'norm.bias'),
        ('norm_Ex_B.weight', 'vi_encoder.4.weight'),
        ('layers_Ex_A.0.residual_group.blocks.3.norm2.bias', 'ir_encoder.3.norm2.bias'),
        ('layers_Re.0.residual_group.blocks.1.mlp.fc1.bias', 'decoder.1.mlp.0.bias'),
        ('norm_Fusion_B.bias', 'vi_norm.bias'),
        ('conv_after_body_Fusion.weight', 'join.0.weight'),
        ('conv_last3.weight', 'head.2.weight'),
    ):
        assert converted[target] is published[source]
    for source, target in (
        ('0.residual_group_A.blocks.1.norm1.bias', '0.ir.1.norm1.bias'),
        ('1.residual_group_B.blocks.0.attn.proj.bias', '1.vi.0.attention.project.bias'),
        ('1.residual_group.blocks.0.attn_A.q.bias', '1.cross.0.ir.attention.query.bias'),
        ('0.residual_group.blocks.1.attn_B.kv.bias', '0.cross.1.vi.attention.key_value.bias'),
        ('0.residual_group.blocks.1.mlp_B.fc2.bias', '0.cross.1.vi.mlp.2.bias'),
    ):
        assert converted[f'stages.{target}'] is published[f'layers_Fusion.{source}']
    whole = published['layers_Ex_B.0.residual_group.blocks.2.attn.qkv.weight']
    assert torch.equal(converted['vi_encoder.2.attention.query.weight'], whole[:60])
    assert torch.equal(converted['vi_encoder.2.attention.key_value.weight'], whole[60:])


@pytest.mark.parametrize('shifted', [False, True])
@pytest.mark.parametrize('sides', [(8, 12), (4, 4)])
def test_attention_token_by_token(shifted, sides):
    """Over windows that lie where they lie: no features move, none are masked."""
    attention = WindowAttention(6, heads=2, window=4, shifted=shifted).double()
    torch.nn.init.normal_(attention.position_bias)
    features, other = torch.randn(2, 1, *sides, 6).double()
    query = attention.query(features)[0]
    key, value = attention.key_value(other)[0].chunk(2, dim=-1)
    offset = 2 if shifted else 0
    expected = torch.zeros_like(features)
    for y in range(sides[0]):
        for x in range(sides[1]):
            window = [
                (row, column)
                for row in range(sides[0])
                for column in range(sides[1])
                if (row + offset) // 4 == (y + offset) // 4
                and (column + offset) // 4 == (x + offset) // 4
            ]
            for head in (slice(0, 3), slice(3, 6)):
                scores = torch.stack(
                    [
                        query[y, x, head] @ key[row, column, head] / 3**0.5
                        + attention.position_bias[
                            (y - row + 3) * 7 + x - column + 3, head.start // 3
                        ]
                        for row, column in window
                    ]
                )
                values = torch.stack([value[row, column, head] for row, column in window])
                expected[0, y, x, head] = scores.softmax(0) @ values
    torch.testing.assert_close(attention(features, other), attention.project(expected))


def test_images_attend_to_each_other():
    block = CrossBlock(4, 2, 4, False).double()
    ir, vi = torch.randn(2, 1, 4, 4, 4).double()
    normed = F.layer_norm(vi, (4,), block.vi.norm1.weight, block.vi.norm1.bias)
    mixed = ir + block.ir.attention(block.ir.norm1(ir), normed)
    torch.testing.assert_close(block(ir, vi)[0], mixed + block.ir.mlp(block.ir.norm2(mixed)))
    assert not torch.equal(block(ir, vi)[1], block(ir + 1, vi.flip(-1))[1])


@pytest.mark.parametrize(
    ('length', 'expected'),
    [
        (3, [0, 1, 2, 2]),
        (4, [0, 1, 2, 3, 3, 2, 1, 0]),
        (1, [0, 0, 0, 0]),
        (5, [0, 1, 2, 3, 4, 4, 3, 2]),
    ],
)
def test_mirrored_to_the_next_window(length, expected):
    image = torch.arange(length)[:, None].expand(1, 1, length, 4)
    padded = _pad(image, 4)
    assert padded.shape == (1, 1, len(expected), 8)
    assert padded[0, 0, :, 0].tolist() == expected


def test_other_weights(published):
    published['layers_Re.1.residual_group.blocks.0.norm1.bias'] = torch.zeros(60)
    with pytest.raises(ValueError, match=r"not the weights of swinfusion: .*'layers_Re\.1\."):
        convert_peer('swinfusion', published)


def test_output_of_the_authors_code(published, synthetic_pair):
    for name, value in published.items():
        # Norms around 1, the rest around 0.
        norm = 'norm' in name and name.endswith('weight')
        published[name] = value + 1 if norm else (value - 1 / 16) * 4
    fused = convert_peer('swinfusion', published).fuse_luma(*synthetic_pair).detach()
    # Recorded from the authors' code, with these weights.
    expected = [
        [1.18854, -2.07220, -2.79387, -1.83375],
        [6.13969, 1.28974, -0.33356, 0.59814],
        [5.90252, 0.98342, -0.10269, 0.44392],
        [5.09893, 0.10602, -0.35507, 0.79841],
    ]
    torch.testing.assert_close(
        fused[0, 0, ::12, ::17], torch.tensor(expected), rtol=0, atol=1e-4
    )
