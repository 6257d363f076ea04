import os
import signal
import subprocess
import sys
import time

import cv2
import pytest


@pytest.fixture(scope='module')
def tool(load_tool):
    return load_tool('dataset_converters/make_toy.py')


def test_draws_then_finds_it_there(tool, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    options = ('--out', 'data/toy', '--train', '2', '--test', '1', '--size', '64x48')
    tool.main([*options])
    out, err = capsys.readouterr()
    assert out == 'data/toy: 2 + 1 pairs to train and to test, drawn\n'
    assert ' 3/3 ' in err
    (image,) = (tmp_path / 'data/toy/test/vi').glob('*.png')
    assert cv2.imread(str(image)).shape == (48, 64, 3)
    tool.main([*options])
    out, err = capsys.readouterr()
    assert 'nothing to do' in out and not err


def test_foreign_folder_is_one_line_of_error(tool, tmp_path, capsys):
    (tmp_path / 'notes.txt').write_text('mine')
    with pytest.raises(SystemExit, match='1'):
        tool.main(['--out', str(tmp_path), '--train', '1'])
    out, err = capsys.readouterr()
    assert not out and err.startswith(f'error: {tmp_path}: not overwritten')
    assert [path.name for path in tmp_path.iterdir()] == ['notes.txt']


def test_bad_sizes(tool, tmp_path, capsys):
    with pytest.raises(SystemExit):
        tool.main(['--out', str(tmp_path / 'toy'), '--size', '320'])
    assert "expected WIDTHxHEIGHT such as 320x240, got '320'" in capsys.readouterr().err
    with pytest.raises(SystemExit, match='1'):
        tool.main(['--out', str(tmp_path / 'toy'), '--size', '8x8'])
    assert 'each >= 32, got (8, 8)' in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize('kind', [signal.SIGINT, signal.SIGKILL])
def test_stopped_run_leaves_no_half_set(repository, tmp_path, kind):
    script = repository / 'tools' / 'dataset_converters' / 'make_toy.py'
    options = ['--out', str(tmp_path / 'toy'), '--train', '5000', '--size', '64x48']
    path = os.pathsep.join((str(repository), os.environ.get('PYTHONPATH', '')))
    process = subprocess.Popen(
        [sys.executable, str(script), *options],
        env=os.environ | {'PYTHONPATH': path},
        stderr=subprocess.PIPE,
        text=True,
        # A shell's background jobs, and what they start, ignore SIGINT.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    deadline = time.monotonic() + 60
    while not list(tmp_path.rglob('00003?.txt')):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(kind)
    _, err = process.communicate(timeout=60)
    assert not (tmp_path / 'toy').exists()
    if kind == signal.SIGINT:
        assert process.returncode == 130 and 'nothing was written' in err
        assert not list(tmp_path.iterdir())
