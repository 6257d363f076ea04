import numpy as np
import pytest
import torch
from scipy.ndimage import correlate

from tsjnet_mm.models.peers import SAGE, convert_peer
from tsjnet_mm.models.peers.sage import convert_sage
from tsjnet_mm.utils.checkpoints import read_checkpoint


def _layer(name, index, in_channels, size=3):
    norm = ('weight', 'bias', 'running_mean', 'running_var')
    return {
        f'{name}.{index}.weight': (32, in_channels, size, size),
        f'{name}.{index}.bias': (32,),
        **{f'{name}.{index + 1}.{entry}': (32,) for entry in norm},
        f'{name}.{index + 1}.num_batches_tracked': (),
    }


@pytest.fixture
def published(fabricate):
    """Names and shapes of the authors' checkpoint."""
    shapes = {}
    for number in range(1, 6):
        for index in (0, 3, 6):
            is_first = number == 1 and index == 0
            shapes |= _layer(f'module{number}', index, 2 if is_first else 32)
    for number in (4, 5):
        shapes |= _layer(f'adjust_channels{number}', 0, 64, size=1)
    shapes |= {'final_decoder.0.weight': (1, 32, 3, 3), 'final_decoder.0.bias': (1,)}
    return fabricate(shapes)


def test_parameters(published):
    assert len(published) == 121
    assert sum(weight.numel() for weight in SAGE().parameters()) == 135617


def _values(tensor):
    return tensor.detach().double().numpy()


def _filter(conv, planes):
    return np.stack(
        [
            sum(correlate(*pair, mode='constant') for pair in zip(planes, kernels, strict=True))
            for kernels in _values(conv.weight)
        ]
    ) + _values(conv.bias).reshape(-1, 1, 1)


def _apply(layers, planes):
    """Convolutions, normalisations and activations, one plane after the other."""
    for layer in layers:
        if isinstance(layer, torch.nn.Conv2d):
            planes = _filter(layer, planes)
        elif isinstance(layer, torch.nn.BatchNorm2d):
            scale = _values(layer.weight) / np.sqrt(_values(layer.running_var) + layer.eps)
            shift = _values(layer.bias) - scale * _values(layer.running_mean)
            planes = planes * scale.reshape(-1, 1, 1) + shift.reshape(-1, 1, 1)
        else:
            planes = np.where(planes < 0, 0.01 * planes, planes)
    return planes


def _halve(planes):
    height, width = planes.shape[1] // 2, planes.shape[2] // 2
    kept = planes[:, : 2 * height, : 2 * width]
    return kept.reshape(len(planes), height, 2, width, 2).max((2, 4))


def _enlarge(planes, size):
    """Along one axis after the other, by linear interpolation between the pixels' middles."""
    for axis, length in zip((1, 2), size, strict=True):
        count = planes.shape[axis]
        places = (np.arange(length) + 0.5) * count / length - 0.5
        planes = np.apply_along_axis(
            lambda line, places=places: np.interp(places, np.arange(len(line)), line),
            axis,
            planes,
        )
    return planes


@pytest.mark.parametrize('size', [(12, 16), (11, 14), (4, 7)])
def test_literal_network(size, make_pair):
    fusor = SAGE(channels=2)
    for layer in fusor.modules():
        layer.momentum = 1  # So the statistics become those of the batch.
    fusor.fuse_luma(*make_pair(12, 12, batch=2))
    fusor.eval()
    ir, vi = make_pair(*size)
    fine = _apply(fusor.fine, _values(torch.cat((vi, ir), dim=1))[0])
    middle = _apply(fusor.middle, _halve(fine))
    features = _apply(fusor.coarse, _halve(middle))
    for join, skipped in ((fusor.join_middle, middle), (fusor.join_fine, fine)):
        both = np.concatenate((_enlarge(features, skipped.shape[1:]), skipped))
        features = _apply(join.refine, _apply(join.project, both))
    expected = np.tanh(_filter(fusor.head, features)[0])
    np.testing.assert_allclose(fusor.fuse_luma(ir, vi)[0, 0].detach(), expected, atol=1e-5)


def test_converter_takes_every_entry_to_its_place(published):
    converted = convert_sage(published)
    SAGE().load_state_dict(converted)
    assert len(converted) == len(published)
    for source, target in (
        ('module1.0.weight', 'fine.0.weight'),
        ('module2.4.running_mean', 'middle.4.running_mean'),
        ('module3.6.bias', 'coarse.6.bias'),
        ('adjust_channels4.0.weight', 'join_middle.project.0.weight'),
        ('module4.3.weight', 'join_middle.refine.3.weight'),
        ('adjust_channels5.1.bias', 'join_fine.project.1.bias'),
        ('module5.7.weight', 'join_fine.refine.7.weight'),
        ('final_decoder.0.bias', 'head.bias'),
    ):
        assert converted[target] is published[source]


def test_other_weights(published):
    with pytest.raises(ValueError, match=r"not the weights of sage: .*'module6\.0\.bias'"):
        convert_peer('sage', {**published, 'module6.0.bias': torch.zeros(1)})
    del published['module5.7.weight']
    with pytest.raises(ValueError, match=r'1 are missing \(join_fine\.refine\.7\.weight\)'):
        convert_peer('sage', published)


def test_too_small():
    fusor = SAGE(channels=1).eval()
    assert fusor.fuse(torch.rand(1, 1, 4, 9), torch.rand(1, 1, 4, 9)).shape == (1, 1, 4, 9)
    with pytest.raises(ValueError, match='SAGE fuses images from 4x4 up'):
        fusor.fuse(torch.rand(1, 1, 3, 9), torch.rand(1, 1, 3, 9))


def test_published_weights(real_data, synthetic_pair):
    checkpoint = read_checkpoint(real_data / 'weights' / 'sage.pt')
    fused = convert_peer('sage', checkpoint).fuse_luma(*synthetic_pair).detach()
    # Recorded from the authors' code.
    expected = [
        [0.38545, 0.25297, 0.54852, 0.33394],
        [0.24557, 0.49640, 0.29246, 0.28085],
        [0.52476, 0.85838, 0.22140, 0.57460],
        [0.36907, 0.25248, 0.50797, 0.27776],
    ]
    torch.testing.assert_close(
        fused[0, 0, ::12, ::17], torch.tensor(expected), rtol=0, atol=2e-5
    )
    assert fused.mean().item() == pytest.approx(0.446431, abs=2e-6)
