"""Fusing without mmcv, mmdet, mmseg, timm and the rest, in an environment that lacks them.

Nothing is stubbed: the wheel is installed into an environment of its own, in which only the
distributions that it asks for are visible, as links to those of this environment.
"""

import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from packaging.requirements import Requirement
from PIL import Image

from tsjnet_mm.apis import FusionInferencer
from tsjnet_mm.datasets.toy import draw_scene
from tsjnet_mm.metrics import FUSION_METRICS, measure

ROOT = Path(__file__).resolve().parents[1]
#: A stack of upstream has these instead of what the wheel asks for.
TWINS = {'onedl-mmengine': 'mmengine', 'opencv-python-headless': 'opencv-python'}
#: mmengine asks for it and draws with it only in training: barer than what pip makes.
LEFT_OUT = {'matplotlib'}
ABSENT = (
    *('mmcv', 'mmdet', 'mmseg', 'timm', 'natten', 'scipy', 'matplotlib', 'torchvision'),
    *('tensorboard', 'pycocotools', 'gradio', 'onnxruntime'),
)


def find_distribution(name):
    try:
        return importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        return importlib.metadata.distribution(TWINS[name])


def closure(names):
    """The distributions that some need, themselves included."""
    found, waiting = {}, [*names]
    while waiting:
        name = waiting.pop()
        key = re.sub(r'[-_.]+', '-', name).lower()
        if key in found or key in LEFT_OUT:
            continue
        found[key] = find_distribution(name)
        for line in found[key].requires or ():
            need = Requirement(line)
            if need.marker is None or need.marker.evaluate({'extra': ''}):
                waiting.append(need.name)
    return found.values()


class Environment:
    """A virtual environment that has the wheel and some of this environment's packages."""

    def __init__(self, folder, wheel):
        subprocess.run([sys.executable, '-m', 'venv', '--without-pip', folder], check=True)
        self.bin = folder / 'bin'
        pip = [sys.executable, '-m', 'pip', '--python', self.bin / 'python', '--quiet']
        options = ['--no-deps', '--no-index', '--no-warn-script-location']
        subprocess.run([*pip, 'install', *options, wheel], check=True)
        (self.site,) = folder.glob('lib/python*/site-packages')

    def link(self, distributions):
        for distribution in distributions:
            for path in {file.parts[0] for file in distribution.files}:
                source = Path(distribution.locate_file(path))
                target = self.site / path
                if path not in ('..', '__pycache__') and not target.exists():
                    target.symlink_to(source)

    def run(self, *command, cwd):
        return subprocess.run(
            [self.bin / command[0], *map(str, command[1:])],
            cwd=cwd,
            env={
                'PATH': os.environ['PATH'],
                'HOME': str(cwd),
                'OMP_NUM_THREADS': '1',
                'PYTHONWARNINGS': 'ignore',
            },
            capture_output=True,
            text=True,
            timeout=600,
        )

    def python(self, code, cwd):
        done = self.run('python', '-c', code, cwd=cwd)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


@pytest.fixture(scope='module')
def wheel(tmp_path_factory):
    source = tmp_path_factory.mktemp('source')
    ignored = shutil.ignore_patterns('__pycache__', '.mim', '*.egg-info')
    for name in ('configs', 'requirements', 'tools', 'tsjnet_mm'):
        shutil.copytree(ROOT / name, source / name, ignore=ignored)
    for path in ROOT.iterdir():
        if path.suffix in ('.md', '.toml', '.in', '.py', '.yml') or path.name == 'LICENSE':
            shutil.copy(path, source)
    folder = tmp_path_factory.mktemp('wheel')
    options = ['--quiet', '--no-deps', '--no-index', '--no-build-isolation']
    command = [sys.executable, '-m', 'pip', 'wheel', *options, '--wheel-dir', folder, source]
    subprocess.run(command, check=True)
    return next(folder.glob('*.whl'))


@pytest.fixture(scope='module')
def bare(wheel, tmp_path_factory):
    """All that the wheel asks for, and nothing else."""
    environment = Environment(tmp_path_factory.mktemp('bare') / 'venv', wheel)
    lines = importlib.metadata.Distribution.at(
        next(environment.site.glob('tsjnet_mm-*.dist-info'))
    ).metadata.get_all('Requires-Dist')
    wanted = [Requirement(line) for line in lines]
    environment.link(closure(item.name for item in wanted if item.marker is None))
    return environment


