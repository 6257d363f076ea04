import pytest
import torch
import torch.nn.functional as F

from tsjnet_mm.models.fusion_layers import (
    NeighborhoodAttentionBlock,
    NeighborhoodAttentionTransformer,
)


def small(**changes):
    options = {
        'channels': 6,
        'embed_channels': 8,
        'depths': (1, 1),
        'num_heads': (1, 2),
        'kernel_size': 3,
        'neck_channels': 10,
    }
    return NeighborhoodAttentionTransformer(**{**options, **changes})


@pytest.mark.parametrize('upsample', ['transposed', 'bilinear'])
@pytest.mark.parametrize('size', [(16, 16), (17, 31), (5, 40)])
def test_keeps_any_size(size, upsample):
    x = torch.randn(2, 6, *size)
    assert small(upsample=upsample).eval()(x).shape == x.shape


def test_residual_around_the_pyramid():
    module = small().eval()
    for parameter in module.upsample.parameters():
        torch.nn.init.zeros_(parameter)
    x = torch.randn(1, 6, 16, 16)
    torch.testing.assert_close(module(x), x)


def test_default_is_the_released_pyramid():
    module = NeighborhoodAttentionTransformer()
    assert module.size_divisor == 32
    assert [len(level) for level in module.levels] == [3, 4, 6, 5]
    assert [level[0].attention.num_heads for level in module.levels] == [2, 4, 8, 16]
    assert [layer.kernel_size[0] for layer in module.upsample[:-1]] == [4, 4, 2]
    rates = [block.drop_path.rate for level in module.levels for block in level]
    assert rates[0] == 0
    assert rates[-1] == pytest.approx(0.2)
    # 20.3 M, less the release's unread leftovers.
    assert sum(p.numel() for p in module.parameters()) == 20_273_696


def test_checkpointing_keeps_gradients():
    torch.manual_seed(0)
    module = small(drop_path_rate=0.0)
    x = torch.randn(1, 6, 16, 16)
    gradients = []
    for with_cp in (False, True):
        module.with_cp = with_cp
        module.zero_grad()
        module(x).square().sum().backward()
        gradients.append([p.grad.clone() for p in module.parameters()])
    torch.testing.assert_close(*gradients)


def test_block_is_prenorm_transformer():
    torch.manual_seed(0)
    block = NeighborhoodAttentionBlock(8, num_heads=2, kernel_size=3).eval()
    x = torch.randn(1, 5, 5, 8)
    middle = x + block.attention(F.layer_norm(x, (8,), block.norm1.weight, block.norm1.bias))
    expected = middle + block.mlp(block.norm2(middle))
    torch.testing.assert_close(block(x), expected)


def test_wrong_options_are_named():
    with pytest.raises(ValueError, match='one length'):
        small(depths=(1, 1, 1))
    with pytest.raises(ValueError, match='nearest'):
        small(upsample='nearest')
