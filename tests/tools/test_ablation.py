import csv
import json
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from tsjnet_mm.engine.launch import merge_options, parse_options
from tsjnet_mm.protocols import ablation, runs

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
def rows(tiny_config, tmp_path):
    """Two configs; the second without the diversity loss."""
    whole = tiny_config('whole.py')
    without = tmp_path / 'without.py'
    without.write_text(
        "_base_ = './whole.py'\nmodel = dict(losses=dict(diversity=dict(loss_weight=0.0)))\n"
    )
    return [f'whole={whole}', f'w/o diversity={without}']


@pytest.fixture
def ablate(load_tool, rows, monkeypatch, capsys, tmp_path):
    """Run the tool on the two rows, with a stand-in for training and testing."""
    tool, calls = load_tool('ablation.py'), []

    def call(command, log):
        command = [str(word) for word in command]
        calls.append(command)
        kind = next(word for word in command if word in ('train', 'test'))
        config = Path(command[command.index(kind) + 1])
        if run.failing and kind == 'train' and run.failing in config.name:
            raise runs.RunFailed(f'exit status 1, see {log}')
        if kind != 'test':
            folder = Path(command[command.index('--work-dir') + 1])
            (folder / f'epoch_{run.epochs}.pth').touch()
            cfg = Config.fromfile(config)
            if '--cfg-options' in command:
                merge_options(cfg, parse_options(command[command.index('--cfg-options') + 1 :]))
            cfg = cfg.to_dict()
            lines = [f'{key} = {value!r}\n' for key, value in cfg.items()]
            (folder / config.name).write_text(''.join(lines))
            return
        (metric,) = Config.fromfile(config).test_evaluator
        with open(metric.per_image_csv, 'w', newline='') as file:
            writer = csv.writer(file)
            writer.writerow(['image', 'convention', *metric.metrics])
            shift = 0.1 if 'without' in config.name else 0.0
            shift += 0.02 * Config.fromfile(config).get('randomness', {}).get('seed', 0)
            for image in ('1.png', '2.png'):
                values = [0.5 + shift] * len(metric.metrics)
                writer.writerow([image, metric.convention, *values])

    monkeypatch.setattr(runs, 'call', call)

    def run(*arguments):
        calls.clear()
        words = ['--work-dir', tmp_path / 'runs', *arguments]
        monkeypatch.setattr(sys, 'argv', ['ablation.py', *rows, *map(str, words)])
        status = 0
        try:
            tool.main()
        except SystemExit as stop:
            status = stop.code
        out, err = capsys.readouterr()
        tools = [word for c in calls for word in c if word in ('train', 'test')]
        return status, out, err, tools

    run.epochs, run.failing, run.calls = 3, None, calls
    return run


def test_each_row_is_trained_tested_and_printed_once(ablate, tmp_path):
    out_files = tmp_path / 'table.md', tmp_path / 'table.json'
    status, out, err, tools = ablate('--out', *out_files)
    assert status == 0, err
    assert tools == ['train', 'test', 'train', 'test']
    lines = out.splitlines()
    assert lines[0].startswith('convention: tsjnet, 2 pairs')
    assert lines[1].split()[:6] == ['method', 'SSIM↑', 'PSNR↑', 'MSE↓', 'CC↑', 'CV↓']
    assert [line.split('  ')[0] for line in lines[2:]] == ['whole', 'w/o diversity']
    assert out_files[0].read_text().startswith('Convention: tsjnet')
    assert json.loads(out_files[1].read_text())['means']['w/o diversity']['SSIM'] == 0.6
    train = ablate.calls[0] if ablate.calls else []
    assert '--resume' in train and train[train.index('--work-dir') + 1].endswith('runs/whole')

    again = ablate()
    assert again[0] == 0 and again[1] == out and again[3] == []


