"""Configs of fused models and of protocols, and the lines that the docs tell users to write."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from mmengine.config import Config
from mmengine.registry import DefaultScope

from tsjnet_mm.models.downstream import FusedModel
from tsjnet_mm.registry import MODELS, TRANSFORMS

ROOT = Path(__file__).resolve().parents[1]
CONFIGS = sorted((ROOT / 'configs' / 'downstream').glob('*.py'))
#: In a process that has not imported this package, as mmdet's and mmseg's tools are.
LOAD_AND_BUILD = """
import sys
from mmengine.config import Config
from mmengine.registry import MODELS, init_default_scope
cfg = Config.fromfile(sys.argv[1])
init_default_scope(cfg.default_scope)
cfg.model.setdefault('data_preprocessor', cfg.get('data_preprocessor'))
model = MODELS.build(cfg.model)
steps = [step['type'] for step in cfg.train_dataloader.dataset.pipeline]
print(type(model).__name__, type(model.model).__name__, type(model.fusor).__name__, *steps)
"""


def is_available(path):
    return 'mmyolo::' not in path.read_text() or importlib.util.find_spec('mmyolo')


@pytest.mark.parametrize('path', CONFIGS, ids=lambda path: path.stem)
def test_config_builds(path):
    if not is_available(path):
        pytest.skip('mmyolo is not installed')
    config = Config.fromfile(path)
    with DefaultScope.overwrite_default_scope(config.default_scope):
        model = MODELS.build(config.model)
        for loader in ('train_dataloader', 'test_dataloader'):
            dataset = config[loader].dataset
            for step in [*dataset.pipeline, *dataset.get('dataset', {}).get('pipeline', [])]:
                TRANSFORMS.build(step)
    for hook in config.get('default_hooks', {}).values():
        assert 'type' in hook
    assert isinstance(model, FusedModel) == path.stem.startswith('fused-')
    if isinstance(model, FusedModel):
        classes = 9 if config.default_scope == 'mmseg' else 3
        counts = {
            module.num_classes
            for module in model.model.modules()
            if isinstance(getattr(module, 'num_classes', None), int)
        }
        # mmdet's RPN head counts one, the foreground.
        assert counts - {1} == {classes}


def test_readme_lists_all_configs():
    text = (ROOT / 'configs' / 'downstream' / 'README.md').read_text()
    listed = re.findall(r'^\| `(.+?\.py)`', text, re.M)
    assert sorted(listed) == [path.name for path in CONFIGS]


def test_segmentation_protocol_is_the_papers():
    config = Config.fromfile(ROOT / 'configs/downstream/bisenetv1_r18-d32_200e_msrs.py')
    assert config.train_cfg == {
        'type': 'EpochBasedTrainLoop',
        'max_epochs': 200,
        'val_interval': 20,
    }
    assert config.train_dataloader.batch_size == 8
    assert config.optim_wrapper.optimizer.lr == 0.025
    assert config.param_scheduler[0].end == 200
    (resize,) = [step for step in config.train_pipeline if 'scales' in step]
    assert [side / 480 for side in resize.scales] == [0.75, 1, 1.5, 1.75, 2]


@pytest.mark.parametrize(
    'library, expected',
    [
        (
            'mmdet',
            'FusedDetector FasterRCNN TSJNet tsjnet_mm.LoadImagePair LoadAnnotations Resize '
            'RandomFlip PackDetInputs',
        ),
        (
            'mmseg',
            'FusedSegmentor EncoderDecoder TSJNet tsjnet_mm.LoadImagePair LoadAnnotations '
            'RandomResize RandomCrop RandomFlip PackSegInputs',
        ),
    ],
)
def test_the_lines_of_the_docs_make_a_fused_model(library, expected, tmp_path):
    blocks = re.findall(r'```python\n(.*?)```', (ROOT / 'docs/downstream.md').read_text(), re.S)
    (text,) = (
        block
        for block in blocks
        if ('FusedDetector' in block) == (library == 'mmdet')
        and 'Fused' in block
        and '_base_' in block
    )
    if library == 'mmseg':
        folder = Path(importlib.util.find_spec('mmseg').origin).parent / '.mim' / 'configs'
        text = text.replace("['bisenetv1_", f"['{folder}/bisenetv1/bisenetv1_")
    path = tmp_path / 'mine.py'
    path.write_text(text)
    done = subprocess.run(
        [sys.executable, '-c', LOAD_AND_BUILD, str(path)],
        env={**os.environ, 'PYTHONPATH': str(ROOT), 'OMP_NUM_THREADS': '1'},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().splitlines()[-1] == expected
