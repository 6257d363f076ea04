import contextlib
import json
import os
import signal
import subprocess
import sys
import time

import pytest
from mmengine.config import Config

from tsjnet_mm.protocols import runs
from tsjnet_mm.protocols.runs import Run, RunFailed, call, claimed, finish_runs, train_and_test

MODEL = {'type': 'Net', 'depth': 2, 'widths': (4, 8)}


def config(**changes):
    loader = {'batch_size': 2, 'num_workers': 0, 'persistent_workers': True}
    return Config(
        {
            'model': MODEL,
            'train_dataloader': loader,
            'train_cfg': {'max_epochs': 3},
            'optim_wrapper': {'type': 'AmpOptimWrapper', 'loss_scale': 2, 'lr': 0.1},
            **changes,
        }
    )


class CountedRun(Run):
    """Trains in a blink; its score is the number of times that it was computed."""

    def __init__(self, folder, cfg=None, name='a', fails=None, **settings):
        self.name, self.folder = name, folder / name
        self.record, self.scores = self.folder / 'net.py', self.folder / 'scores.json'
        self.cfg, self.settings, self.fails = cfg or config(), settings, fails

    def compute(self):
        if self.fails:
            raise self.fails
        self.cfg.dump(str(self.record))
        (self.folder / 'epoch_3.pth').write_bytes(b'weights')
        before = json.loads(self.scores.read_text())['scores'] if self.scores.exists() else 0
        return before + 1


def finish(*arguments, **options):
    run = CountedRun(*arguments, **options)
    return run.finish(lambda line: None)


def test_scores_are_kept_as_long_as_settings_and_checkpoint_are_the_same(tmp_path):
    assert finish(tmp_path, metrics=('A',)) == 1
    assert finish(tmp_path, metrics=['A']) == 1
    assert finish(tmp_path, metrics=['A', 'B']) == 2
    assert finish(tmp_path, metrics=['A', 'B']) == 2
    checkpoint = tmp_path / 'a' / 'epoch_3.pth'
    os.utime(checkpoint, (1, 1))
    assert finish(tmp_path, metrics=['A', 'B']) == 2
    checkpoint.write_bytes(b'weightz')
    assert finish(tmp_path, metrics=['A', 'B']) == 3
    checkpoint.unlink()  # To save space.
    assert finish(tmp_path, metrics=['A', 'B']) == 3
    assert finish(tmp_path, metrics=['A']) == 4


@pytest.mark.parametrize(
    'text', ['', '[]', '{"scores": 7}', '{"tsjnet_mm": {"checkpoint": null}}', '{"tsjnet']
)
def test_damaged_scores_are_computed_again(tmp_path, text):
    finish(tmp_path)
    (tmp_path / 'a' / 'scores.json').write_text(text)
    run = CountedRun(tmp_path)
    run.compute = lambda: 9
    assert run.finish(lambda line: None) == 9


@pytest.mark.parametrize(
    ('changes', 'named'),
    [
        ({'model': {**MODEL, 'depth': 3}}, 'model'),
        ({'train_dataloader': {'batch_size': 4}}, 'train_dataloader'),
        ({'optim_wrapper': {'lr': 0.2}}, 'optim_wrapper'),
        ({'param_scheduler': [{'type': 'LinearLR'}]}, 'param_scheduler'),
        ({'custom_hooks': [{'type': 'EMAHook'}]}, 'custom_hooks'),
        ({'randomness': {'seed': 1}, 'load_from': 'x.pth'}, 'randomness, load_from'),
    ],
)
def test_a_folder_of_other_settings_is_refused(tmp_path, changes, named):
    finish(tmp_path)
    message = rf'holds a run of another config.* settings of {named} \(see net\.py there\)'
    with pytest.raises(ValueError, match=message):
        finish(tmp_path, config(**changes))


@pytest.mark.parametrize(
    'changes',
    [
        {'model': {**MODEL, 'widths': [4, 8]}},
        {'optim_wrapper': {'type': 'OptimWrapper', 'lr': 0.1}},
        {'train_dataloader': {'batch_size': 2, 'num_workers': 0, 'pin_memory': True}},
        {'test_cfg': {'type': 'TestLoop'}, 'work_dir': 'elsewhere', 'log_level': 'ERROR'},
    ],
)
def test_where_and_how_fast_it_is_computed_does_not_matter(tmp_path, changes):
    finish(tmp_path)
    assert finish(tmp_path, config(**changes)) == 1


