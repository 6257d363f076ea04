import numpy as np
import pytest
import torch
from scipy.ndimage import correlate1d, zoom

from tsjnet_mm.models.decoders import BaseResNeStDecoder, PyramidOutput


def halved(image):
    return image.reshape(image.shape[0] // 2, 2, image.shape[1] // 2, 2).mean((1, 3))


def doubled(image):
    """Bilinear interpolation by scipy: pixel centres stay where they are."""
    padded = np.pad(image, 1, mode='edge')
    larger = zoom(padded, 2, order=1, grid_mode=True, mode='nearest')
    return larger[2:-2, 2:-2]


def smoothed(image):
    for axis in (-2, -1):
        image = correlate1d(image, [0.25, 0.5, 0.25], axis, mode='nearest')
    return image


def literal_image(gains, ir, vi, levels):
    """What constant weights (3 * levels + 4) make of two images (H, W)."""
    sources, added = [ir, vi], []
    for level in range(levels):
        smaller = [halved(source) for source in sources]
        planes = [a - doubled(b) for a, b in zip(sources, smaller)]
        energy = np.array([smoothed(halved(plane**2)) for plane in planes])
        shares = (energy + 1e-6) ** 6 / ((energy + 1e-6) ** 6).sum(0)
        stronger, *each = gains[3 * level : 3 * level + 3]
        added.append(
            sum(
                doubled(stronger * share + gain) * plane
                for share, gain, plane in zip(shares, each, planes)
            )
        )
        sources = smaller
    of_larger, of_ir, of_vi, offset = gains[3 * levels :]
    image = of_larger * np.maximum(*sources) + of_ir * sources[0] + of_vi * sources[1] + offset
    for detail in reversed(added):
        image = doubled(image) + detail
    return image


def constant(output, gains):
    with torch.no_grad():
        output.gains[-1].weight.zero_()
        output.gains[-1].bias.copy_(torch.as_tensor(gains))
    return output


@pytest.mark.parametrize(('levels', 'stride'), [(1, 2), (3, 4), (3, 8)])
def test_weights_weigh_the_levels_of_both_images(levels, stride):
    torch.manual_seed(0)
    ir, vi = torch.rand(2, 1, 1, 32, 48, dtype=torch.float64)
    gains = torch.randn(3 * levels + 4, dtype=torch.float64)
    output = constant(PyramidOutput(8, 6, levels, stride).double(), gains)
    features = torch.randn(1, 8, 32 // stride, 48 // stride, dtype=torch.float64)
    drawn = output(features, ir, vi)[0, 0].detach().numpy()
    expected = literal_image(gains.numpy(), ir[0, 0].numpy(), vi[0, 0].numpy(), levels)
    np.testing.assert_allclose(drawn, expected, rtol=0, atol=1e-12)


def test_of_each_image_alone_the_weights_give_it_back():
    ir, vi = torch.rand(2, 1, 1, 32, 48)
    features = torch.zeros(1, 8, 4, 6)
    for image, gains in (
        (ir, [0, 1, 0] * 4 + [0, 1, 0, 0]),
        (vi, [0, 0, 1] * 4 + [0, 0, 1, 0]),
    ):
        output = constant(PyramidOutput(8, 6, 4, 8), [float(gain) for gain in gains])
        torch.testing.assert_close(output(features, ir, vi), image)


def test_starts_from_classical_fusion():
    output = PyramidOutput(8, 6, levels=3, stride=4)
    image = torch.rand(2, 1, 32, 48)
    # Of one image twice, the stronger detail and the larger base are the image's.
    drawn = output(torch.randn(2, 8, 8, 12), image, image)
    torch.testing.assert_close(drawn, image, rtol=0, atol=0.02)
    drawn.sum().backward()
    assert (output.gains[0].weight.grad != 0).any()


def test_without_source_images_the_offset_is_drawn():
    output = PyramidOutput(8, 6, levels=2, stride=4)
    torch.nn.init.normal_(output.gains[-1].weight)
    features, image = torch.randn(3, 8, 4, 6), torch.rand(1, 1, 16, 24)
    drawn = output(features, image, image, without_sources=2)
    assert drawn.shape == (3, 1, 16, 24)
    offset = output.gains(features)[1:, -1:]
    expected = torch.nn.functional.interpolate(
        offset, scale_factor=4, mode='bilinear', align_corners=False
    )
    torch.testing.assert_close(drawn[1:], expected)
    torch.testing.assert_close(drawn[:1], output(features[:1], image, image))


def test_half_precision_computes_the_levels_in_single():
    """In bfloat16, an energy of 1e-6 would vanish next to others."""
    torch.manual_seed(0)
    output = PyramidOutput(8, 6, levels=2, stride=4)
    features, (ir, vi) = torch.randn(1, 8, 4, 6), torch.rand(2, 1, 1, 16, 24)
    expected = output(features, ir, vi)
    with torch.autocast('cpu', torch.bfloat16):
        drawn = output(features, ir, vi)
    assert drawn.dtype == torch.float32
    torch.testing.assert_close(drawn, expected, rtol=0, atol=0.02)


def test_decoder_with_levels():
    trunk = {'stem_channels': (4, 4, 8), 'planes': 4, 'expansion': 2, 'num_blocks': 0}
    module = BaseResNeStDecoder(
        in_channels=8, num_heads=0, reduced_channels=4, upsample=4, levels=3, trunk=trunk
    ).eval()
    assert isinstance(module.output, PyramidOutput) and module.divisor == 8
    assert module.trunk.out_channels == 8 and not module.has_attention
    detail, local = torch.randn(2, 1, 8, 6, 4)
    image, attention = module(detail, local, *torch.rand(2, 1, 1, 24, 16))
    assert image.shape == (1, 1, 24, 16) and attention is None
