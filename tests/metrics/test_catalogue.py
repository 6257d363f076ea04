"""What all fusion metrics have in common."""

import doctest
import importlib
import inspect
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tsjnet_mm import metrics as functional
from tsjnet_mm.metrics import (
    CONVENTIONS,
    FUSION_METRICS,
    METRIC_SETS,
    NO_REFERENCE,
    cc,
    check_metrics,
    mse,
    qcv,
    resolve_metrics,
    vif,
)

MODULES = sorted(
    path.stem
    for path in Path(functional.__file__).parent.glob('[!_]*.py')
    if '>>>' in path.read_text()
)
DEFINED = [
    (name, convention)
    for name, info in FUSION_METRICS.items()
    for convention in info.conventions
]
METRICS = pytest.mark.parametrize(('name', 'convention'), DEFINED)

#: What the issue of trust is about: which metrics each convention holds.
EXPECTED = {
    'tsjnet': 'SSIM PSNR MSE VIF CC CV',
    'cddfuse': 'SSIM PSNR MSE VIF CC EN SD SF AG MI SCD Qabf',
    'tang': (
        'SSIM MS_SSIM PSNR MSE VIF CC EN SD SF AG MI SCD Qabf Nabf FMI_pixel FMI_dct FMI_w'
    ),
    'vifb': 'SSIM PSNR MSE RMSE CV EN SD SF AG EI MI CE Qabf Qcb',
}
LOWER_IS_BETTER = {'MSE', 'RMSE', 'CV', 'CE', 'Nabf', 'Labf'}


