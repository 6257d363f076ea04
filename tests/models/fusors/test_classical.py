import numpy as np
import pytest
import torch
from PIL import Image
from scipy.ndimage import convolve1d, gaussian_filter

from tsjnet_mm.metrics import cc, mse, qcv, vif
from tsjnet_mm.models.fusors.classical import (
    AverageFusor,
    GuidedFilterFusor,
    LaplacianPyramidFusor,
    MaxFusor,
    WaveletFusor,
)
from tsjnet_mm.models.fusors.presets import fusor_config
from tsjnet_mm.registry import MODELS
from tsjnet_mm.structures import FusionDataSample

FUSORS = pytest.mark.parametrize(
    'name',
    [
        'AverageFusor',
        'MaxFusor',
        'LaplacianPyramidFusor',
        'WaveletFusor',
        'GuidedFilterFusor',
    ],
)


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


@pytest.mark.parametrize('ir_level, vi_level', [(0.2, 0.8), (0.8, 0.2)])
def test_pyramid_can_be_as_bright_as_the_visible_image(ir_level, vi_level):
    ir, vi = (torch.full((1, 1, 32, 32), level) for level in (ir_level, vi_level))
    fused = LaplacianPyramidFusor(max_weight=0, visible_weight=1).fuse(ir, vi)
    torch.testing.assert_close(fused, vi)
    fused = LaplacianPyramidFusor(max_weight=0.5, visible_weight=0.75).fuse(ir, vi)
    expected = 0.5 * 0.8 + 0.5 * (0.75 * vi_level + 0.25 * ir_level)
    torch.testing.assert_close(fused, torch.full_like(fused, expected))


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'levels': 0}, 'levels must be at least 1, got 0'),
        ({'max_weight': 1.5}, r'max_weight must be in \[0, 1\], got 1.5'),
        ({'visible_weight': -0.5}, r'visible_weight must be in \[0, 1\], got -0.5'),
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
    fusor = MODELS.build(fusor_config('laplacian'))
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


@pytest.mark.parametrize('name', ['WaveletFusor', 'GuidedFilterFusor'])
@pytest.mark.parametrize('size', [(1, 1), (1, 9), (3, 2)])
def test_tiny_images(name, size):
    ir, vi = _pair(*size)
    fused = MODELS.build({'type': name}).fuse(ir, vi)
    assert fused.shape == ir.shape and torch.isfinite(fused).all()


@pytest.mark.parametrize('name', ['WaveletFusor', 'GuidedFilterFusor'])
def test_constant_images_are_averaged(name):
    dark, bright = torch.full((1, 1, 40, 33), 0.2), torch.full((1, 1, 40, 33), 0.8)
    fused = MODELS.build({'type': name}).fuse(dark, bright)
    torch.testing.assert_close(fused, torch.full_like(fused, 0.5))


@pytest.mark.parametrize('name', ['WaveletFusor', 'GuidedFilterFusor'])
@pytest.mark.parametrize('axes', [(2,), (3,), (2, 3)])
def test_flips(name, axes):
    ir, vi = _pair(36, 51)
    fusor = MODELS.build({'type': name})
    flipped = fusor.fuse(ir.flip(axes), vi.flip(axes)).flip(axes)
    torch.testing.assert_close(flipped, fusor.fuse(ir, vi), rtol=0, atol=1e-5)


def _wavelets_reference(image, levels):
    planes = []
    for level in range(levels):
        taps = np.zeros(4 * 2**level + 1)
        taps[:: 2**level] = np.array([1, 4, 6, 4, 1]) / 16
        smoother = convolve1d(convolve1d(image, taps, 0, mode='mirror'), taps, 1, mode='mirror')
        planes.append(image - smoother)
        image = smoother
    return planes, image


@pytest.mark.parametrize('size', [(64, 96), (37, 53), (7, 11)])
@pytest.mark.parametrize('levels', [1, 4])
def test_wavelets_equal_reference(size, levels):
    ir, vi = (image.double() for image in _pair(*size))
    ir_planes, ir_base = _wavelets_reference(ir[0, 0].numpy(), levels)
    vi_planes, vi_base = _wavelets_reference(vi[0, 0].numpy(), levels)
    expected = (ir_base + vi_base) / 2 + sum(
        np.where(np.abs(a) > np.abs(b), a, b) for a, b in zip(ir_planes, vi_planes, strict=True)
    )
    fused = WaveletFusor(levels).fuse_luma(ir, vi)[0, 0]
    torch.testing.assert_close(fused, torch.from_numpy(expected), rtol=0, atol=1e-12)


def test_wavelet_fusion_of_equal_images_is_perfect_reconstruction():
    image = _pair(45, 61)[0].double()
    fused = WaveletFusor(levels=6).fuse_luma(image, image)
    torch.testing.assert_close(fused, image, rtol=0, atol=1e-14)


def test_wavelet_fusion_is_shift_invariant():
    ir, vi = _pair(96, 96)
    fused = WaveletFusor(levels=3).fuse(ir, vi)
    shifted = WaveletFusor(levels=3).fuse(ir[..., 3:, 5:], vi[..., 3:, 5:])
    # Beyond the reach of the border: 2 + 4 + 8 pixels.
    torch.testing.assert_close(shifted[..., 14:, 14:], fused[..., 17:, 19:], rtol=0, atol=1e-6)


