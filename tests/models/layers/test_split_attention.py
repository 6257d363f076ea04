import torch
import torch.nn.functional as F

from tsjnet_mm.models.layers import ResNeStBottleneck, ResNeStTrunk, SplitAttention


def test_split_attention_follows_the_paper():
    torch.manual_seed(0)
    layer = SplitAttention(4, radix=2, min_channels=3).double().eval()
    x = torch.randn(2, 4, 5, 6, dtype=torch.float64)
    first, second = layer.radix_conv(x).split(4, dim=1)
    pooled = (first + second).mean((2, 3), keepdim=True)
    logits = layer.fc2(layer.fc1(pooled)).view(2, 2, 4)
    weights = logits.exp() / logits.exp().sum(1, keepdim=True)
    expected = first * weights[:, 0, :, None, None] + second * weights[:, 1, :, None, None]
    torch.testing.assert_close(layer(x), expected)


def test_trains_on_a_single_image():
    """The last batch of an epoch may hold one: its pooled vector has no statistics."""
    torch.manual_seed(0)
    layer = SplitAttention(4).train()
    layer(torch.randn(3, 4, 5, 6))
    before = layer.fc1[1].running_mean.clone()
    x = torch.randn(1, 4, 5, 6, requires_grad=True)
    layer(x).sum().backward()
    assert x.grad.abs().sum() > 0
    assert layer.fc1[1].running_mean.equal(before)
    assert layer.fc1[1].num_batches_tracked == 1
    assert layer.radix_conv[1].num_batches_tracked == 2


def test_bottleneck_widths_and_pooled_shortcut():
    block = ResNeStBottleneck(128, planes=128).eval()
    assert block.conv1[0].out_channels == 128
    assert block.conv2.fc1[0].out_channels == 64
    assert block.conv3[0].out_channels == 512
    x = torch.randn(1, 128, 6, 6)
    pooled = F.max_pool2d(x, 3, stride=1, padding=1)
    expected = block.shortcut[2](block.shortcut[1](pooled))
    torch.testing.assert_close(block.shortcut(x), expected)
    assert isinstance(ResNeStBottleneck(512, planes=128).shortcut, torch.nn.Identity)


def test_trunk_keeps_or_halves_the_resolution():
    for stride in (1, 2):
        trunk = ResNeStTrunk(3, (4, 4, 8), planes=4, expansion=2, stride=stride)
        assert trunk(torch.randn(2, 3, 16, 20)).shape == (2, 8, 16 // stride, 20 // stride)
