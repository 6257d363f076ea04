import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tsjnet_mm.utils.guarded import guarded_command, run_process

ROOT = Path(__file__).resolve().parents[2]

# What other packages do: mmengine's loader, torch's, and both in workers of either kind.
SCRIPT = """
import multiprocessing, os, sys
import torch

def load(path):
    try:
        torch.load(path, weights_only=False)
        return 'read'
    except Exception as error:
        return type(error).__name__

def load_by_mmengine(path):
    from mmengine.runner import load_checkpoint
    try:
        load_checkpoint(torch.nn.Linear(2, 1), path, logger='silent')
        return 'read'
    except Exception as error:
        return type(error).__name__

class Loads(torch.utils.data.Dataset):
    def __len__(self):
        return 1

    def __getitem__(self, index):
        return load(sys.argv[1])

if __name__ == '__main__':
    print(sys.argv, __name__, sys.path[0])
    path = sys.argv[1]
    print(load(path), load_by_mmengine(path))
    if 'BARE' in os.environ:
        sys.exit()
    for method in ('fork', 'spawn'):
        with multiprocessing.get_context(method).Pool(1) as pool:
            print(pool.map(load, [path]), pool.map(load_by_mmengine, [path]))
        loader = torch.utils.data.DataLoader(
            Loads(), num_workers=1, multiprocessing_context=method
        )
        print([*loader])
"""


def test_nothing_that_a_script_starts_runs_code(hostile, trap, tmp_path):
    script = tmp_path / 'script.py'
    script.write_text(SCRIPT)
    with open(tmp_path / 'log', 'w') as log:
        assert run_process(guarded_command(script, hostile), stdout=log) == 0
    first, *lines = (tmp_path / 'log').read_text().splitlines()
    assert first == f"['{script}', '{hostile}'] __main__ {tmp_path}"
    assert lines[0] == 'UnpicklingError CheckpointError'
    # A spawned worker has mmengine unguarded; there torch refuses what that falls back to.
    assert "['UnpicklingError'] ['UnpicklingError']" in lines
    assert lines.count("[['UnpicklingError']]") == 2 and not any('read' in x for x in lines)
    assert not trap.exists()
    bare = {
        **os.environ,
        'TORCH_FORCE_WEIGHTS_ONLY_LOAD': '',
        'PYTHONPATH': str(ROOT),
        'BARE': '1',
    }
    subprocess.run([sys.executable, script, hostile], env=bare, capture_output=True)
    assert trap.exists()  # The trap works.


def test_commands():
    command = guarded_command('train.py', 'config.py', '--resume')
    assert command == [
        *(sys.executable, '-m', 'tsjnet_mm.utils.guarded', 'train.py', 'config.py', '--resume')
    ]
    several = guarded_command('train.py', 'config.py', processes=3)
    assert several[1:5] == ['-m', 'torch.distributed.run', '--standalone', '--nproc_per_node=3']
    assert several[5:] == ['-m', '--', *command[2:5], '--launcher', 'pytorch']


def test_status_of_the_script(tmp_path):
    (tmp_path / 'script.py').write_text('raise SystemExit(7)')
    assert run_process(guarded_command(tmp_path / 'script.py')) == 7
    done = subprocess.run(guarded_command('x')[:-1], capture_output=True, text=True)
    assert done.returncode == 1 and 'SCRIPT [ARGUMENT ...]' in done.stderr


@pytest.mark.skipif(os.name == 'nt', reason='no such signals')
def test_the_started_process_ends_with_this_one(tmp_path):
    (tmp_path / 'script.py').write_text(
        'import time\n'
        'from tsjnet_mm.utils import whole_file\n'
        f'with whole_file({str(tmp_path / "out" / "a.txt")!r}) as partial:\n'
        '    partial.write_text("half")\n'
        '    time.sleep(60)\n'
    )
    program = (
        'import sys\n'
        'from tsjnet_mm.utils.guarded import guarded_command, run_process\n'
        'from tsjnet_mm.cli.program import tool\n'
        '@tool()\n'
        'def main():\n'
        '    run_process(guarded_command(sys.argv[1]))\n'
        'main()\n'
    )
    process = subprocess.Popen(
        [sys.executable, '-c', program, tmp_path / 'script.py'],
        env={**os.environ, 'PYTHONPATH': str(ROOT)},
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob('out/.*.part*')):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 143
    assert not list((tmp_path / 'out').iterdir())