@pytest.mark.parametrize(
    'recorded',
    [
        {'load_from': 'x/epoch_2.pth', 'resume': True},  # As the Runner resumes,
        {'load_from': None, 'resume': True},  # as mmdet's tools/train.py does,
        {'load_from': '/before/it/was/moved/a/epoch_3.pth'},  # and as tools/test.py leaves it.
    ],
)
def test_a_record_with_its_own_checkpoint_says_nothing_of_the_start(tmp_path, recorded):
    first = config(load_from='pretrained.pth')
    finish(tmp_path, first)
    config(**recorded).dump(str(tmp_path / 'a' / 'net.py'))
    assert finish(tmp_path, first) == 1


def test_a_failure_leaves_the_others(tmp_path):
    lines = []
    names = {'a': None, 'b': RunFailed('no memory'), 'c': KeyError('loss'), 'd': None}
    finished, failed = finish_runs(
        [CountedRun(tmp_path, name=name, fails=error) for name, error in names.items()],
        lines.append,
    )
    assert [(run.name, score) for run, score in finished] == [('a', 1), ('d', 1)]
    assert [(run.name, reason) for run, reason in failed] == [
        ('b', 'no memory'),
        ('c', "'loss'"),
    ]
    assert 'b: failed: no memory' in lines
    with pytest.raises(ZeroDivisionError):  # A fault of the program is no failed run.
        finish_runs([CountedRun(tmp_path, name='e', fails=ZeroDivisionError())])


def test_a_training_whose_protocol_was_killed_keeps_the_claim(tmp_path):
    pytest.importorskip('fcntl')
    log = tmp_path / 'log.txt'
    training = 'import os, time; print(os.getpid(), flush=True); time.sleep(60)'
    code = (
        'import sys; from tsjnet_mm.protocols.runs import call, claimed\n'
        f'with claimed({str(tmp_path)!r}):\n'
        f'    call([sys.executable, "-c", {training!r}], {str(log)!r})'
    )
    protocol = subprocess.Popen([sys.executable, '-c', code])
    number = None
    while number is None and protocol.poll() is None:
        time.sleep(0.1)
        lines = log.read_text().splitlines() if log.exists() else []
        number = int(lines[-1]) if lines and lines[-1].isdigit() else None
    protocol.kill()
    protocol.wait()
    with pytest.raises(RunFailed, match='is in use by another run'), claimed(tmp_path):
        pass
    os.kill(number, signal.SIGKILL)
    for _ in range(100):
        with contextlib.suppress(RunFailed), claimed(tmp_path):
            return
        time.sleep(0.1)
    pytest.fail('the claim outlived the training')


def test_the_end_of_the_log_says_why(tmp_path):
    log = tmp_path / 'log.txt'
    call([sys.executable, '-c', 'print("fine")'], log)
    script = 'import sys; print("first"); sys.exit("error: the disk is full")'
    message = rf'exit status 1, see {log}: error: the disk is full$'
    with pytest.raises(RunFailed, match=message):
        call([sys.executable, '-c', script], log)
    assert log.read_text().splitlines()[1] == 'fine'  # Of earlier processes nothing is lost.


@pytest.fixture
def calls(monkeypatch):
    """Commands instead of processes; those that train write the files they name."""
    found = []

    def call(command, log):
        found.append((command, log.name))
        for path in command[1:] if command[0] == 'train' else ():
            path.write_bytes(b'')
            (path.parent / 'last_checkpoint').write_text(f'{path}\n')

    monkeypatch.setattr(runs, 'call', call)
    return found


@pytest.mark.parametrize(
    ('loop', 'left', 'tested'),
    [
        ({'max_epochs': 3}, 'epoch_3.pth', 'epoch_3.pth'),
        ({'max_iters': 80}, 'iter_80.pth', 'iter_80.pth'),
        ({'max_epochs': 3}, 'iter_240.pth', 'iter_240.pth'),  # Named or stopped by a hook.
    ],
)
def test_the_checkpoint_that_is_left_is_tested(tmp_path, calls, loop, left, tested):
    logs, cfg = (tmp_path / 'train.log', tmp_path / 'test.log'), config(train_cfg=loop)
    for _ in range(2):
        found = train_and_test(
            ['train', tmp_path / left], lambda path: ['test', path], cfg, tmp_path, logs
        )
        assert found == tmp_path / tested
    kinds = [(command[0], log) for command, log in calls]
    train, test = ('train', 'train.log'), ('test', 'test.log')
    assert kinds == [train, test] + ([train, test] if 'iter_2' in left else [test])
    assert calls[1][0][1] == tmp_path / tested


def test_a_training_that_leaves_nothing_failed(tmp_path, calls):
    with pytest.raises(RunFailed, match=r'the training left no .*epoch_3\.pth'):
        train_and_test(['train'], lambda path: ['test'], config(), tmp_path, (tmp_path,) * 2)
    assert [command[0] for command, _ in calls] == ['train']
