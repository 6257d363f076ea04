import pytest
import torch
import torch.nn.functional as F

from tsjnet_mm.models.fusion_layers import DetailSalienceModule


@pytest.mark.parametrize('size', [(16, 16), (17, 31), (1, 1), (2, 3)])
def test_keeps_any_size(size):
    x = torch.randn(2, 8, *size)
    assert DetailSalienceModule(8).eval()(x).shape == x.shape


def test_two_branches_are_summed():
    torch.manual_seed(0)
    module = DetailSalienceModule(4).double().eval()
    x = torch.randn(1, 4, 6, 6, dtype=torch.float64)
    a = module.conv1(x)
    a = module.project[1](module.conv2(a + F.relu(module.residual(a))))
    b = F.leaky_relu(module.conv3(x), 0.2)
    b = F.max_pool2d(b, 2) + F.avg_pool2d(b, 2)
    weights = torch.sigmoid(module.fc2(F.relu(module.fc1(b.mean((2, 3))))))
    expected = a + module.upsample(b * weights[..., None, None])
    torch.testing.assert_close(module(x), expected)


def test_channel_dropout_acts_in_training_only():
    torch.manual_seed(0)
    module = DetailSalienceModule(8, dropout=0.9)
    x = torch.randn(4, 8, 8, 8)
    module.train()
    assert not torch.equal(module(x), module(x))
    module.eval()
    assert torch.equal(module(x), module(x))
