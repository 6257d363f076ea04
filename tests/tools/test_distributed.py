"""Two CPU processes through torchrun, as tools/dist_train.sh starts them on GPUs."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).resolve().parents[2]

# One step's gradients with batch normalisation in eval mode, of the mean over a batch of two,
# either in one process or with one pair in each of two.
WORKER = """
import os
import sys
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmengine.runner import Runner

import tsjnet_mm
from tsjnet_mm.engine.launch import end_distributed, fit_to_machine

def main(config, out, launcher):
    cfg = Config.fromfile(config)
    cfg.launcher = launcher
    cfg.work_dir = os.path.dirname(out)
    fit_to_machine(cfg, launcher)
    runner = Runner.from_cfg(cfg)
    runner.itself = runner  # In training its loops hold it: only collection frees the model.
    model = runner.model
    network = getattr(model, 'module', model)
    state = torch.load(os.environ['STATE'], weights_only=True)
    network.load_state_dict(state)
    model.eval()
    data = torch.load(os.environ['PAIRS'], weights_only=True)
    rank, world = (int(os.environ.get(name, d)) for name, d in (('RANK', 0), ('WORLD_SIZE', 1)))
    inputs = {name: images[rank::world] for name, images in data.items()}
    losses = model(inputs=inputs, mode='loss')
    sum(losses.values()).backward()
    gradients = {name: p.grad for name, p in network.named_parameters()}
    torch.save(gradients, f'{out}.{rank}')


def gloo_threads():
    names = (path.read_text() for path in Path('/proc/self/task').glob('*/comm'))
    return sum('gloo' in name for name in names)


main(*sys.argv[1:])
assert gloo_threads() > 0 or sys.argv[3] == 'none' or sys.platform != 'linux'
end_distributed()
assert gloo_threads() == 0
"""


def free_port():
    with socket.socket() as sock:
        sock.bind(('127.0.0.1', 0))
        return sock.getsockname()[1]


def launch(processes, *command, **environment):
    launcher = ['-m', 'torch.distributed.run', f'--nproc_per_node={processes}']
    launcher += [f'--master_port={free_port()}']
    done = subprocess.run(
        [sys.executable, *(launcher if processes > 1 else []), *map(str, command)],
        env={**os.environ, 'PYTHONPATH': str(ROOT), 'OMP_NUM_THREADS': '1', **environment},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done


@pytest.mark.slow
@pytest.mark.skipif(torch.cuda.is_available(), reason='gloo between CPU processes')
def test_two_processes_average_to_the_joined_batch(tiny_config, tiny_fusor, tmp_path):
    from mmengine.registry import DefaultScope

    from tsjnet_mm.registry import MODELS

    torch.manual_seed(0)
    with DefaultScope.overwrite_default_scope('tsjnet_mm'):
        fusor = MODELS.build(tiny_fusor)
    torch.save(fusor.state_dict(), tmp_path / 'state.pth')
    pairs = {'ir': torch.rand(2, 1, 32, 32), 'vi': torch.rand(2, 3, 32, 32)}
    torch.save(pairs, tmp_path / 'pairs.pth')
    worker = tmp_path / 'worker.py'
    worker.write_text(WORKER)
    config = tiny_config()
    where = {'STATE': str(tmp_path / 'state.pth'), 'PAIRS': str(tmp_path / 'pairs.pth')}
    launch(1, worker, config, tmp_path / 'one', 'none', **where)
    launch(2, worker, config, tmp_path / 'two', 'pytorch', **where)

    single = torch.load(tmp_path / 'one.0')
    first, second = (torch.load(tmp_path / f'two.{rank}') for rank in range(2))
    torch.testing.assert_close(first, second, rtol=0, atol=0)
    torch.testing.assert_close(first, single, rtol=1e-4, atol=1e-6)


@pytest.mark.skipif(torch.cuda.is_available(), reason='gloo between CPU processes')
def test_dist_scripts_train_and_test(tiny_config, load_checkpoint, tmp_path):
    config, work_dir = tiny_config(epochs=1), tmp_path / 'dist'
    environment = {
        **os.environ,
        'PYTHON': sys.executable,
        'PORT': str(free_port()),
        'OMP_NUM_THREADS': '1',
    }

    def script(name, *arguments):
        done = subprocess.run(
            ['bash', str(ROOT / 'tools' / name), *map(str, arguments)],
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    script('dist_train.sh', config, 2, '--work-dir', work_dir)
    checkpoint = work_dir / 'epoch_1.pth'
    # Six pairs, two a process: two iterations (the sampler fills the last one up).
    assert load_checkpoint(checkpoint)['meta']['iter'] == 2
    table = script('dist_test.sh', config, checkpoint, 2, '--work-dir', work_dir)
    assert 'convention: plain' in table
