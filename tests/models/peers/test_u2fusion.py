import numpy as np
import pytest
import torch
from scipy.ndimage import correlate

from tsjnet_mm.models.peers.u2fusion import U2Fusion, convert_u2fusion
from tsjnet_mm.utils.checkpoints import read_checkpoint


def _conv(name, in_channels, out_channels):
    return {
        f'{name}/kernel': (3, 3, in_channels, out_channels),
        f'{name}/bias': (out_channels,),
    }


@pytest.fixture
def published(fabricate):
    """Names and shapes of the authors' checkpoint."""
    shapes = _conv('Generator/encoder/conv1_1', 2, 44)
    for index in range(1, 6):
        shapes |= _conv(f'Generator/encoder/dense_block_conv{index}', 44 * index, 44)
    for index, widths in enumerate(((264, 128), (128, 64), (64, 32), (32, 1)), 1):
        shapes |= _conv(f'Generator_1/decoder/conv2_{index}', *widths)
    return fabricate(shapes)


def _fuse(values, pair):
    fusor = U2Fusion().eval()
    fusor.load_state_dict(convert_u2fusion(values))
    return fusor.fuse_luma(*pair).detach()


def test_parameters():
    assert sum(weight.numel() for weight in U2Fusion().parameters()) == 659217


def _filter(conv, planes):
    """A convolution with reflected borders, one plane after the other."""
    weight, bias = (value.detach().double().numpy() for value in (conv.weight, conv.bias))
    return [
        sum(correlate(*pair, mode='mirror') for pair in zip(planes, kernels, strict=True)) + by
        for kernels, by in zip(weight, bias, strict=True)
    ]


def _leaky(planes):
    return [np.where(plane < 0, plane / 5, plane) for plane in planes]


def test_literal_network(make_pair):
    ir, vi = make_pair(8, 7)
    fusor = U2Fusion(channels=2, depth=2, decoder_channels=(3,)).eval()
    planes = _leaky(_filter(fusor.stem[0], [vi[0, 0].numpy(), ir[0, 0].numpy()]))
    for layer in fusor.dense:
        # What is new comes first.
        planes = _leaky(_filter(layer[0], planes)) + planes
    planes = _leaky(_filter(fusor.decoder[0][0], planes))
    fused = np.tanh(_filter(fusor.decoder[1], planes)[0]) / 2 + 0.5
    np.testing.assert_allclose(fusor.fuse_luma(ir, vi)[0, 0].detach(), fused, atol=1e-6)


def test_converter_takes_every_entry_to_its_place(published):
    converted = convert_u2fusion(published)
    U2Fusion().load_state_dict(converted)
    assert len(converted) == len(published)
    for source, target in (
        ('Generator/encoder/conv1_1', 'stem.0'),
        ('Generator/encoder/dense_block_conv1', 'dense.0.0'),
        ('Generator/encoder/dense_block_conv5', 'dense.4.0'),
        ('Generator_1/decoder/conv2_1', 'decoder.0.0'),
        ('Generator_1/decoder/conv2_4', 'decoder.3'),
    ):
        assert converted[f'{target}.bias'] is published[f'{source}/bias']
        kernel, weight = published[f'{source}/kernel'], converted[f'{target}.weight']
        assert weight[0, 1, 2, 0] == kernel[2, 0, 1, 0]
        assert torch.equal(weight[-1, -1], kernel[:, :, -1, -1])


def test_forms_of_the_checkpoint(published):
    converted = convert_u2fusion(published)
    arrays = {name: value.numpy() for name, value in published.items()}
    # The data file has the variables in the order of their names.
    row = torch.cat([published[name].flatten() for name in sorted(published)])
    for form in (arrays, row, row.numpy()):
        again = convert_u2fusion(form)
        assert again.keys() == converted.keys()
        assert all(torch.equal(again[name], converted[name]) for name in converted)


def test_other_weights(published):
    with pytest.raises(ValueError, match=r"unknown entry 'Generator/encoder/conv1_2/bias'"):
        convert_u2fusion({**published, 'Generator/encoder/conv1_2/bias': torch.zeros(1)})
    with pytest.raises(ValueError, match=r'expected 659217 values, found shape \(5,\)'):
        convert_u2fusion(torch.zeros(5))
    with pytest.raises(ValueError, match='expected variables by name, found list'):
        convert_u2fusion([1])


def test_recorded_from_the_authors_graph(synthetic_pair):
    # A row of numbers that anyone can make again.
    row = torch.sin(torch.arange(659217, dtype=torch.float64).square() / 10) * 0.08
    fused = _fuse(row.float(), synthetic_pair)
    expected = [
        [0.37684, 0.38679, 0.36174, 0.38748],
        [0.39604, 0.36833, 0.40792, 0.33468],
        [0.34437, 0.47803, 0.37222, 0.37112],
        [0.37722, 0.36491, 0.35002, 0.40915],
    ]
    torch.testing.assert_close(
        fused[0, 0, ::12, ::17], torch.tensor(expected), rtol=0, atol=2e-5
    )
    assert fused.mean().item() == pytest.approx(0.392415, abs=2e-6)


def test_published_weights(real_data, synthetic_pair):
    path = real_data / 'weights' / 'u2fusion.pth'
    if not path.is_file():
        pytest.skip(f'no {path}: u2fusion.py says how to make it of the published file')
    fused = _fuse(read_checkpoint(path), synthetic_pair)
    # Recorded from the authors' graph.
    expected = [
        [0.39049, 0.15967, 0.37189, 0.27254],
        [0.16276, 0.39532, 0.18637, 0.22334],
        [0.29811, 0.57185, 0.14242, 0.37716],
        [0.23835, 0.15698, 0.31278, 0.14649],
    ]
    torch.testing.assert_close(
        fused[0, 0, ::12, ::17], torch.tensor(expected), rtol=0, atol=2e-5
    )
    assert fused.mean().item() == pytest.approx(0.314264, abs=2e-6)
