import numpy as np
import pytest
import torch
from PIL import Image
from scipy.ndimage import convolve1d, gaussian_filter

from tsjnet_mm.evaluation.functional import cc, mse, qcv, vif
from tsjnet_mm.models.fusors.classical import (
    AverageFusor,
    LaplacianPyramidFusor,
    MaxFusor,
)
from tsjnet_mm.registry import MODELS
from tsjnet_mm.structures import FusionDataSample

FUSORS = pytest.mark.parametrize('name', ['AverageFusor', 'MaxFusor', 'LaplacianPyramidFusor'])


def _pair(*size, batch=1, channels=1):
    generator = torch.Generator().manual_seed(sum(size))
    return (
        torch.rand(batch, 1, *size, generator=generator),
        torch.rand(batch, channels, *size, generator=generator),
    )


@FUSORS
@pytest.mark.parametrize('size', [(16, 16), (17, 31), (33, 64), (75, 50)])
@pytest.mark.parametrize('channels', [1, 3])
def test_any_size(name, size, channels):
    fused = MODELS.build({'type': name}).fuse(*_pair(*size, batch=2, channels=channels))
    assert fused.shape == (2, 1, *size) and fused.dtype == torch.float32
    assert fused.min() >= 0 and fused.max() <= 1


@FUSORS
@pytest.mark.parametrize('size', [(48, 64), (37, 53)])
def test_equal_images_come_back(name, size):
    image, _ = _pair(*size)
    fused = MODELS.build({'type': name}).fuse(image, image)
    torch.testing.assert_close(fused, image, rtol=0, atol=1e-6)


@FUSORS
def test_modalities_are_interchangeable(name):
    ir, vi = _pair(41, 33)
    fusor = MODELS.build({'type': name})
    torch.testing.assert_close(fusor.fuse(ir, vi), fusor.fuse(vi, ir))


@FUSORS
def test_batch_equals_single_images(name):
    ir, vi = _pair(40, 56, batch=3)
    fusor = MODELS.build({'type': name})
    singles = [fusor.fuse(ir[i : i + 1], vi[i : i + 1]) for i in range(3)]
    assert torch.equal(fusor.fuse(ir, vi), torch.cat(singles))


@FUSORS
def test_predict_through_the_preprocessor(name):
    pairs = [_pair(32, 40, channels=3), _pair(24, 48, channels=3)]
    samples = [FusionDataSample(metainfo={'img_shape': tuple(ir.shape[2:])}) for ir, _ in pairs]
    fusor = MODELS.build({'type': name})
    results = fusor.test_step(
        {
            'inputs': {'ir': [ir[0] for ir, _ in pairs], 'vi': [vi[0] for _, vi in pairs]},
            'data_samples': samples,
        }
    )
    assert [tuple(result.fused.data.shape) for result in results] == [(1, 32, 40), (1, 24, 48)]


@FUSORS
def test_nothing_to_train(name):
    fusor = MODELS.build({'type': name})
    assert not list(fusor.parameters())
    ir, vi = _pair(16, 16)
    with pytest.raises(RuntimeError, match=f'{name} has nothing to train'):
        fusor({'ir': ir, 'vi': vi}, mode='loss')


def test_average_and_maximum():
    ir, vi, mean, brighter = (
        torch.tensor(values).view(1, 1, 1, 2)
        for values in ([0.2, 0.8], [0.6, 0.4], [0.4, 0.6], [0.6, 0.8])
    )
    torch.testing.assert_close(AverageFusor().fuse(ir, vi), mean)
    assert torch.equal(MaxFusor().fuse(ir, vi), brighter)


def _blur(image):
    taps = np.array([1, 4, 6, 4, 1]) / 16
    return convolve1d(convolve1d(image, taps, 0, mode='mirror'), taps, 1, mode='mirror')


def _enlarge(image, size):
    sparse = np.zeros(size)
    sparse[::2, ::2] = image
    return 4 * _blur(sparse)


def _pyramid_reference(ir, vi, levels=4, max_weight=0.3, sigma=1.5):
    """Recursive: fuse the halved pair, then add each pair's own stronger detail."""
    if levels == 0:
        return max_weight * np.maximum(ir, vi) + (1 - max_weight) * (ir + vi) / 2
    halved = _blur(ir)[::2, ::2], _blur(vi)[::2, ::2]
    detail_ir, detail_vi = (
        image - _enlarge(half, image.shape)
        for image, half in zip((ir, vi), halved, strict=True)
    )
    stronger = gaussian_filter(detail_ir**2, sigma, mode='mirror') > gaussian_filter(
        detail_vi**2, sigma, mode='mirror'
    )
    coarse = _pyramid_reference(*halved, levels - 1, max_weight, sigma)
    return _enlarge(coarse, ir.shape) + np.where(stronger, detail_ir, detail_vi)


