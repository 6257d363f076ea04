import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import tsjnet_mm
from tsjnet_mm import __main__ as command_line

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def tsjnet(monkeypatch, capsys):
    """Call the command; returns its exit status and what it printed to either stream."""

    def run(*arguments):
        monkeypatch.setattr(sys, 'argv', ['anything', *map(str, arguments)])
        try:
            command_line.main()
            status = 0
        except SystemExit as error:
            status = error.code or 0
        return status, *capsys.readouterr()

    return run


def test_help_has_a_line_with_an_example_for_each_command(tsjnet):
    status, out, err = tsjnet('--help')
    assert status == 0 and not err
    for command in command_line.COMMANDS:
        assert len(re.findall(rf'^  {command} .*: +tsjnet {command} \S+', out, re.M)) == 1
    assert max(map(len, out.splitlines())) <= 100
    assert tsjnet() == (2, out, '')


@pytest.mark.parametrize('command', command_line.COMMANDS)
def test_help_of_a_command_is_its_scripts(tsjnet, command):
    status, out, _ = tsjnet(command, '--help')
    assert status == 0
    assert out.startswith(f'usage: tsjnet {command} [-h]')
    assert f'{command_line.COMMANDS[command].module}.py' in out


def test_every_command_of_tools_is_listed():
    modules = [command.module for command in command_line.COMMANDS.values()]
    found = (ROOT / 'tsjnet_mm' / 'cli').glob('*.py')
    assert sorted(modules) == sorted(
        path.stem for path in found if '\ndef main(' in path.read_text()
    )


@pytest.mark.parametrize(
    ('typed', 'meant'),
    [
        ('fues', 'fuse'),
        ('Evaluate', 'evaluate'),
        ('fuse_video', 'video'),
        ('export_onnx.py', 'onnx'),
        ('plot_boxs', 'plot-box'),
        ('downstrem', 'downstream'),
        ('qqqq', None),
    ],
)
def test_unknown_command_names_the_nearest(tsjnet, typed, meant):
    status, out, err = tsjnet(typed)
    assert status == 2 and not out
    said = f"did you mean 'tsjnet {meant}'? " if meant else ''
    count = len(command_line.COMMANDS)
    assert err == (
        f"tsjnet: error: no command {typed!r}: {said}'tsjnet --help' lists {count}\n"
    )


def test_version(tsjnet):
    assert tsjnet('--version') == (0, f'tsjnet_mm {tsjnet_mm.__version__}\n', '')


def test_arguments_and_exit_status_pass_through(tsjnet, pair_folder, tmp_path):
    data = pair_folder()
    arguments = ('--ir', data / 'ir', '--vi', data / 'vi', '--out', tmp_path / 'out')
    status, out, _ = tsjnet('fuse', *arguments, '--model', 'average', '--device', 'cpu')
    assert status == 0 and out.startswith('3 fused images')
    assert len(list((tmp_path / 'out').iterdir())) == 3
    status, _, err = tsjnet('fuse', *arguments[2:], '--ir', tmp_path / 'none')
    assert status == 1 and err.startswith('error: no such file')
    status, _, err = tsjnet('fuse', '--ir', data / 'ir')
    assert status == 2 and 'tsjnet fuse: error: the following arguments are required' in err


def test_module_runs_from_anywhere(tmp_path):
    done = subprocess.run(
        [
            sys.executable,
            '-m',
            'tsjnet_mm',
            'fuse',
            '--ir',
            'none',
            '--vi',
            'none',
            '--out',
            'o',
        ],
        cwd=tmp_path,
        env={**os.environ, 'PYTHONPATH': str(ROOT), 'OMP_NUM_THREADS': '1'},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (1, 'error: no such file or folder: none\n')


def test_setup_installs_the_command():
    assert "'tsjnet = tsjnet_mm.__main__:main'" in (ROOT / 'setup.py').read_text()
