import copy

import pytest
import torch
from torch import nn

from tsjnet_mm.models.layers import norm as norms
from tsjnet_mm.models.layers import train_on_single_values, without_sync_norms


def pooled_network(norm=nn.BatchNorm2d):
    return nn.Sequential(nn.Conv2d(3, 4, 1), norm(4), nn.AdaptiveAvgPool2d(1), norm(4))


def test_one_pooled_image_is_normalised_by_the_running_statistics():
    network = pooled_network()
    with torch.no_grad():
        for part in (network[1], network[3]):
            part.running_mean.uniform_(-1, 1)
            part.running_var.uniform_(0.5, 2)
            part.weight.uniform_(0.5, 2)
    plain = copy.deepcopy(network)
    train_on_single_values(network)
    image = torch.rand(1, 3, 6, 5)
    with pytest.raises(ValueError, match='more than 1 value per channel'):
        copy.deepcopy(plain)(image)
    before = copy.deepcopy(network[3].state_dict())
    found = network(image)
    # The first normalisation has 30 values and trains; only the pooled one has none to spare.
    first = plain[1](plain[0](image))
    torch.testing.assert_close(network[1].state_dict(), plain[1].state_dict())
    expected = plain[3].eval()(first.mean((2, 3), keepdim=True))
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(network[3].state_dict(), before, rtol=0, atol=0)
    assert all(part.training for part in network.modules())
    found.sum().backward()
    assert network[0].weight.grad.abs().sum() > 0
    assert network[3].weight.grad.abs().sum() > 0


@pytest.mark.parametrize('training', [True, False])
def test_other_batches_are_normalised_as_before(training):
    network = pooled_network().train(training)
    plain = copy.deepcopy(network)
    train_on_single_values(network)
    images = torch.rand(2, 3, 6, 5)
    torch.testing.assert_close(network(images), plain(images), rtol=0, atol=0)
    torch.testing.assert_close(network.state_dict(), plain.state_dict(), rtol=0, atol=0)


def test_vectors_and_norms_without_running_statistics():
    vector = nn.BatchNorm1d(4)
    train_on_single_values(vector)
    torch.testing.assert_close(vector(torch.ones(1, 4)), torch.ones(1, 4), rtol=0, atol=1e-4)
    # It has nothing to normalise by: PyTorch's refusal stays.
    without = nn.BatchNorm2d(4, track_running_stats=False)
    train_on_single_values(without)
    with pytest.raises(ValueError, match='more than 1 value per channel'):
        without(torch.ones(1, 4, 1, 1))


def test_synchronised_norms_become_plain_ones_without_cuda(monkeypatch):
    said = []
    monkeypatch.setattr(norms, 'print_log', lambda message, *_: said.append(message))
    norms._say_reverted.cache_clear()
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    plain = pooled_network()
    assert without_sync_norms(plain) is plain and said == []
    network = pooled_network(nn.SyncBatchNorm)
    state = copy.deepcopy(network.state_dict())
    parameters = [id(parameter) for parameter in network.parameters()]
    reverted = without_sync_norms(network)
    without_sync_norms(pooled_network(nn.SyncBatchNorm))
    assert not any(isinstance(part, nn.SyncBatchNorm) for part in reverted.modules())
    assert [id(parameter) for parameter in reverted.parameters()] == parameters
    torch.testing.assert_close(reverted.state_dict(), state)
    reverted(torch.rand(2, 3, 6, 5)).sum().backward()
    assert len(said) == 1 and 'SyncBN' in said[0]
    norms._say_reverted.cache_clear()
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: True)
    kept = without_sync_norms(pooled_network(nn.SyncBatchNorm))
    assert isinstance(kept[1], nn.SyncBatchNorm) and len(said) == 1


def test_reverted_norms_train_on_single_values(monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    network = without_sync_norms(pooled_network(nn.SyncBatchNorm))
    train_on_single_values(network)
    assert network(torch.rand(1, 3, 6, 5)).shape == (1, 4, 1, 1)