def test_rows_with_several_seeds(ablate, tmp_path):
    files = tmp_path / 'table.md', tmp_path / 'table.json'
    metrics = '--metrics', 'SSIM'
    status, out, err, tools = ablate(*metrics, '--seeds', 0, 3, 4, '--out', *files)
    assert status == 0, err
    assert tools == ['train', 'test'] * 6
    trained = [words for words in ablate.calls if 'train' in words]
    assert [words[-1] for words in trained] == [
        f'randomness.seed={seed}' for seed in (0, 0, 3, 3, 4, 4)
    ]
    assert [Path(words[words.index('--work-dir') + 1]).name for words in trained[:3]] == [
        'whole-seed0', 'without-seed0', 'whole-seed3',
    ]  # fmt: skip
    # .50, .56 and .58: mean .5467, deviation .0416 (divided by 2).
    assert 'whole              3  0.547 ± 0.042' in out
    assert 'w/o diversity      3  0.647 ± 0.042' in out
    assert 'mean ± standard deviation over seeds' in files[0].read_text()
    means = json.loads(files[1].read_text())['means']
    assert means['whole, seed 3']['SSIM'] == pytest.approx(0.56) and len(means) == 6

    more = ablate(*metrics, '--seeds', 0, 3, 4, 5)
    assert more[0] == 0, more[2]
    assert more[3] == ['train', 'test'] * 2 and 'whole              4  0.560 ± 0.0' in more[1]
    ablate.failing = 'without'
    status, out, err, _ = ablate(*metrics, '--seeds', 7)
    assert status == 1 and 'w/o diversity, seed 7: exit status 1' in err
    assert 'whole       1   0.64' in out and 'diversity' not in out
    status, _, err, _ = ablate('--seeds', 1, 1)
    assert status == 1 and 'each seed must be there once, got 1 1' in err


def test_other_questions_are_tested_but_not_trained_again(ablate, tmp_path):
    ablate()
    assert ablate('--convention', 'plain')[3] == ['test', 'test']
    assert ablate('--metrics', 'SSIM', 'EN', '--convention', 'plain')[3] == ['test'] * 2
    assert ablate()[3] == []
    other = tmp_path / 'other.py'
    other.write_text(
        f"_base_ = '{tmp_path / 'whole.py'}'\ntest_dataloader = dict(batch_size=2)\n"
    )
    assert ablate('--test-config', other)[3] == ['test', 'test']
    checkpoint = tmp_path / 'runs' / 'whole' / 'epoch_3.pth'
    ablate()
    os.utime(checkpoint, (1, 1))
    assert ablate()[3] == []  # Its content counts.
    checkpoint.write_bytes(b'trained again')
    assert ablate()[3] == ['test']
    checkpoint.unlink()
    assert ablate()[3] == []


def test_failed_row_is_reported_and_the_others_go_on(ablate, tmp_path):
    ablate.failing = 'whole'
    status, out, err, _ = ablate()
    assert status == 1
    assert 'w/o diversity' in out and 'whole' not in out
    log = tmp_path / 'runs' / 'whole' / 'train.log'
    assert f'error: 1 row is missing:\n  whole: exit status 1, see {log}' in err
    ablate.failing = None
    assert ablate()[3] == ['train', 'test']


def test_training_that_leaves_no_checkpoint_is_a_failure(ablate):
    ablate.epochs = 2
    status, out, err, _ = ablate()
    assert status == 1 and not out and 'the training left no' in err and 'epoch_3.pth' in err


def test_folder_of_other_settings_is_refused(ablate):
    ablate()
    status, out, err, tools = ablate('--cfg-options', 'optim_wrapper.optimizer.lr=0.5')
    assert status == 1 and not out and not tools
    assert 'was trained with other settings of optim_wrapper (see whole.py there)' in err
    _, _, err, _ = ablate('--cfg-options', 'randomness.seed=1', 'train_cfg.max_epochs=9')
    assert 'other settings of train_cfg, randomness' in err


def test_options_and_gpus_reach_the_training(ablate):
    ablate('--gpus', 4, '--cfg-options', 'train_dataloader.num_workers=0')
    train = ablate.calls[0]
    assert train[1:3] == ['-m', 'torch.distributed.run'] and '--nproc_per_node=4' in train
    assert train[train.index('--launcher') + 1] == 'pytorch'
    assert train[-2:] == ['--cfg-options', 'train_dataloader.num_workers=0']
    assert ablate.calls[1][1:4] == ['-m', 'tsjnet_mm', 'test']


def test_folder_in_use_is_refused(ablate, tmp_path):
    fcntl = pytest.importorskip('fcntl')
    (tmp_path / 'runs' / 'whole').mkdir(parents=True)
    with open(tmp_path / 'runs' / 'whole' / '.lock', 'w') as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        status, _, err, _ = ablate()
    assert status == 1 and 'runs/whole is in use by another run' in err


def test_papers_table_and_rows(ablate, repository):
    _, out, _, _ = ablate('--paper')
    assert out.splitlines()[-1].split() == [
        'TSJNet', '0.69', '18.13', '1502.60', '0.62', '344.20',
    ]  # fmt: skip
    names = [line[0] for line in ablation.PAPER[1:]]
    assert names == [*ablation.ROWS]
    for preset in ablation.PRESETS:
        for kind in ablation.ROWS.values():
            name = f'tsjnet_{preset}_{kind}_40e_msrs.py'
            assert (repository / 'configs' / 'tsjnet' / name).is_file()


