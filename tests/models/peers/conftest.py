import math

import pytest
import torch


@pytest.fixture(scope='session')
def make_pair():
    """Random pair (2, batch, 1, H, W): unpack it into infrared and visible."""

    def make(height, width, batch=1):
        generator = torch.Generator().manual_seed(height + width)
        return torch.rand(2, batch, 1, height, width, generator=generator)

    return make


@pytest.fixture(scope='session')
def synthetic_pair():
    """37x53: waves of different directions, a warm disc, a bright stripe; the same anywhere."""
    y, x = torch.meshgrid(
        torch.linspace(0, 1, 37, dtype=torch.float64),
        torch.linspace(0, 1, 53, dtype=torch.float64),
        indexing='ij',
    )
    disc = ((y - 0.6) ** 2 + (x - 0.3) ** 2 < 0.04).double()
    stripe = ((x > 0.7) & (x < 0.78)).double()
    ir = 0.25 + 0.1 * torch.sin(2 * math.pi * 3 * y) + 0.6 * disc
    vi = 0.35 + 0.2 * torch.sin(2 * math.pi * (5 * x + 2 * y)) + 0.4 * stripe
    return ir.float()[None, None], vi.float()[None, None]


@pytest.fixture(scope='session')
def fabricate():
    """A state dict of the given names and shapes; () is a counter of batches."""

    def make(shapes):
        generator = torch.Generator().manual_seed(0)
        return {
            name: torch.rand(shape, generator=generator) / 8 if shape else torch.tensor(1)
            for name, shape in shapes.items()
        }

    return make


@pytest.fixture(scope='session')
def conv_norm_shapes():
    """Shapes of a 3x3 convolution and its normalisation in an ``nn.Sequential``, by name."""

    def shapes(name, in_channels, out_channels):
        norm = ('weight', 'bias', 'running_mean', 'running_var')
        return {
            f'{name}.0.weight': (out_channels, in_channels, 3, 3),
            f'{name}.0.bias': (out_channels,),
            **{f'{name}.1.{entry}': (out_channels,) for entry in norm},
            f'{name}.1.num_batches_tracked': (),
        }

    return shapes
