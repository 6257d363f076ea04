import pytest
import torch
import torch.nn.functional as F

from tsjnet_mm.models.peers import DATFuse, convert_peer
from tsjnet_mm.models.peers.datfuse import TokenBlock, convert_datfuse
from tsjnet_mm.utils.checkpoints import read_checkpoint


def _norm(name, channels):
    entries = ('weight', 'bias', 'running_mean', 'running_var')
    return {
        **{f'{name}.{entry}': (channels,) for entry in entries},
        f'{name}.num_batches_tracked': (),
    }


def _affine(name, *shape):
    return {f'{name}.weight': shape, f'{name}.bias': shape[:1]}


def _block(index):
    name = f'basicLayer.blocks.{index}'
    return {
        **_affine(f'{name}.norm1', 16),
        f'{name}.attn.relative_position_bias_table': (1, 8),
        f'{name}.attn.relative_position_index': (1, 1),
        **_affine(f'{name}.attn.qkv', 48, 16),
        **_affine(f'{name}.attn.proj', 16, 16),
        **_affine(f'{name}.norm2', 16),
        **_affine(f'{name}.mlp.fc1', 64, 16),
        **_affine(f'{name}.mlp.fc2', 16, 64),
    }


@pytest.fixture
def published(fabricate):
    """Names and shapes of the authors' checkpoint."""
    return fabricate(
        {
            **_affine('convolutional.conv', 16, 2, 5, 5),
            **_norm('convolutional.bn', 16),
            **_affine('convolutional_out.conv', 1, 16, 1, 1),
            **_affine('fem.conv', 16, 16, 3, 3),
            **_norm('fem.bn', 16),
            **_affine('cam.fc.0', 4, 16, 1, 1),
            **_affine('cam.fc.2', 16, 4, 1, 1),
            **_affine('sam.body.0', 4, 16, 3, 3),
            **_norm('sam.body.1', 4),
            **_affine('sam.body.3', 1, 4, 3, 3),
            **_norm('sam.body.4', 1),
            **_affine('patch_embed.norm', 96),
            **_block(0),
            **_block(1),
        }
    )


def test_parameters(published):
    counters = {name for name in published if name.endswith(('tracked', 'index'))}
    statistics = {name for name in published if '.running_' in name}
    in_all = sum(published[name].numel() for name in published.keys() - counters - statistics)
    # Queries and keys of two blocks, their position biases, a normalisation without use.
    without_effect = 2 * (32 * 16 + 32) + 2 * 8 + 2 * 96
    own = sum(weight.numel() for weight in DATFuse().parameters())
    assert (in_all, own) == (10760, 10760 - without_effect)


def test_converter_takes_every_entry_to_its_place(published):
    converted = convert_datfuse(published)
    DATFuse().load_state_dict(converted)
    dropped = [
        name
        for name in published
        if name.startswith('patch_embed') or '.relative_position_' in name
    ]
    assert len(converted) == len(published) - len(dropped)
    for source, target in (
        ('convolutional.bn.running_var', 'stem.1.running_var'),
        ('fem.conv.weight', 'residual.refine.0.weight'),
        ('cam.fc.2.bias', 'residual.channel_attention.3.bias'),
        ('sam.body.4.weight', 'residual.position_attention.4.weight'),
        ('basicLayer.blocks.0.norm2.weight', 'transformer.0.norm2.weight'),
        ('basicLayer.blocks.1.mlp.fc1.bias', 'transformer.1.mlp.0.bias'),
        ('convolutional_out.conv.weight', 'head.weight'),
    ):
        assert converted[target] is published[source]
    for entry in ('weight', 'bias'):
        whole = published[f'basicLayer.blocks.1.attn.qkv.{entry}']
        assert torch.equal(converted[f'transformer.1.value.{entry}'], whole[32:])


def test_attention_over_one_token_is_its_value(published):
    """What the published block computes, with queries and keys and 8 heads."""
    block = TokenBlock(16)
    prefix = 'transformer.0.'
    converted = convert_datfuse(published)
    block.load_state_dict(
        {k.removeprefix(prefix): v for k, v in converted.items() if k.startswith(prefix)}
    )
    tokens = torch.rand(50, 1, 16, generator=torch.Generator().manual_seed(1))
    name = 'basicLayer.blocks.0.attn.'
    mixed = F.linear(
        block.norm1(tokens), published[f'{name}qkv.weight'], published[f'{name}qkv.bias']
    )
    query, key, value = mixed.view(50, 3, 8, 1, 2).unbind(1)
    bias = published[f'{name}relative_position_bias_table'].view(8, 1, 1)
    attended = F.scaled_dot_product_attention(query, key, value, attn_mask=bias)
    expected = tokens + block.project(attended.reshape(50, 1, 16))
    expected = expected + block.mlp(block.norm2(expected))
    torch.testing.assert_close(block(tokens), expected)


def test_tokens_are_runs_of_values_in_a_row():
    fusor = DATFuse().eval()
    features = torch.rand(1, 16, 3, 32)
    seen = []
    fusor.transformer.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    fusor.residual.forward = lambda _: (features, torch.zeros_like(features))
    fusor.stem.forward = lambda _: features
    fusor.fuse_luma(*torch.rand(2, 1, 1, 3, 32))
    assert seen[0].shape == (1, 96, 16)
    assert torch.equal(seen[0][0, 0], features[0, 0, 0, :16])
    assert torch.equal(seen[0][0, 1], features[0, 0, 0, 16:])
    assert torch.equal(seen[0][0, 6], features[0, 1, 0, :16])


def test_other_weights(published):
    with pytest.raises(ValueError, match=r"not the weights of datfuse: .*'fem2\.conv\.bias'"):
        convert_peer('datfuse', {**published, 'fem2.conv.bias': torch.zeros(1)})


def test_published_weights(real_data, synthetic_pair):
    checkpoint = read_checkpoint(real_data / 'weights' / 'datfuse.pth')
    fused = convert_peer('datfuse', checkpoint).fuse_luma(*synthetic_pair).detach()
    expected = [
        [0.43253, 0.32473, 0.60097, 0.31914],
        [0.30705, 0.57853, 0.30739, 0.30396],
        [0.55605, 0.71655, 0.30629, 0.59895],
        [0.41061, 0.31037, 0.61150, 0.30227],
    ]
    torch.testing.assert_close(
        fused[0, 0, ::12, ::17], torch.tensor(expected), rtol=0, atol=2e-5
    )