def test_help_teaches_with_examples_that_parse(load_tool, monkeypatch):
    tool = load_tool('ablation.py')
    examples = tool.__doc__.split('Examples:')[1].split('\n\n')[0].replace('\\\n', ' ')
    commands = [shlex.split(line)[1:] for line in examples.splitlines() if line.strip()]
    assert len(commands) == 3
    for words in commands:
        monkeypatch.setattr(sys, 'argv', words)
        tool.parse_args()


def test_errors(run_main, tmp_path, rows, monkeypatch):
    monkeypatch.setattr(signal, 'signal', lambda *_: None)
    for arguments, message in (
        (['x=none.py'], 'none.py: no such config, of the row x'),
        (
            [rows[0], rows[0].replace('whole=', 'again=')],
            'a config file with a name of its own',
        ),
        ([rows[0], rows[0]], 'each row needs a name of its own'),
        ([rows[0], '--metrics', 'nothing'], 'nothing'),
        ([rows[0], '--convention', 'tang'], 'CV'),
        ([rows[0], '--gpus', 0], '--gpus must be at least 1'),
        ([rows[0], '--out', 'a.txt'], 'a.txt: expected a name ending in .csv, .json or .md'),
    ):
        status, _, err = run_main('ablation.py', *arguments, '--work-dir', tmp_path / 'runs')
        assert status == 1 and err.startswith('error: ') and message in err, err
    status, _, err = run_main('ablation.py', 'whole')
    assert status == 2 and "expected NAME=PATH, got 'whole'" in err


@pytest.fixture
def killable(tiny_config, tmp_path):
    (tmp_path / 'killer.py').write_text(KILLER)
    return tiny_config(
        'killable.py',
        epochs=3,
        custom_imports={'imports': ['tsjnet_mm', 'killer'], 'allow_failed_imports': False},
        custom_hooks=[
            {'type': 'TrainLossPlateauHook'},
            {'type': 'mmengine.Killer', 'priority': 'LOWEST'},
        ],
    )


@pytest.mark.slow
def test_killed_training_goes_on_where_it_was(killable, run_tool, load_checkpoint, tmp_path):
    paths = f'{tmp_path}:{":".join(sys.path)}'
    whole = tmp_path / 'whole'
    run_tool('train.py', killable, '--work-dir', whole, PYTHONPATH=paths)
    command = ['ablation.py', f'row={killable}', '--work-dir', tmp_path / 'runs']
    killed = run_tool(*command, check=False, PYTHONPATH=paths, KILL_AT='7')
    folder = tmp_path / 'runs' / 'killable'
    assert (
        killed.returncode == 1
        and f'exit status -9, see {folder / "train.log"}' in killed.stderr
    )
    done = run_tool(*command, '--out', tmp_path / 'table.md', PYTHONPATH=paths)
    assert 'resumed epoch: 2' in (folder / 'train.log').read_text()
    expected, found = (load_checkpoint(run / 'epoch_3.pth') for run in (whole, folder))
    torch.testing.assert_close(found['state_dict'], expected['state_dict'], rtol=0, atol=0)
    assert done.stdout.splitlines()[2].startswith('row ')
    assert (tmp_path / 'table.md').is_file()
    started = time.monotonic()
    again = run_tool(*command, PYTHONPATH=paths)
    assert again.stdout == done.stdout and time.monotonic() - started < 30
    assert not list(folder.rglob('*.part*'))


@pytest.mark.slow
def test_ended_ablation_ends_its_training(tiny_config, repository, tmp_path):
    config = tiny_config('long.py', epochs=10000)
    process = subprocess.Popen(
        [sys.executable, repository / 'tools' / 'ablation.py', f'row={config}', '--work-dir',
         tmp_path / 'runs'],
        env={**os.environ, 'PYTHONPATH': str(repository), 'OMP_NUM_THREADS': '1'},
        stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    log = tmp_path / 'runs' / 'long' / 'train.log'
    deadline = time.monotonic() + 120
    while not (log.parent / 'epoch_2.pth').exists() and time.monotonic() < deadline:
        time.sleep(0.2)
    process.terminate()
    assert process.wait(60) == 143
    assert (
        'interrupted: run the same command again to continue from here' in process.stderr.read()
    )
    size = log.stat().st_size
    time.sleep(2)
    assert log.stat().st_size == size
