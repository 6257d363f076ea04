import numpy as np
import pytest
import torch

from tsjnet_mm.models.layers import ChannelLayerNorm, pad_to_multiple


@pytest.mark.parametrize('size', [(32, 64), (33, 40), (16, 16), (1, 5), (3, 2)])
def test_pads_by_reflection_however_far(size):
    x = torch.rand(2, 3, *size)
    padded = pad_to_multiple(x, 32)
    missing = [-side % 32 for side in size]
    expected = np.pad(
        x.numpy(), ((0, 0), (0, 0), (0, missing[0]), (0, missing[1])), mode='reflect'
    )
    np.testing.assert_array_equal(padded.numpy(), expected)


def test_nothing_missing_returns_the_input_itself():
    x = torch.rand(1, 1, 32, 64)
    assert pad_to_multiple(x, 32) is x


def test_channel_layer_norm_normalises_every_position_over_channels():
    norm = ChannelLayerNorm(6)
    with torch.no_grad():
        norm.weight.uniform_(0.5, 2)
        norm.bias.uniform_(-1, 1)
    x = torch.randn(2, 6, 3, 4)
    mean = x.mean(1, keepdim=True)
    variance = x.var(1, keepdim=True, unbiased=False)
    expected = (x - mean) / (variance + 1e-5).sqrt()
    expected = expected * norm.weight.view(-1, 1, 1) + norm.bias.view(-1, 1, 1)
    torch.testing.assert_close(norm(x), expected)
