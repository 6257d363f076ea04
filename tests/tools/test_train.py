import json
import os
import signal
import sys

import pytest
import torch

KILLER = """
import os
import signal

from mmengine.hooks import Hook
from mmengine.registry import HOOKS


@HOOKS.register_module()
class Killer(Hook):
    def before_train_iter(self, runner, batch_idx, data_batch=None):
        if runner.iter == int(os.environ.get('KILL_AT', -1)):
            os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def killable(tiny_config, tmp_path):
    (tmp_path / 'killer.py').write_text(KILLER)
    return tiny_config(
        epochs=4,
        custom_imports={'imports': ['tsjnet_mm', 'killer'], 'allow_failed_imports': False},
        custom_hooks=[
            {'type': 'TrainLossPlateauHook'},
            {'type': 'mmengine.Killer', 'priority': 'LOWEST'},
        ],
    )


def test_killed_run_resumes_as_if_nothing_had_happened(
    killable, run_tool, load_checkpoint, tmp_path
):
    whole, broken = tmp_path / 'whole', tmp_path / 'broken'
    paths = f'{tmp_path}:{":".join(sys.path)}'
    run_tool('train.py', killable, '--work-dir', whole, PYTHONPATH=paths)
    killed = run_tool(
        'train.py', killable, '--work-dir', broken, check=False, PYTHONPATH=paths, KILL_AT='7'
    )
    assert killed.returncode == -signal.SIGKILL
    # Three iterations an epoch: the third epoch was under way.
    assert (broken / 'last_checkpoint').read_text() == str(broken / 'epoch_2.pth')
    run_tool('train.py', killable, '--work-dir', broken, '--resume', PYTHONPATH=paths)

    expected, resumed = (load_checkpoint(run / 'epoch_4.pth') for run in (whole, broken))
    torch.testing.assert_close(resumed['state_dict'], expected['state_dict'], rtol=0, atol=0)
    torch.testing.assert_close(resumed['optimizer'], expected['optimizer'], rtol=0, atol=0)
    assert resumed['param_schedulers'] == expected['param_schedulers']
    kept = {path.name for path in broken.glob('*.pth')}
    assert kept == {'epoch_3.pth', 'epoch_4.pth'}
    assert not list(broken.rglob('*.part*'))


def test_train_without_cuda_says_that_it_drops_mixed_precision(
    tiny_config, run_tool, load_checkpoint
):
    if torch.cuda.is_available():
        pytest.skip('this machine has CUDA')
    config = tiny_config(epochs=1)
    options = ['optim_wrapper.optimizer.lr=0.004', 'train_cfg.val_interval=1']
    done = run_tool('train.py', config, '--cfg-options', *options)
    assert 'single precision' in done.stdout + done.stderr
    work_dir = config.parent / 'work'
    checkpoint = load_checkpoint(work_dir / 'epoch_1.pth')
    assert checkpoint['optimizer']['param_groups'][0]['lr'] == 0.004
    records = [
        json.loads(line)
        for path in work_dir.glob('*/vis_data/scalars.json')
        for line in path.read_text().splitlines()
    ]
    assert any('epoch_loss' in record for record in records)
    assert any('fusion/CV' in record for record in records)
    assert list(work_dir.glob('*/vis_data/events.out.tfevents.*'))
    assert list(work_dir.glob('*/vis_data/vis_image/val_*.png'))


class Harmful:
    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return os.mkdir, (self.path,)


@pytest.mark.parametrize('door', ['resume', 'auto', 'load_from', 'init_cfg', 'test'])
def test_harmful_checkpoint_is_refused_at_every_door(
    door, tiny_config, tiny_fusor, run_tool, tmp_path
):
    trap, bad = tmp_path / 'trap', tmp_path / 'bad.pth'
    torch.save({'state_dict': {}, 'meta': Harmful(trap)}, bad)
    changes = {'load_from': str(bad)} if door == 'load_from' else {}
    if door == 'init_cfg':
        changes['model'] = {
            **tiny_fusor,
            'init_cfg': {'type': 'Pretrained', 'checkpoint': str(bad)},
        }
    config = tiny_config(epochs=1, **changes)
    if door == 'auto':
        (tmp_path / 'work').mkdir()
        (tmp_path / 'work' / 'last_checkpoint').write_text(str(bad))
    arguments = {
        'resume': ['train.py', config, '--resume', bad],
        'auto': ['train.py', config, '--resume'],
        'test': ['test.py', config, bad],
    }
    done = run_tool(*arguments.get(door, ['train.py', config]), check=False)
    assert done.returncode == 1
    assert not trap.exists()
    last = done.stderr.splitlines()[-1]
    assert last.startswith(f'error: {bad} is refused: besides weights it holds')
    assert 'Traceback' not in done.stderr and 'Falling back' not in done.stdout + done.stderr
