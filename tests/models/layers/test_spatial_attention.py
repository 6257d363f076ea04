import pytest
import torch

from tsjnet_mm.models.layers import SpatialAttention


def test_each_head_weights_its_own_channels():
    torch.manual_seed(0)
    layer = SpatialAttention(8, num_heads=4)
    x = torch.randn(2, 8, 5, 6)
    out, attention = layer(x)
    assert attention.shape == (2, 4, 5, 6)
    for head in range(4):
        group = x[:, 2 * head : 2 * head + 2]
        weight = layer.conv.weight[head].view(1, 2, 1, 1)
        expected = torch.sigmoid((group * weight).sum(1) + layer.conv.bias[head])
        torch.testing.assert_close(attention[:, head], expected)
        torch.testing.assert_close(out[:, 2 * head : 2 * head + 2], group * expected[:, None])


def test_heads_must_divide_channels():
    with pytest.raises(ValueError, match='no multiple'):
        SpatialAttention(10, num_heads=4)
