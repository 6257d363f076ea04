import numpy as np
import pytest
import torch
from scipy.ndimage import correlate

from tsjnet_mm.models.peers import DenseFuse, convert_peer
from tsjnet_mm.models.peers.densefuse import convert_densefuse
from tsjnet_mm.utils.checkpoints import read_checkpoint

LAYERS = {
    'conv1': (16, 1),
    'DB1.denseblock.0.dense_conv': (16, 16),
    'DB1.denseblock.1.dense_conv': (16, 32),
    'DB1.denseblock.2.dense_conv': (16, 48),
    'conv2': (64, 64),
    'conv3': (32, 64),
    'conv4': (16, 32),
    'conv5': (1, 16),
}


@pytest.fixture
def published(fabricate):
    """Names and shapes of the authors' checkpoint for grey images."""
    shapes = {}
    for name, (out_channels, in_channels) in LAYERS.items():
        shapes[f'{name}.conv2d.weight'] = (out_channels, in_channels, 3, 3)
        shapes[f'{name}.conv2d.bias'] = (out_channels,)
    return fabricate(shapes)


def _literal_layer(published, name, features):
    """A convolution with reflected borders and a ReLU, of arrays (channels, H, W)."""
    weight = published[f'{name}.conv2d.weight'].double().numpy()
    bias = published[f'{name}.conv2d.bias'].double().numpy()
    total = [
        sum(
            correlate(feature, kernel, mode='mirror')
            for feature, kernel in zip(features, kernels, strict=True)
        )
        for kernels in weight
    ]
    return np.maximum(np.stack(total) + bias[:, None, None], 0)


def test_literal_network(published, make_pair):
    for name in published:
        published[name] = published[name] - 1 / 16
    ir, vi = make_pair(7, 9)
    codes = []
    for image in (ir, vi):
        code = _literal_layer(published, 'conv1', 255 * image[0].double().numpy())
        for index in range(3):
            layer = _literal_layer(published, f'DB1.denseblock.{index}.dense_conv', code)
            code = np.concatenate((code, layer))
        codes.append(code)
    features = (codes[0] + codes[1]) / 2
    for index in range(2, 6):
        features = _literal_layer(published, f'conv{index}', features)
    expected = torch.from_numpy(features)[None] / 255
    assert expected.max() > 0
    fused = convert_peer('densefuse', published).double().fuse_luma(ir.double(), vi.double())
    torch.testing.assert_close(fused.detach(), expected)


def test_parameters():
    assert sum(weight.numel() for weight in DenseFuse().parameters()) == 74193


def test_single_rows_are_refused():
    with pytest.raises(ValueError, match='DenseFuse fuses images from 2x2 up'):
        DenseFuse().fuse(torch.rand(1, 1, 1, 8), torch.rand(1, 1, 1, 8))


def test_converter_takes_every_entry_to_its_place(published):
    converted = convert_densefuse(published)
    DenseFuse().load_state_dict(converted)
    assert len(converted) == len(published)
    for source, target in (
        ('conv1.conv2d.weight', 'stem.0.weight'),
        ('DB1.denseblock.2.dense_conv.conv2d.bias', 'dense.2.0.bias'),
        ('conv2.conv2d.bias', 'decoder.0.0.bias'),
        ('conv5.conv2d.bias', 'decoder.3.0.bias'),
    ):
        assert converted[target] is published[source]


def test_other_weights(published):
    with pytest.raises(ValueError, match=r"not the weights of densefuse: .*'conv6\.bias'"):
        convert_peer('densefuse', {**published, 'conv6.bias': torch.zeros(1)})
    colour = {**published, 'conv1.conv2d.weight': torch.zeros(16, 3, 3, 3)}
    with pytest.raises(ValueError, match='for RGB images'):
        convert_peer('densefuse', colour)
    wider = {**published, 'conv5.conv2d.bias': torch.zeros(2)}
    with pytest.raises(
        ValueError, match=r'not the weights of densefuse: .*decoder\.3\.0\.bias'
    ):
        convert_peer('densefuse', wider)


def test_published_weights(real_data, synthetic_pair):
    checkpoint = read_checkpoint(real_data / 'weights' / 'densefuse_gray.model')
    fused = convert_peer('densefuse', checkpoint).fuse_luma(*synthetic_pair).detach()
    # Recorded from the authors' code.
    expected = [
        [0.32393, 0.22515, 0.39889, 0.24610],
        [0.21329, 0.39449, 0.26075, 0.25724],
        [0.38916, 0.57982, 0.23968, 0.39940],
        [0.29782, 0.22530, 0.40078, 0.24805],
    ]
    torch.testing.assert_close(
        fused[0, 0, ::12, ::17], torch.tensor(expected), rtol=0, atol=2e-5
    )
    assert fused.mean().item() == pytest.approx(0.350628, abs=2e-6)
