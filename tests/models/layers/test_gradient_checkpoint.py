import copy

import torch
from torch import nn

from tsjnet_mm.models.layers import checkpoint


def run(module, x, use):
    torch.manual_seed(1)
    out = checkpoint(module, x) if use else module(x)
    out.square().mean().backward()
    return out


def test_checkpoint_changes_neither_result_gradient_nor_statistics():
    torch.manual_seed(0)
    plain = nn.Sequential(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.Dropout(0.5))
    saving = copy.deepcopy(plain)
    x = torch.randn(2, 2, 8, 8)
    torch.testing.assert_close(run(plain, x, False), run(saving, x, True))
    for (name, expected), value in zip(plain.named_parameters(), saving.parameters()):
        torch.testing.assert_close(value.grad, expected.grad, msg=name)
    for (name, expected), value in zip(plain.named_buffers(), saving.buffers()):
        torch.testing.assert_close(value, expected, msg=name)
    assert saving[1].num_batches_tracked == 1
    assert saving[1].momentum == 0.1


def test_checkpoint_without_gradients_just_runs():
    with torch.no_grad():
        assert checkpoint(nn.Identity(), torch.ones(1)).item() == 1
