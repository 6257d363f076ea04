import torch

from tsjnet_mm.models.encoders import BaseResNeStEncoder


def test_default_keeps_the_resolution_at_the_released_widths():
    encoder = BaseResNeStEncoder().eval()
    features = encoder(torch.rand(1, 1, 9, 13))
    assert features.shape == (1, 64, 9, 13)
    assert 0 <= features.min() <= features.max() <= 6
    widths = [layer.out_channels for layer in encoder.refine if hasattr(layer, 'weight')]
    assert widths == [256, 128, 64]
    assert encoder.out_channels == 64
    assert encoder.stride == 1


def test_stride_halves_features():
    trunk = {'stem_channels': (4, 4, 8), 'planes': 4, 'expansion': 2, 'stride': 2}
    encoder = BaseResNeStEncoder(embed_channels=5, refine_channels=(6,), trunk=trunk)
    features = encoder(torch.rand(2, 1, 16, 20))
    assert features.shape == (2, 6, 8, 10)
    assert encoder.stride == 2
