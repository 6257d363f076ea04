import pytest
import torch
from timm.layers import DropPath as TimmDropPath

from tsjnet_mm.models.layers import DropPath


@pytest.mark.parametrize('rate', [0.0, 0.1, 0.5, 1.0])
@pytest.mark.parametrize('shape', [(16, 3), (16, 5, 4, 3)])
@pytest.mark.parametrize('dtype', [torch.float32, torch.bfloat16])
def test_equals_timm_bit_by_bit(rate, shape, dtype):
    """Also the state of the random numbers behind it, on which a seeded training hangs."""
    x = torch.randn(shape).to(dtype).requires_grad_()
    results = []
    for kind in (DropPath, TimmDropPath):
        torch.manual_seed(1)
        branch = kind(rate)(x)
        (gradient,) = torch.autograd.grad(branch.float().square().sum(), x)
        results.append((branch, gradient, torch.get_rng_state()))
    for mine, theirs in zip(*results, strict=True):
        assert torch.equal(mine, theirs)
    assert torch.equal(DropPath(rate).eval()(x), x)


def test_images_are_dropped_one_by_one():
    kept = DropPath(0.25)(torch.ones(4000, 2))
    assert set(kept.unique().tolist()) == {0.0, torch.tensor(1 / 0.75).item()}
    assert bool((kept[:, 0] == kept[:, 1]).all())
    assert kept.gt(0).float().mean().item() == pytest.approx(0.75, abs=0.02)
