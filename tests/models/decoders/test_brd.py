import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.ndimage import correlate1d

from tsjnet_mm.models.decoders import BandOutput, BaseResNeStDecoder

TRUNK = {'stem_channels': (4, 4, 8), 'planes': 4, 'expansion': 2, 'num_blocks': 1}


def decoder(**changes):
    options = {
        'in_channels': 8,
        'num_heads': 2,
        'reduced_channels': 4,
        'hidden_channels': 6,
        'trunk': TRUNK,
    }
    return BaseResNeStDecoder(**{**options, **changes}).eval()


@pytest.mark.parametrize('merge', ['sum', 'concat'])
def test_paper_decoder(merge):
    torch.manual_seed(0)
    module = decoder(merge=merge)
    detail, local = torch.randn(2, 2, 8, 12, 16)
    image, attention = module(detail, local, None, None)
    merged = local + detail if merge == 'sum' else torch.cat((local, detail), dim=1)
    features, maps = module.attention(merged)
    features = module.trunk(module.reduce(features))
    hidden = F.leaky_relu(F.conv2d(features, module.output[0].weight, padding=1))
    expected = torch.sigmoid(F.conv2d(hidden, module.output[2].weight, padding=1))
    torch.testing.assert_close(image, expected)
    torch.testing.assert_close(attention, maps)


def filtered(image, level):
    taps = np.zeros(4 * 2**level + 1)
    taps[:: 2**level] = np.array([1, 4, 6, 4, 1]) / 16
    for axis in (-2, -1):
        image = correlate1d(image, taps, axis, mode='mirror')
    return image


def literal_image(gains, ir, vi, bands):
    """What the gains (3 * bands + 4) draw of two images (H, W)."""
    sources = [ir, vi]
    image = gains[-1]
    for level in range(bands):
        smooth = [filtered(source, level) for source in sources]
        planes = [source - smoother for source, smoother in zip(sources, smooth)]
        energy = [filtered(filtered(plane**2, level), level) for plane in planes]
        stronger = np.average(planes, 0, (np.array(energy) + 1e-6) ** 6)
        for gain, plane in zip(gains[3 * level :], (stronger, *planes)):
            image = image + gain * plane
        sources = smooth
    for gain, base in zip(gains[3 * bands :], (np.maximum(*sources), *sources)):
        image = image + gain * base
    return image


def test_gains_weigh_the_bands_of_both_images():
    torch.manual_seed(0)
    output = BandOutput(8, 6, bands=2, upsample=2).double()
    features = torch.randn(1, 8, 9, 11, dtype=torch.float64)
    ir, vi = torch.rand(2, 1, 1, 18, 22, dtype=torch.float64)
    gains = torch.randn(10, dtype=torch.float64)
    with torch.no_grad():
        output.gains[-1].weight.zero_()
        output.gains[-1].bias.copy_(gains)
    expected = literal_image(gains.numpy(), ir[0, 0].numpy(), vi[0, 0].numpy(), 2)
    drawn = output(features, ir, vi)[0, 0].detach().numpy()
    np.testing.assert_allclose(drawn, expected, rtol=0, atol=1e-12)


def test_gains_follow_the_features():
    torch.manual_seed(0)
    output = BandOutput(8, 6, bands=1, upsample=2)
    torch.nn.init.normal_(output.gains[-1].weight)
    features, flat = torch.randn(1, 8, 6, 6), torch.full((1, 1, 12, 12), 0.5)
    gains = F.interpolate(
        output.gains(features), scale_factor=2, mode='bilinear', align_corners=False
    )
    expected = 0.5 * gains[:, 3:6].sum(1, keepdim=True) + gains[:, 6:]
    torch.testing.assert_close(output(features, flat, flat), expected)


def test_starts_from_classical_fusion():
    output = BandOutput(8, 6, bands=3, upsample=1)
    image = torch.rand(2, 1, 20, 24)
    # Of one image twice, every choice is the image.
    drawn = output(torch.randn(2, 8, 20, 24), image, image)
    torch.testing.assert_close(drawn, image, rtol=0, atol=0.02)
    drawn.sum().backward()
    assert (output.gains[0].weight.grad != 0).any()


def test_smaller_features_draw_a_whole_image():
    module = decoder(upsample=2, bands=2)
    detail, local = torch.randn(2, 2, 8, 12, 16)
    ir, vi = torch.rand(2, 2, 1, 24, 32)
    image, attention = module(detail, local, ir, vi)
    assert image.shape == (2, 1, 24, 32)
    assert attention.shape == (2, 2, 12, 16)


@pytest.mark.parametrize(
    ('options', 'message'),
    [({'merge': 'max'}, 'max'), ({'upsample': 2}, 'bands')],
)
def test_wrong_options_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        decoder(**options)
