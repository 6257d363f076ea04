"""What all fusion metrics have in common."""

import doctest
import importlib
import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image

from tsjnet_mm.evaluation.functional import FUSION_METRICS, cc, check_metrics, mse, qcv, vif

METRICS = pytest.mark.parametrize('name', FUSION_METRICS)


def test_names_and_directions():
    directions = {name: info.higher_is_better for name, info in FUSION_METRICS.items()}
    assert directions == {
        'SSIM': True,
        'PSNR': True,
        'MSE': False,
        'VIF': True,
        'CC': True,
        'CV': False,
    }


@METRICS
def test_direction_is_true(name, triple):
    function, higher_is_better, *_ = FUSION_METRICS[name]
    fused, ir, vi = triple
    torch.manual_seed(0)
    good, bad = function(fused, ir, vi), function(255 * torch.rand_like(fused), ir, vi)
    assert ((good > bad) if higher_is_better else (good < bad)).all()


@METRICS
def test_within_range(name, triple):
    function, _, (low, high), *_ = FUSION_METRICS[name]
    fused, ir, vi = triple
    black, white = torch.zeros_like(ir), torch.full_like(ir, 255)
    for images in ((fused, ir, vi), (255 - ir, ir, ir), (ir, ir, ir), (black, white, white)):
        values = function(*images)
        assert not values.isnan().any()
        assert (values >= low).all() and (values <= high).all()


@METRICS
def test_sources_are_interchangeable(name, triple):
    function = FUSION_METRICS[name].function
    fused, ir, vi = triple
    torch.testing.assert_close(function(fused, ir, vi), function(fused, vi, ir))


@METRICS
def test_batch_equals_single_images(name, triple):
    function = FUSION_METRICS[name].function
    singles = [function(*(image[i : i + 1] for image in triple)) for i in range(3)]
    torch.testing.assert_close(function(*triple), torch.cat(singles), rtol=1e-12, atol=0)


@METRICS
def test_float32_equals_float64(name, triple):
    function = FUSION_METRICS[name].function
    value = function(*(image.float() for image in triple))
    assert value.dtype == torch.float32
    # Levels are whole numbers, so both inputs are the same images.
    torch.testing.assert_close(value.double(), function(*triple), rtol=1e-7, atol=0)


@METRICS
@pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a GPU')
def test_gpu_equals_cpu(name, triple):
    function = FUSION_METRICS[name].function
    value = function(*(image.cuda() for image in triple))
    assert value.is_cuda
    torch.testing.assert_close(value.cpu(), function(*triple), rtol=1e-9, atol=0)


@METRICS
def test_inputs_are_left_alone(name, triple):
    before = [image.clone() for image in triple]
    FUSION_METRICS[name].function(*triple)
    assert all(map(torch.equal, before, triple))


@METRICS
def test_errors(name, triple):
    function, conventions = FUSION_METRICS[name].function, FUSION_METRICS[name].conventions
    fused, ir, vi = triple
    with pytest.raises(ValueError, match=f"unknown convention 'best'; known: {conventions[0]}"):
        function(fused, ir, vi, convention='best')
    with pytest.raises(TypeError, match=r'ir must be .* got ndarray'):
        function(fused, ir.numpy(), vi)
    with pytest.raises(TypeError, match=r'vi must be float32 or float64.*torch.uint8'):
        function(fused, ir, vi.byte())
    with pytest.raises(ValueError, match=r'fused must have shape \(B, 1, H, W\).*\(59, 75\)'):
        function(fused[0, 0], ir, vi)
    with pytest.raises(ValueError, match=r'vi must have shape.*\(3, 3, 59, 75\)'):
        function(fused, ir, vi.expand(-1, 3, -1, -1))
    with pytest.raises(ValueError, match=r'agree in shape.*vi is \(3, 1, 59, 74\)'):
        function(fused, ir, vi[..., 1:])
    with pytest.raises(ValueError, match=r'agree in shape.*ir is .*float32'):
        function(fused, ir.float(), vi)
    with pytest.raises(ValueError, match='hold pixels'):
        function(fused[:0], ir[:0], vi[:0])


def test_check_metrics():
    check_metrics(FUSION_METRICS, 'plain')
    with pytest.raises(ValueError, match="unknown metric 'FID'; known: SSIM, PSNR"):
        check_metrics(['SSIM', 'FID'], 'plain')
    with pytest.raises(ValueError, match="VIF has no convention 'new'; known: plain"):
        check_metrics(['VIF'], 'new')


@pytest.mark.parametrize('module', ['fidelity', 'ssim', 'vif', 'qcv'])
def test_docstring_examples(module):
    module = importlib.import_module(f'tsjnet_mm.evaluation.functional.{module}')
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
        'import tsjnet_mm.evaluation.functional\n'
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