@pytest.fixture(autouse=True)
def one_thread():
    """As in the processes that are started here: sums depend on how they are divided."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def pairs(tmp_path):
    """A folder with two drawn pairs, the second of 16-bit infrared."""
    for index in range(2):
        scene = draw_scene(0, index, (128, 96))
        ir, vi = scene.ir, scene.vi
        ir = ir if index == 0 else ir.astype(np.uint16) * 200
        for kind, image in (('ir', ir), ('vi', vi)):
            (tmp_path / kind).mkdir(exist_ok=True)
            Image.fromarray(image).save(tmp_path / kind / f'{index}.png')
    return tmp_path


def full(*command, cwd):
    """The same command in the environment of the tests."""
    return subprocess.run(
        [sys.executable, '-m', 'tsjnet_mm', *map(str, command)],
        cwd=cwd,
        env={**os.environ, 'PYTHONPATH': str(ROOT), 'OMP_NUM_THREADS': '1'},
        capture_output=True,
        text=True,
        timeout=600,
    )


def test_fuses_as_the_full_environment_does(bare, pairs):
    code = (
        'import importlib.util\n'
        f'print([name for name in {ABSENT} if importlib.util.find_spec(name)])\n'
        'import tsjnet_mm\n'
        'print(tsjnet_mm.__file__)\n'
        'from tsjnet_mm.apis import FusionInferencer\n'
        'FusionInferencer(show_progress=False)("ir", "vi", out_dir="api")\n'
    )
    absent, path = bare.python(code, pairs).splitlines()
    assert absent == '[]' and Path(path).is_relative_to(bare.site)
    done = bare.run('tsjnet', 'fuse', '--ir', 'ir', '--vi', 'vi', '--out', 'bare', cwd=pairs)
    assert done.returncode == 0, done.stderr
    FusionInferencer(device='cpu', show_progress=False)(
        pairs / 'ir', pairs / 'vi', out_dir=pairs / 'full'
    )
    for name in ('0.png', '1.png'):
        expected = np.asarray(Image.open(pairs / 'full' / name))
        assert expected.std() > 10
        for folder in ('api', 'bare'):
            assert np.array_equal(np.asarray(Image.open(pairs / folder / name)), expected)


def test_what_is_missing_is_one_sentence(bare, pairs):
    config = bare.site / 'tsjnet_mm/.mim/configs/tsjnet/tsjnet_light_joint_40e_msrs.py'
    done = bare.run('tsjnet', 'train', config, cwd=pairs)
    assert done.returncode == 1
    assert done.stderr == (
        'error: this needs mmcv, which is not installed: pip install "tsjnet_mm[train]" '
        '(docs/install.md)\n'
    )


def test_metrics_need_torch_and_numpy_alone(wheel, tmp_path):
    barest = Environment(tmp_path / 'venv', wheel)
    barest.link(closure(['torch', 'numpy']))
    code = (
        'import importlib.util\n'
        'names = ("mmengine", "cv2", "PIL", "safetensors", "tqdm", "tifffile")\n'
        'print([name for name in names if importlib.util.find_spec(name)])\n'
        'import torch, tsjnet_mm.metrics as metrics\n'
        'image = torch.linspace(0, 255, 176**2).reshape(1, 1, 176, 176).round()\n'
        'measured = metrics.measure(image, image, image.flip(3), metrics.FUSION_METRICS)\n'
        'print({name: value.item() for name, value in measured.items()})\n'
    )
    absent, measured = barest.python(code, tmp_path).splitlines()
    image = torch.linspace(0, 255, 176**2).reshape(1, 1, 176, 176).round()
    expected = measure(image, image, image.flip(3), FUSION_METRICS)
    assert absent == '[]'
    assert measured == str({name: value.item() for name, value in expected.items()})


@pytest.mark.slow
def test_video_register_and_evaluate_do_as_in_the_full_environment(bare, pairs):
    size = (128, 96)
    for kind in ('ir', 'vi'):
        writer = cv2.VideoWriter(
            str(pairs / f'{kind}.mp4'), cv2.VideoWriter_fourcc(*'mp4v'), 10, size
        )
        for index in (0, 1, 0):
            image = Image.open(pairs / kind / f'{index}.png')
            frame = np.asarray(image).astype(np.float64)
            frame = np.uint8(255 * frame / max(255, frame.max()))
            frame = np.stack([frame] * 3, -1) if frame.ndim == 2 else frame[..., ::-1]
            writer.write(np.ascontiguousarray(frame))
        writer.release()
    (pairs / 'points.csv').write_text(
        'x_ir,y_ir,x_vi,y_vi\n5,5,7,6\n120,6,122,8\n6,90,9,91\n118,88,121,90\n60,40,62,42\n'
    )
    commands = (
        ('fuse', '--ir', 'ir', '--vi', 'vi', '--out', 'OUT/fused', '--model', 'laplacian'),
        ('video', '--ir', 'ir.mp4', '--vi', 'vi.mp4', '--out', 'OUT/fused.mp4'),
        (
            *('register', '--ir', 'ir/0.png', '--vi', 'vi/0.png', '--points', 'points.csv'),
            *('--out', 'OUT/H.json', '--preview', 'OUT/preview.png'),
        ),
        (
            *('evaluate', '--fused', 'OUT/fused', '--ir', 'ir', '--vi', 'vi'),
            *('--out', 'OUT/scores.json'),
        ),
    )
    for command in commands:
        for out in ('bare', 'full'):
            (pairs / out).mkdir(exist_ok=True)
            words = [word.replace('OUT', out) for word in command]
            run = full if out == 'full' else lambda *w, cwd: bare.run('tsjnet', *w, cwd=cwd)
            done = run(*words, cwd=pairs)
            assert done.returncode == 0, done.stderr
    made = {
        out: {
            str(path.relative_to(pairs / out)): path.read_bytes().replace(out.encode(), b'OUT')
            for path in (pairs / out).rglob('*')
            if path.is_file()
        }
        for out in ('bare', 'full')
    }
    assert {'fused/0.png', 'fused.mp4', 'H.json', 'preview.png', 'scores.json'} <= {
        *made['bare']
    }
    assert made['bare'] == made['full']
