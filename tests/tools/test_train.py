import json
import os
import signal
import subprocess
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


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.fixture
def training(tiny_config, run_main):
    """Train a tiny fusor in this process; returns the work dir and what it said."""

    def train(*arguments, epochs=1, name='tiny.py', **changes):
        config = tiny_config(epochs=epochs, name=name, **changes)
        status, output, error = run_main('train.py', config, *arguments)
        return config.parent / 'work', status, output + error

    return train


def test_a_training_begun_anew_sets_the_earlier_one_aside(training):
    work_dir, status, _ = training(epochs=2)
    assert status == 0
    # A second one, stopped after its first epoch.
    work_dir, status, said = training('--cfg-options', 'train_cfg.max_epochs=1', epochs=2)
    assert status == 0
    assert 'checkpoints of an earlier training (epoch_1.pth, epoch_2.pth)' in said
    assert (work_dir / 'last_checkpoint').read_text() == str(work_dir / 'epoch_1.pth')
    assert [path.name for path in work_dir.glob('*.pth')] == ['epoch_1.pth']
    aside = work_dir / 'earlier_1'
    assert (aside / 'last_checkpoint').read_text() == str(aside / 'epoch_2.pth')
    # The earlier one goes on where it ended.
    _, status, said = training('--resume', aside, epochs=3)
    assert status == 0 and 'resumed epoch: 2, iter: 6' in said
    assert (work_dir / 'epoch_3.pth').is_file()


def test_resuming_without_a_checkpoint_begins_and_says_so(training):
    work_dir, status, said = training('--resume')
    assert status == 0 and 'work has no checkpoint to resume from: training begins' in said
    assert (work_dir / 'epoch_1.pth').is_file()


def test_a_damaged_last_checkpoint_offers_the_one_before(training):
    work_dir, _, _ = training(epochs=2)
    whole = (work_dir / 'epoch_2.pth').read_bytes()
    (work_dir / 'epoch_2.pth').write_bytes(whole[:-999])
    _, status, said = training('--resume', epochs=3)
    assert status == 1
    assert said.strip().splitlines()[-1].endswith(f'--resume {work_dir / "epoch_1.pth"}')
    assert not (work_dir / 'epoch_3.pth').exists()


@pytest.mark.slow
def test_a_checkpoint_beyond_the_size_limit_is_a_sentence(tiny_config, run_tool, tmp_path):
    config = tiny_config(epochs=2, custom_imports=IMPORTS)
    (tmp_path / 'limit.py').write_text(LIMIT)
    paths = f'{tmp_path}:{":".join(sys.path)}'
    done = run_tool('train.py', config, check=False, PYTHONPATH=paths)
    assert done.returncode == 1
    path = tmp_path / 'work' / 'epoch_1.pth'
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith(f'error: cannot write {path}: File too large')
    assert 'Traceback' not in done.stderr
    assert not list((tmp_path / 'work').glob('*.pth'))
    assert not list((tmp_path / 'work').rglob('*.part*'))


IMPORTS = {'imports': ['tsjnet_mm', 'limit'], 'allow_failed_imports': False}
LIMIT = """
import resource

resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))
"""


@pytest.mark.parametrize(
    ('tool', 'arguments', 'message'),
    [
        ('train.py', ['nope.py'], 'nope.py'),
        ('test.py', ['nope.py', 'x.pth'], 'nope.py'),
        ('train.py', ['{config}', '--resume', 'nope.pth'], 'no checkpoint at nope.pth'),
        ('test.py', ['{config}', 'nope.pth'], 'no checkpoint at nope.pth'),
        ('test.py', ['{config}', '{other}'], 'other.pth does not fit'),
        (
            'train.py',
            ['{config}', '--cfg-options', 'train_dataloader.dataset.data_root=none'],
            'set data_root to the folder that contains them, or other folder names',
        ),
        (
            'train.py',
            [
                '{config}',
                '--cfg-options',
                "train_dataloader.dataset.annotations=['boxes']",
                "train_dataloader.dataset.metainfo.classes=['car']",
            ],
            'FolderDataset: no boxes at',
        ),
        ('train.py', ['{config}', '--cfg-options', 'train_dataloader=None'], 'use tools/test'),
        ('train.py', ['{config}', '--cfg-options', 'custom_hooks=None'], 'never sees the tr'),
        ('test.py', ['{config}', 'x.pth', '--cfg-options', 'test_cfg=None'], 'no test_cfg'),
        ('train.py', ['{config}', '--cfg-options', 'work_dir.a=1'], '--cfg-options work_dir.a'),
    ],
)
def test_what_is_missing_is_said_in_a_sentence(
    tool, arguments, message, tiny_config, run_main, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    torch.save({'weight': torch.ones(2, 2)}, tmp_path / 'other.pth')
    names = {'config': tiny_config(), 'other': tmp_path / 'other.pth'}
    status, _, error = run_main(tool, *(text.format(**names) for text in arguments))
    last = error.strip().splitlines()[-1]
    assert status == 1
    assert last.startswith('error: ') and message in last
    assert 'Traceback' not in error
    assert len(last) < 500


@pytest.mark.parametrize(
    'command',
    [
        'train.py {config}',
        'test.py {config} x.pth',
        'ablation.py row={config} --work-dir runs',
        'downstream.py detection --dataset folder --data-root . --work-dir runs',
    ],
)
def test_options_without_a_value_are_said_so(command, tiny_config, run_main):
    words = command.format(config=tiny_config()).split()
    status, _, error = run_main(*words, '--cfg-options', 'a')
    assert status == 2
    assert error.splitlines()[-1].endswith(
        "argument --cfg-options: expected KEY=VALUE such as train_cfg.max_epochs=5, got 'a'"
    )


def test_debug_shows_where_an_error_arose(tiny_config, run_main):
    with pytest.raises(FileNotFoundError):
        run_main('train.py', tiny_config(), '--resume', 'nope.pth', '--debug')


@pytest.mark.slow
@pytest.mark.parametrize(('script', 'more'), [('train', []), ('test', ['x.pth'])])
def test_processes_end_with_a_sentence(script, more, repository, tmp_path):
    done = subprocess.run(
        ['bash', repository / 'tools' / f'dist_{script}.sh', 'nope.py', *more, '2'],
        env={**os.environ, 'PYTHON': sys.executable, 'PORT': '29513', 'OMP_NUM_THREADS': '1'},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 1
    assert 'error: nope.py: No such file or directory' in done.stderr
    assert 'Traceback' not in done.stderr