@pytest.mark.parametrize('size', [(64, 96), (37, 53), (16, 16)])
@pytest.mark.parametrize(
    'options',
    [{}, {'levels': 2}, {'max_weight': 1.0}, {'energy_sigma': 3.0}],
    ids=['default', 'levels', 'max_weight', 'energy_sigma'],
)
def test_pyramid_equals_reference(size, options):
    # In float64, since a near tie of the energies may fall either way in float32.
    ir, vi = (image.double() for image in _pair(*size))
    arguments = {
        'sigma' if name == 'energy_sigma' else name: value for name, value in options.items()
    }
    expected = _pyramid_reference(ir[0, 0].numpy(), vi[0, 0].numpy(), **arguments)
    fused = LaplacianPyramidFusor(**options).fuse(ir, vi)
    torch.testing.assert_close(
        fused[0, 0], torch.from_numpy(expected).clamp(0, 1), rtol=0, atol=1e-12
    )


def test_pyramid_keeps_the_texture_of_either_source():
    row = torch.arange(64)
    texture = (0.5 + 0.2 * (-1.0) ** row).expand(64, 64)
    left = (row < 32).float()
    ir = texture * left + 0.5 * (1 - left)
    vi = texture.T * (1 - left) + 0.5 * left
    fused = LaplacianPyramidFusor().fuse(ir[None, None], vi[None, None])[0, 0]
    inner = np.s_[8:56, 8:24]
    torch.testing.assert_close(fused[inner], ir[inner], rtol=0, atol=0.02)
    inner = np.s_[8:56, 40:56]
    torch.testing.assert_close(fused[inner], vi[inner], rtol=0, atol=0.02)


def test_pyramid_base_leans_to_the_brighter_image():
    dark, bright = torch.full((1, 1, 32, 32), 0.2), torch.full((1, 1, 32, 32), 0.8)
    fused = LaplacianPyramidFusor().fuse(dark, bright)
    torch.testing.assert_close(fused, torch.full_like(fused, 0.3 * 0.8 + 0.7 * 0.5))


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'levels': 0}, 'levels must be at least 1, got 0'),
        ({'max_weight': 1.5}, r'max_weight must be in \[0, 1\], got 1.5'),
        ({'energy_sigma': 0}, 'energy_sigma must be above 0, got 0'),
    ],
)
def test_pyramid_option_errors(options, message):
    with pytest.raises(ValueError, match=message):
        LaplacianPyramidFusor(**options)


def test_pyramid_smallest_size():
    with pytest.raises(ValueError, match='from 16x16 up'):
        LaplacianPyramidFusor().fuse(*_pair(15, 40))
    assert LaplacianPyramidFusor(levels=2).fuse(*_pair(4, 40)).shape == (1, 1, 4, 40)


@pytest.mark.slow
def test_measured_row_on_msrs(real_data):
    """The row that an independent implementation gave on every sixth pair, 8-bit luma."""
    expected = {mse: 1338, cc: 0.641, qcv: 351, vif: 0.479}
    folder = real_data / 'MSRS' / 'test'
    names = sorted(path.name for path in (folder / 'ir').iterdir())[::6]
    assert len(names) == 30
    fusor = LaplacianPyramidFusor()
    sums = dict.fromkeys(expected, 0.0)
    for name in names:
        ir = np.asarray(Image.open(folder / 'ir' / name).convert('L'), dtype=np.float32)
        rgb = np.asarray(Image.open(folder / 'vi' / name).convert('RGB'), dtype=np.float64)
        vi = np.round(rgb @ (0.299, 0.587, 0.114)).astype(np.float32)
        ir, vi = (torch.from_numpy(image)[None, None] for image in (ir, vi))
        fused = (fusor.fuse(ir / 255, vi / 255) * 255).round()
        for metric in expected:
            sums[metric] += metric(fused, ir, vi).item()
    for metric, value in expected.items():
        assert sums[metric] / 30 == pytest.approx(value, rel=0.002), metric.__name__


def test_inference_copy_is_the_fusor_itself_in_float32():
    fusor = LaplacianPyramidFusor()
    assert fusor.for_inference(torch.bfloat16) is fusor
    assert fusor.inference_dtype is None
