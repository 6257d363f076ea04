import importlib
import importlib.util
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
#: Python runs this first: every address that the server connects to or looks up is noted.
WATCH = """
import os, sys

def note(event, arguments):
    if event in ('socket.connect', 'socket.getaddrinfo'):
        address = arguments[1] if event == 'socket.connect' else arguments[0]
        with open(os.environ['NOTED'], 'a') as file:
            file.write(f'{event} {address}\\n')

sys.addaudithook(note)
"""


@pytest.fixture(scope='session')
def repository():
    """The source tree, with its tools and configs."""
    return ROOT


@pytest.fixture(scope='session')
def load_tool():
    """Import what a script of tools/, named by its path under that folder, calls."""

    def load(path):
        if path == 'quickstart.py':
            spec = importlib.util.spec_from_file_location('quickstart', ROOT / 'tools' / path)
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
            return module
        return importlib.import_module(f'tsjnet_mm.cli.{Path(path).stem}')

    return load


@pytest.fixture
def run_main(load_tool, monkeypatch, capsys):
    """Run a script of tools/ in this process; returns its exit status, stdout and stderr."""

    def run(tool, *arguments):
        monkeypatch.setattr(sys, 'argv', [tool, *map(str, arguments)])
        status = 0
        try:
            load_tool(tool).main()
        except SystemExit as stop:
            status = stop.code
        return status, *capsys.readouterr()

    return run


@pytest.fixture(scope='session')
def run_tool():
    """Run a script of tools/ in a process of its own; returns it completed."""

    def run(*command, check=True, launch=(), **environment):
        process = subprocess.run(
            [sys.executable, *launch, str(ROOT / 'tools' / command[0]), *map(str, command[1:])],
            env={
                **os.environ,
                'PYTHONPATH': str(ROOT),
                'OMP_NUM_THREADS': '1',
                **environment,
            },
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert not check or process.returncode == 0, process.stdout + process.stderr
        return process

    return run


@pytest.fixture
def tiny_config(tiny_fusor, pair_folder, tmp_path):
    """Write a config that trains a tiny fusor on six random pairs; returns its path."""

    def write(name='tiny.py', epochs=3, **changes):
        data = pair_folder(stems=[f'{index:02d}' for index in range(6)], size=(48, 48))
        dataset = {
            'type': 'FolderDataset',
            'data_root': str(data),
            'pipeline': [
                {'type': 'LoadPair'},
                {'type': 'RandomCropPair', 'crop_size': (32, 32)},
                {'type': 'RandomFlipPair', 'prob': 0.5},
                {'type': 'PackFusionInputs'},
            ],
        }
        tested = {
            'batch_size': 1,
            'num_workers': 0,
            'sampler': {'type': 'DefaultSampler', 'shuffle': False},
            'dataset': {
                **dataset,
                'test_mode': True,
                'pipeline': [{'type': 'LoadPair'}, {'type': 'PackFusionInputs'}],
            },
        }
        config = {
            '_base_': [str(ROOT / 'configs' / '_base_' / 'default_runtime.py')],
            'model': tiny_fusor,
            'train_dataloader': {
                'batch_size': 2,
                'num_workers': 0,
                'worker_init_fn': {'type': 'tsjnet_mm.epoch_worker_init_fn'},
                'sampler': {'type': 'DefaultSampler', 'shuffle': True},
                'dataset': dataset,
            },
            'val_dataloader': tested,
            'test_dataloader': tested,
            'train_cfg': {
                'type': 'EpochBasedTrainLoop',
                'max_epochs': epochs,
                'val_interval': 100,
            },
            'val_cfg': {'type': 'ValLoop'},
            'test_cfg': {'type': 'TestLoop'},
            'optim_wrapper': {
                'type': 'AmpOptimWrapper',
                'optimizer': {'type': 'Adam', 'lr': 1e-2},
            },
            'param_scheduler': [
                {'type': 'ReduceOnTrainLossLR', 'factor': 0.1, 'patience': 0, 'threshold': 0.5}
            ],
            'custom_hooks': [{'type': 'TrainLossPlateauHook'}],
            'work_dir': str(tmp_path / 'work'),
            **changes,
        }
        path = tmp_path / name
        lines = [f'{key} = {value!r}' for key, value in config.items()]
        path.write_text('\n'.join(lines) + '\n')
        return path

    return write


@pytest.fixture(scope='session')
def gradio():
    return pytest.importorskip('gradio', reason='needs requirements/demo.txt')


@pytest.fixture(scope='session')
def server(gradio, repository, tmp_path_factory):
    """The real server, on a port of its own; its port, process and noted addresses."""
    folder = tmp_path_factory.mktemp('server')
    (folder / 'sitecustomize.py').write_text(WATCH)
    environment = {
        **os.environ,
        'PYTHONPATH': os.pathsep.join([str(folder), str(repository), *filter(None, sys.path)]),
        'HTTP_PROXY': 'http://127.0.0.1:9',  # Nobody is there.
        'OMP_NUM_THREADS': '1',
        'NOTED': str(folder / 'noted'),
        'TMPDIR': str(folder),
    }
    limits = ['--max-megabytes', '2', '--max-megapixels', '1', '--device', 'cpu']
    limits += ['--allowed-host', 'lab.example']
    with socket.socket() as taken, open(folder / 'errors', 'w') as errors:
        taken.bind(('127.0.0.1', 0))
        taken.listen()
        port = taken.getsockname()[1]
        process = subprocess.Popen(
            [sys.executable, repository / 'tools' / 'demo.py', '--port', str(port), *limits],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
        try:
            lines = [process.stdout.readline()]
            while lines[-1] and 'open http' not in lines[-1]:
                lines.append(process.stdout.readline())
            found = re.search(r'http://127\.0\.0\.1:(\d+)', lines[-1])
            assert found, (folder / 'errors').read_text()
            assert lines[0] == f'port {port} is taken, using {found[1]}\n'
            yield int(found[1]), process, folder
        finally:
            process.terminate()
            process.wait(30)
    assert process.returncode == 0
    assert (folder / 'errors').read_text() == ''
    assert not list(folder.glob('tsjnet_demo_*'))
