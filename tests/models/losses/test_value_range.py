import pytest
import torch

from tsjnet_mm.models.losses import RangeLoss, range_loss


def test_distance_from_the_range():
    fused = torch.tensor([-0.5, 0.0, 0.3, 1.0, 1.25]).view(1, 1, 1, 5).requires_grad_()
    loss = range_loss(fused)
    assert loss.item() == pytest.approx(0.75 / 5)
    loss.backward()
    assert fused.grad.flatten().tolist() == pytest.approx([-0.2, 0, 0, 0, 0.2])


def test_module_weighs():
    outputs = {'fused': torch.full((1, 1, 2, 2), 1.5)}
    assert RangeLoss(loss_weight=4.0)(outputs).item() == pytest.approx(2.0)
