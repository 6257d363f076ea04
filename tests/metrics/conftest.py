import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter


def _scene(rng, height, width):
    smooth = gaussian_filter(rng.standard_normal((height, width)), 6)
    fine = gaussian_filter(rng.standard_normal((height, width)), 1)
    image = smooth / smooth.std() * 40 + fine / fine.std() * 8 + 110
    top, left = height // 3, width // 4
    image[top : 2 * top, left : 2 * left] += 60
    return np.clip(image, 0, 255).round()


@pytest.fixture
def triple():
    """Fused, ir and vi as float64 (B, 1, H, W); odd sizes, borders cut Q_CV's blocks."""
    rng = np.random.default_rng(3)
    images = np.stack([[_scene(rng, 59, 75)] for _ in range(6)])
    ir, vi = torch.from_numpy(images).split(3)
    fused = (0.4 * ir + 0.6 * vi + torch.from_numpy(rng.normal(0, 3, ir.shape))).clamp(0, 255)
    return fused.round(), ir, vi
