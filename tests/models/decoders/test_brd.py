import pytest
import torch
import torch.nn.functional as F

from tsjnet_mm.models.decoders import BaseResNeStDecoder

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


def test_smaller_features_draw_a_whole_image():
    module = decoder(upsample=2, levels=2)
    detail, local = torch.randn(2, 2, 8, 12, 16)
    ir, vi = torch.rand(2, 2, 1, 24, 32)
    image, attention = module(detail, local, ir, vi)
    assert image.shape == (2, 1, 24, 32)
    assert attention.shape == (2, 2, 12, 16)


@pytest.mark.parametrize(
    ('options', 'message'),
    [({'merge': 'max'}, 'max'), ({'upsample': 2}, 'levels')],
)
def test_wrong_options_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        decoder(**options)
