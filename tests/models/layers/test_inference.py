import pytest
import torch
from torch import nn

from tsjnet_mm.models.layers import for_inference


@pytest.fixture
def network():
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Sequential(nn.Conv2d(1, 6, 3, padding=1, bias=False), nn.BatchNorm2d(6), nn.ReLU()),
        nn.Conv2d(6, 4, 1, groups=2),
        nn.BatchNorm2d(4),
    )
    for _ in range(5):
        network(3 * torch.randn(4, 1, 12, 12) + 1)
    return network.eval()


def test_same_output_without_normalisations(network):
    weights = {name: value.clone() for name, value in network.state_dict().items()}
    copy = for_inference(network)
    x = torch.randn(2, 1, 9, 11)
    torch.testing.assert_close(copy(x), network(x), rtol=0, atol=1e-6)
    assert not any(isinstance(part, nn.BatchNorm2d) for part in copy.modules())
    assert not any(weight.requires_grad for weight in copy.parameters())
    for name, value in network.state_dict().items():
        torch.testing.assert_close(value, weights[name], rtol=0, atol=0)
    assert all(weight.requires_grad for weight in network.parameters())


def test_training_network_is_copied_in_evaluation_mode(network):
    expected = network(torch.ones(1, 1, 8, 8))
    copy = for_inference(network.train())
    torch.testing.assert_close(copy(torch.ones(1, 1, 8, 8)), expected, rtol=0, atol=1e-6)
    assert network.training


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16, torch.float64])
def test_dtype(network, dtype):
    copy = for_inference(network, dtype)
    assert {weight.dtype for weight in copy.parameters()} == {dtype}
    x = torch.rand(1, 1, 8, 8)
    output = copy(x.to(dtype))
    assert output.dtype == dtype
    torch.testing.assert_close(output.float(), network(x), rtol=0.05, atol=0.05)
