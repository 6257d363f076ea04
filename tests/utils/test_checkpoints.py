import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from mmengine.logging import HistoryBuffer

from tsjnet_mm.utils.checkpoints import CheckpointError, read_checkpoint

ROOT = Path(__file__).resolve().parents[2]

# Loads by mmengine's door, in a process of its own: the guard is for whole processes.
LOAD = """
import sys
from pickle import UnpicklingError

from mmengine.runner import CheckpointLoader, load_checkpoint
from torch import load, nn

import tsjnet_mm
from tsjnet_mm.utils.checkpoints import CheckpointError, refuse_unsafe_checkpoints

if sys.argv[1] == 'guarded':
    refuse_unsafe_checkpoints()
for path in sys.argv[2:]:
    try:
        if path.startswith('torch:'):
            load(path.removeprefix('torch:'), weights_only=False)
        else:
            load_checkpoint(nn.Linear(2, 1), path, strict=True, logger='silent')
        print('read')
    except CheckpointError as error:
        print(error)
    except UnpicklingError:
        print('UnpicklingError')
"""


class Harmful:
    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return os.mkdir, (self.path,)


@pytest.fixture
def trap(tmp_path):
    """Folder that a checkpoint, bad.pth beside it, makes when it is unpickled."""
    path = tmp_path / 'trap'
    state_dict = torch.nn.Linear(2, 1).state_dict()
    torch.save({'state_dict': state_dict, 'meta': Harmful(path)}, tmp_path / 'bad.pth')
    yield path


@pytest.fixture
def load(tmp_path):
    script = tmp_path / 'load.py'
    script.write_text(LOAD)

    def run(*arguments, **environment):
        done = subprocess.run(
            [sys.executable, script, *map(str, arguments)],
            env={
                **os.environ,
                'PYTHONPATH': str(ROOT),
                'OMP_NUM_THREADS': '1',
                'TORCH_HOME': str(tmp_path / 'hub'),
                'no_proxy': '*',
                **environment,
            },
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        return [line for line in done.stdout.splitlines() if 'Downloading' not in line]

    return run


@pytest.fixture
def runner_checkpoint(tmp_path):
    """What the Runner writes: weights beside a log history."""
    history = HistoryBuffer([1.0, 2.0], [1, 1])
    path = tmp_path / 'epoch_1.pth'
    torch.save(
        {
            'state_dict': torch.nn.Linear(2, 1).state_dict(),
            'message_hub': {'log_scalars': {'train/loss': history}},
        },
        path,
    )
    return path


@pytest.fixture
def server(tmp_path):
    """Address at which tmp_path is served."""
    process = subprocess.Popen(
        [sys.executable, '-u', '-m', 'http.server', '0', '--bind', '127.0.0.1'],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    yield 'http://127.0.0.1:' + process.stdout.readline().split(' port ')[1].split()[0]
    process.terminate()
    process.wait()


def test_the_trap_works(trap, tmp_path):
    torch.load(tmp_path / 'bad.pth', weights_only=False)
    assert trap.is_dir()


def test_harmful_pickle_is_refused_unread(trap, tmp_path):
    with pytest.raises(
        CheckpointError, match=r'bad\.pth is refused: .*mkdir.* ask for a file'
    ) as raised:
        read_checkpoint(tmp_path / 'bad.pth')
    assert not trap.exists()
    assert '\n' not in str(raised.value)


def test_what_the_runner_stores_is_read(runner_checkpoint):
    history = read_checkpoint(runner_checkpoint)['message_hub']['log_scalars']['train/loss']
    assert history.data[0].tolist() == [1.0, 2.0]


@pytest.mark.parametrize(
    'content', [b'', b'hello world', b'PK\x03\x04 torn', pickle.dumps(Harmful('/x/y'), 2)]
)
def test_damaged_and_foreign_files_are_refused(content, tmp_path):
    (tmp_path / 'some.pth').write_bytes(content)
    with pytest.raises(CheckpointError, match=r'some\.pth is refused'):
        read_checkpoint(tmp_path / 'some.pth')


def test_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'no checkpoint at .*none\.pth'):
        read_checkpoint(tmp_path / 'none.pth')


@pytest.mark.parametrize('advice', ['', 'TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD'])
def test_mmengine_refuses_what_is_harmful_and_reads_the_rest(
    trap, load, runner_checkpoint, server, advice
):
    bad, good = trap.with_name('bad.pth'), runner_checkpoint
    doors = [good, bad, good, f'{server}/{bad.name}', f'{server}/{good.name}', f'torch:{bad}']
    first, second, *rest = load('guarded', *doors, **({advice: '1'} if advice else {}))
    assert first == 'read' and second.startswith(f'{bad} is refused: besides weights it holds')
    assert rest[0] == 'read' and rest[1].startswith(f'{server}/bad.pth is refused: besides')
    assert rest[2:] == ['read', 'UnpicklingError']
    assert not trap.exists()


def test_importing_the_package_leaves_the_process_alone(trap, load):
    assert load('alone', f'torch:{trap.with_name("bad.pth")}') == ['read']
    assert trap.is_dir()