def _scene(rng, height, width):
    rows, columns = np.mgrid[:height, :width]
    waves = sum(
        strength
        * np.cos(rng.uniform(-1, 1) * rows / scale + rng.uniform(-1, 1) * columns / scale)
        for strength, scale in ((40, 20), (25, 8), (12, 2), (6, 1))
    )
    image = 115 + waves + 6 * rng.standard_normal((height, width))
    image[height // 3 : height // 2, width // 4 : width // 2] += 60
    return image.clip(0, 255).round()


@pytest.fixture
def images(name, convention):
    """Two fused, ir and vi: odd sizes, just large enough for the metric."""
    rng = np.random.default_rng(5)
    side = max(37, FUSION_METRICS[name].min_size(convention))
    shape = (side, side + 4)
    ir, vi = torch.from_numpy(np.stack([[_scene(rng, *shape)] for _ in range(4)])).split(2)
    noise = torch.from_numpy(rng.normal(0, 3, ir.shape))
    return (0.4 * ir + 0.6 * vi + noise).clamp(0, 255).round(), ir, vi


MISPLACED = ('Nabf', 'tang')


def _function(name, convention):
    return partial(FUSION_METRICS[name].function, convention=convention)


@pytest.mark.parametrize('convention', EXPECTED)
def test_metrics_of_a_convention(convention):
    assert set(resolve_metrics('all', convention)) == set(EXPECTED[convention].split())


def test_plain_has_all():
    assert resolve_metrics('all', 'plain') == tuple(FUSION_METRICS)


def test_directions():
    lower = {name for name, info in FUSION_METRICS.items() if not info.higher_is_better}
    assert lower == LOWER_IS_BETTER


def test_functions_have_the_names_of_tables():
    renamed = {'CV': 'qcv'}
    for name, info in FUSION_METRICS.items():
        assert info.function.__name__ == renamed.get(name, name.lower())
        assert getattr(functional, info.function.__name__) is info.function


SIDES = {
    'SSIM': "H and W at least 11 (7 under ``'cddfuse'``, 1 under ``'tang'``)",
    'MS_SSIM': "H and W at least 161 (44 under ``'tang'``)",
    'Qy': 'H and W at least 7.',
    'Qs': 'H and W at least 8.',
    'FMI_dct': 'H and W at least 3.',
}


@pytest.mark.parametrize('name', FUSION_METRICS)
def test_docstring_is_complete(name):
    text = inspect.getdoc(FUSION_METRICS[name].function)
    parts = ['Args:', 'fused (Tensor): (B, 1, H, W), float32 or float64, levels in 0..255']
    parts += ['ir (Tensor): Inf', 'vi (Tensor): Vis', "convention (str): ``'plain'``"]
    parts += ['Returns:', 'Tensor: (B,)', 'Raises:', 'TypeError: ', 'ValueError: ', 'Example:']
    places = [text.index(part) for part in parts]
    assert places == sorted(places)
    assert all(text.count(part) == 1 for part in parts)
    assert all(len(line) <= 96 for line in text.splitlines())
    for convention in FUSION_METRICS[name].conventions:
        assert f"``'{convention}'``" in text
    if name in SIDES:
        assert SIDES[name] in text
    assert (text.count('not looked at') == 2) == (name in NO_REFERENCE)


@pytest.mark.parametrize('name', FUSION_METRICS)
def test_docstring_says_whether_nan_is_refused(name):
    function = FUSION_METRICS[name].function
    fused, ir, vi = 255 * torch.rand(3, 1, 1, 170, 170)
    fused[..., 80, 80] = torch.nan
    if 'a pixel is NaN' in inspect.getdoc(function):
        with pytest.raises(ValueError, match='NaN'):
            function(fused, ir, vi)
    else:
        function(fused, ir, vi)


@METRICS
def test_direction_is_true(name, convention, images):
    if name in NO_REFERENCE:
        pytest.skip('more texture is more, be it noise')
    if (name, convention) == MISPLACED:
        pytest.skip('its evaluation confuses infrared and fused image')
    function, higher_is_better = (
        _function(name, convention),
        FUSION_METRICS[name].higher_is_better,
    )
    fused, ir, vi = images
    # Flat grey has neither artefacts nor levels to be confused; noise loses nothing.
    spoilt = 255 * torch.rand_like(fused) if name in ('Nabf', 'CE') else 0 * fused + 60
    good, bad = function(fused, ir, vi), function(spoilt, ir, vi)
    assert ((good > bad) if higher_is_better else (good < bad)).all()


@METRICS
def test_within_range(name, convention, images):
    function, (low, high) = _function(name, convention), FUSION_METRICS[name].range
    fused, ir, vi = images
    black, white = torch.zeros_like(ir), torch.full_like(ir, 255)
    for triple in (
        (fused, ir, vi),
        (255 - ir, ir, ir),
        (ir, ir, ir),
        (black, white, white),
        (ir, black, black),
        (black, ir, vi),
        (ir, black, vi),
        (black, black, black),
    ):
        values = function(*triple)
        assert not values.isnan().any()
        if convention == FUSION_METRICS[name].conventions[0]:
            assert (values >= low).all() and (values <= high).all(), values


@METRICS
def test_sources_are_interchangeable(name, convention, images):
    if (name, convention) == MISPLACED:
        pytest.skip('its evaluation confuses infrared and fused image')
    function = _function(name, convention)
    fused, ir, vi = images
    torch.testing.assert_close(function(fused, ir, vi), function(fused, vi, ir))


@METRICS
def test_batch_equals_single_images(name, convention, images):
    function = _function(name, convention)
    singles = [function(*(image[i : i + 1] for image in images)) for i in range(2)]
    torch.testing.assert_close(function(*images), torch.cat(singles), rtol=1e-12, atol=0)


@METRICS
def test_float32_equals_float64(name, convention, images):
    function = _function(name, convention)
    value = function(*(image.float() for image in images))
    assert value.dtype == torch.float32
    # Levels are whole numbers, so both inputs are the same images.
    torch.testing.assert_close(value.double(), function(*images), rtol=1e-6, atol=0)


@METRICS
@pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a GPU')
def test_gpu_equals_cpu(name, convention, images):
    function = _function(name, convention)
    value = function(*(image.cuda() for image in images))
    assert value.is_cuda
    torch.testing.assert_close(value.cpu(), function(*images), rtol=1e-9, atol=0)


@METRICS
def test_inputs_are_left_alone(name, convention, images):
    before = [image.clone() for image in images]
    _function(name, convention)(*images)
    assert all(map(torch.equal, before, images))


@METRICS
def test_too_small(name, convention, images):
    side = FUSION_METRICS[name].min_size(convention)
    smallest = [image[..., :side, :side] for image in images]
    assert _function(name, convention)(*smallest).isfinite().all()
    if side > 1:
        with pytest.raises(ValueError, match=f'at least {side} pixels, got {side - 1}x{side}'):
            _function(name, convention)(*(image[..., 1:, :] for image in smallest))


@pytest.mark.parametrize('shape', [(1, 200), (200, 1), (1, 1)])
@METRICS
def test_one_row_or_column(name, convention, shape):
    if FUSION_METRICS[name].min_size(convention) > 1:
        pytest.skip('not defined for it')
    fused, ir, vi = torch.randint(0, 256, (3, 1, 1, *shape)).double()
    assert _function(name, convention)(fused, ir, vi).isfinite().all()


@pytest.mark.parametrize('name', FUSION_METRICS)
def test_errors(name):
    function, conventions = FUSION_METRICS[name].function, FUSION_METRICS[name].conventions
    fused, ir, vi = 255 * torch.rand(3, 2, 1, 59, 75, dtype=torch.float64)
    with pytest.raises(ValueError, match=f"unknown convention 'best'; known: {conventions[0]}"):
        function(fused, ir, vi, convention='best')
    for other in set(CONVENTIONS) - set(conventions):
        with pytest.raises(ValueError, match=f"not defined under the convention '{other}'"):
            function(fused, ir, vi, convention=other)
    with pytest.raises(TypeError, match=r'ir must be .* got ndarray'):
        function(fused, ir.numpy(), vi)
    with pytest.raises(TypeError, match=r'vi must be float32 or float64.*torch.uint8'):
        function(fused, ir, vi.byte())
    with pytest.raises(ValueError, match=r'fused must have shape \(B, 1, H, W\).*\(59, 75\)'):
        function(fused[0, 0], ir, vi)
    with pytest.raises(ValueError, match=r'vi must have shape.*\(2, 3, 59, 75\)'):
        function(fused, ir, vi.expand(-1, 3, -1, -1))
    with pytest.raises(ValueError, match=r'agree in shape.*vi is \(2, 1, 59, 74\)'):
        function(fused, ir, vi[..., 1:])
    with pytest.raises(ValueError, match=r'agree in shape.*ir is .*float32'):
        function(fused, ir.float(), vi)
    with pytest.raises(ValueError, match='hold pixels'):
        function(fused[:0], ir[:0], vi[:0])


def test_check_metrics():
    check_metrics(METRIC_SETS['paper'], 'tsjnet')
    with pytest.raises(ValueError, match="unknown metric 'FID'; known: SSIM, "):
        check_metrics(['SSIM', 'FID'], 'plain')
    with pytest.raises(ValueError, match="unknown convention 'new'; known: plain, tsjnet"):
        check_metrics(['VIF'], 'new')
    with pytest.raises(
        ValueError, match=r"EN is not defined .* 'tsjnet', only under plain.*CV"
    ):
        check_metrics(['EN'], 'tsjnet')


def test_resolve_metrics():
    assert resolve_metrics('paper', 'tsjnet') == METRIC_SETS['paper']
    assert resolve_metrics(['qabf', 'en', 'Qabf'], 'tang') == ('Qabf', 'EN')
    assert resolve_metrics(['CV', 'paper'], 'plain')[:2] == ('CV', 'SSIM')
    with pytest.raises(ValueError, match='name at least one metric of SSIM'):
        resolve_metrics([], 'plain')
    with pytest.raises(ValueError, match="unknown metric 'papers'"):
        resolve_metrics('papers', 'plain')
    with pytest.raises(ValueError, match="CV is not defined under the convention 'tang'"):
        resolve_metrics('paper', 'tang')


@pytest.mark.parametrize('module', MODULES)
def test_docstring_examples(module):
    module = importlib.import_module(f'tsjnet_mm.metrics.{module}')
    torch.manual_seed(0)
    result = doctest.testmod(module, extraglobs={'torch': torch})
    assert result.attempted and not result.failed


def test_imports_torch_and_numpy_alone():
    # The package's own __init__ checks the OpenMMLab versions; a bare stand-in skips it.
    code = (
        'import sys, types, pathlib\n'
        'for name in ("tsjnet_mm", "tsjnet_mm.evaluation"):\n'
        '    module = sys.modules[name] = types.ModuleType(name)\n'
        '    module.__path__ = [str(pathlib.Path(sys.argv[1], *name.split(".")))]\n'
        'import tsjnet_mm.metrics\n'
        'wrong = {"mmengine", "mmcv", "mmdet", "scipy", "cv2", "skimage"} & set(sys.modules)\n'
        'sys.exit(", ".join(wrong) or None)\n'
    )
    functional = importlib.import_module('tsjnet_mm').__path__[0]
    subprocess.run([sys.executable, '-c', code, f'{functional}/..'], check=True)


def _load_pair(folder, name):
    ir = np.asarray(Image.open(folder / 'ir' / name).convert('L'), dtype=np.float64)
    rgb = np.asarray(Image.open(folder / 'vi' / name).convert('RGB'), dtype=np.float64)
    luma = np.round(rgb @ (0.299, 0.587, 0.114))
    return torch.from_numpy(ir)[None, None], torch.from_numpy(luma)[None, None]


@pytest.mark.slow
@pytest.mark.parametrize(
    ('fuse', 'expected'),
    [
        (lambda ir, vi: (ir + vi) / 2, {mse: 1099, cc: 0.680, qcv: 866, vif: 0.338}),
        (torch.maximum, {mse: 2198, cc: 0.622, qcv: 353, vif: 0.509}),
    ],
    ids=['average', 'max'],
)
def test_measured_rows_on_msrs(fuse, expected, real_data):
    """Rows that an independent implementation gave on every sixth pair, to the last digit.

    They were computed on 8-bit luma, hence the rounding here.
    """
    folder = real_data / 'MSRS' / 'test'
    names = sorted(path.name for path in (folder / 'ir').iterdir())[::6]
    assert len(names) == 30
    sums = dict.fromkeys(expected, 0.0)
    for name in names:
        ir, vi = _load_pair(folder, name)
        fused = fuse(ir, vi).round()
        for metric in expected:
            sums[metric] += metric(fused, ir, vi).item()
    for metric, value in expected.items():
        digit = 1 if value > 10 else 1e-3
        assert sums[metric] / 30 == pytest.approx(value, abs=0.5 * digit), metric.__name__
