"""What ``import tsjnet_mm``, and what fusing, imports and changes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
#: What no fusing needs, though the environment of the tests has it.
NEEDLESS = (
    *('mmcv', 'mmdet', 'mmseg', 'timm', 'natten', 'scipy', 'matplotlib', 'torchvision'),
    *('tensorboard', 'pycocotools', 'mmengine.model', 'mmengine.runner', 'mmengine.optim'),
)


def run(code, **environment):
    done = subprocess.run(
        [sys.executable, '-c', code],
        env={**os.environ, 'PYTHONPATH': str(ROOT), **environment},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_package_imports_nothing_heavy():
    code = (
        'import sys; before = {*sys.modules}\n'
        'import tsjnet_mm\n'
        'print(sorted({name.split(".")[0] for name in {*sys.modules} - before}'
        ' - {*sys.stdlib_module_names}))'
    )
    assert run(code) == "['tsjnet_mm']"


def test_the_package_changes_nothing_of_torch_or_mmengine():
    """Of what is imported before it; all of it is imported, to have something to change."""
    code = (
        'import os, torch, mmengine.config.utils\n'
        'import mmengine.runner.checkpoint as loader\n'
        'from mmengine.registry import MODELS, DefaultScope\n'
        'def state():\n'
        '    return [\n'
        '        sorted(map(repr, torch.serialization.get_safe_globals())),\n'
        '        torch.load, torch.get_default_dtype(), torch.get_rng_state().tolist(),\n'
        '        dict(mmengine.config.utils.MODULE2PACKAGE), dict(vars(loader)),\n'
        '        dict(loader.CheckpointLoader._schemes), sorted(MODELS.children),\n'
        '        dict(DefaultScope._instance_dict), dict(os.environ),\n'
        '    ]\n'
        'before = state()\n'
        'import tsjnet_mm\n'
        'print(state() == before)\n'
        'from tsjnet_mm.utils.env import prepare_mmengine\n'
        'prepare_mmengine()\n'
        'after = state()\n'
        'print([a == b for a, b in zip(before, after)])\n'
    )
    unchanged, after = run(code).splitlines()
    assert unchanged == 'True'
    # Safe classes, configs, the loader's torch and its schemes: what preparing is for.
    assert after == str([False, True, True, True, False, False, False, True, True, True])


@pytest.mark.parametrize(
    'code',
    [
        'from tsjnet_mm.apis import FusionInferencer\n'
        'FusionInferencer(device="cpu", show_progress=False)(ir, vi)',
        'from tsjnet_mm.apis import FusionInferencer\n'
        'FusionInferencer("laplacian", device="cpu", show_progress=False)(ir, vi)',
        'from tsjnet_mm.apis import fuse_to_folder, evaluate_folders, load_homography',
        'from tsjnet_mm.video import fuse_video\n'
        'from tsjnet_mm.registration.homography import register_points\n'
        'from tsjnet_mm.cli import evaluate, fuse, fuse_video, register',
        'import tsjnet_mm.metrics, tsjnet_mm.evaluation.image_folders',
    ],
    ids=['network', 'classical', 'apis', 'video and registration', 'metrics'],
)
def test_fusing_imports_nothing_of_training(code):
    begin = 'import sys, numpy as np\n'
    begin += 'ir, vi = np.zeros((32, 32), np.uint8), np.zeros((32, 32, 3), np.uint8)\n'
    end = f'\nprint([name for name in {NEEDLESS} if name in sys.modules])'
    assert run(begin + code + end, PYTHONWARNINGS='ignore') == '[]'