def _box_reference(image, radius):
    mean = np.empty_like(image)
    for y, x in np.ndindex(image.shape):
        window = image[max(y - radius, 0) : y + radius + 1, max(x - radius, 0) : x + radius + 1]
        mean[y, x] = window.mean()
    return mean


def _guided_reference(guide, image, radius, eps):
    """He, Sun and Tang's equations 5, 6 and 8, window by window."""
    slope, offset = np.empty_like(image), np.empty_like(image)
    for y, x in np.ndindex(image.shape):
        area = np.s_[max(y - radius, 0) : y + radius + 1, max(x - radius, 0) : x + radius + 1]
        patch, values = guide[area], image[area]
        slope[y, x] = np.mean((patch - patch.mean()) * (values - values.mean())) / (
            patch.var() + eps
        )
        offset[y, x] = values.mean() - slope[y, x] * patch.mean()
    return _box_reference(slope, radius) * guide + _box_reference(offset, radius)


def _guided_fusion_reference(ir, vi, base_size=31, saliency_sigma=5, filters=None):
    filters = filters or [(45, 0.3), (7, 1e-6)]
    cross = np.array([1, -2, 1])
    saliencies = [
        gaussian_filter(
            np.abs(
                convolve1d(image, cross, 0, mode='mirror')
                + convolve1d(image, cross, 1, mode='mirror')
            ),
            saliency_sigma,
            mode='mirror',
            radius=int(np.ceil(saliency_sigma)),
        )
        for image in (ir, vi)
    ]
    choices = [(saliency == np.maximum(*saliencies)).astype(float) for saliency in saliencies]
    bases = [_box_reference(image, base_size // 2) for image in (ir, vi)]
    details = [image - base for image, base in zip((ir, vi), bases, strict=True)]
    fused = np.zeros_like(ir)
    for parts, arguments in zip((bases, details), filters, strict=True):
        weights = [
            np.clip(_guided_reference(image, choice, *arguments), 0, 1)
            for image, choice in zip((ir, vi), choices, strict=True)
        ]
        fused += (weights[0] * parts[0] + weights[1] * parts[1]) / (weights[0] + weights[1])
    return fused


@pytest.mark.parametrize(
    ('size', 'options', 'reference_options'),
    [
        ((37, 53), {}, {}),
        (
            (64, 33),
            {'base_size': 7, 'saliency_sigma': 1.5},
            {'base_size': 7, 'saliency_sigma': 1.5},
        ),
        (
            (30, 41),
            {'base_radius': 4, 'base_eps': 0.1, 'detail_radius': 2, 'detail_eps': 1e-3},
            {'filters': [(4, 0.1), (2, 1e-3)]},
        ),
    ],
    ids=['default', 'saliency', 'filters'],
)
def test_guided_filter_fusion_equals_reference(size, options, reference_options):
    ir, vi = (image.double() for image in _pair(*size))
    # Where one image is smooth the other is chosen over large areas.
    ir[..., : size[1] // 2] = ir[..., : size[1] // 2] * 0.05 + 0.4
    expected = _guided_fusion_reference(ir[0, 0].numpy(), vi[0, 0].numpy(), **reference_options)
    fused = GuidedFilterFusor(**options).fuse_luma(ir, vi)[0, 0]
    torch.testing.assert_close(fused, torch.from_numpy(expected), rtol=0, atol=1e-6)


@pytest.mark.parametrize('name', ['WaveletFusor', 'GuidedFilterFusor'])
def test_texture_of_either_source_is_kept(name):
    row = torch.arange(128)
    texture = (0.5 + 0.2 * (-1.0) ** row).expand(128, 128)
    left = (row < 64).float()
    ir = texture * left + 0.5 * (1 - left)
    vi = texture.T * (1 - left) + 0.5 * left
    fused = MODELS.build({'type': name}).fuse(ir[None, None], vi[None, None])[0, 0]
    inner = np.s_[24:104, 24:40]
    torch.testing.assert_close(fused[inner], ir[inner], rtol=0, atol=0.02)
    inner = np.s_[24:104, 88:104]
    torch.testing.assert_close(fused[inner], vi[inner], rtol=0, atol=0.02)


@pytest.mark.parametrize(
    ('fusor', 'options', 'message'),
    [
        (WaveletFusor, {'levels': 0}, 'levels must be at least 1, got 0'),
        (GuidedFilterFusor, {'base_size': 30}, 'base_size must be odd and at least 1, got 30'),
        (GuidedFilterFusor, {'saliency_sigma': 0}, 'saliency_sigma must be above 0, got 0'),
        (GuidedFilterFusor, {'base_radius': 0}, 'base_radius must be at least 1, got 0'),
        (GuidedFilterFusor, {'detail_radius': 0}, 'detail_radius must be at least 1, got 0'),
        (GuidedFilterFusor, {'base_eps': 0}, 'base_eps must be above 0, got 0'),
        (GuidedFilterFusor, {'detail_eps': -1}, 'detail_eps must be above 0, got -1'),
    ],
)
def test_option_errors(fusor, options, message):
    with pytest.raises(ValueError, match=message):
        fusor(**options)
