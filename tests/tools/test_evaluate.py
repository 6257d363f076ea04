import csv
import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from tsjnet_mm.evaluation import load_results
from tsjnet_mm.metrics import CONVENTIONS, FUSION_METRICS


@pytest.fixture(scope='module')
def tool(load_tool):
    return load_tool('evaluate.py')


@pytest.fixture
def data(pair_folder):
    """Four random pairs and two methods: a good one, in grey, and noise, in colour."""
    root = pair_folder(stems=('1', '2', '3', '10'), size=(64, 64))
    rng = np.random.default_rng(1)
    for folder in ('good', 'noise'):
        (root / folder).mkdir()
    for path in (root / 'ir').iterdir():
        grey = np.asarray(Image.open(path)) / 2
        luma = np.asarray(Image.open(root / 'vi' / path.name).convert('L')) / 2
        Image.fromarray((grey + luma).astype(np.uint8)).save(
            root / 'good' / f'{path.stem}_fused.bmp'
        )
        noise = rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)
        Image.fromarray(noise).save(root / 'noise' / path.name)
    return root


def sources(data):
    return ('--ir', data / 'ir', '--vi', data / 'vi')


def test_one_table_of_several_methods_and_files(run_tool, data, tmp_path):
    files = [tmp_path / 'out' / f'results.{kind}' for kind in ('csv', 'json', 'md')]
    done = run_tool(
        'evaluate.py', '--fused', f'ours={data / "good"}', data / 'noise', *sources(data),
        '--baselines', '--workers', '1', '--out', *files,
    )  # fmt: skip
    lines = done.stdout.splitlines()
    assert lines[0] == 'convention: plain, 4 pairs (rank: ¹ ² ³, others in brackets)'
    assert lines[1].split() == [
        'method', 'SSIM↑', 'PSNR↑', 'MSE↓', 'VIF↑', 'CC↑', 'CV↓', 'mean', 'rank↓',
    ]  # fmt: skip
    rows = [line.partition('  ')[0] for line in lines[2:]]
    assert rows[:6] == ['ours', 'noise', 'average', 'max', 'visible only', 'infrared only']
    assert lines[-1] == (
        'PSNR of infrared only: not finite for 4 of 4 pairs, which its mean leaves out'
    )
    assert 'checking' in done.stderr and '6 methods' in done.stderr
    assert f'written: {files[0]}, ' in done.stderr
    assert sorted(path.name for path in files[0].parent.iterdir()) == [
        'results.csv', 'results.json', 'results.md',
    ]  # fmt: skip

    results = load_results(files[1])
    assert results.methods == tuple(rows[:6]) and results.images == ('1', '2', '3', '10')
    assert repr(load_results(files[0]).values) == repr(results.values)
    assert results.table() == done.stdout.rstrip('\n')
    assert files[2].read_text(encoding='utf-8') == results.table('markdown') + '\n'
    with open(files[0], encoding='utf-8', newline='') as file:
        assert len(list(csv.DictReader(file))) == 6 * 4
    content = json.loads(files[1].read_text(encoding='utf-8'))
    assert content['paths']['fused'] == {
        'ours': str(data / 'good'),
        'noise': str(data / 'noise'),
    }


def test_one_method_and_its_options(run_main, data):
    _, stdout, _ = run_main(
        'evaluate.py', '--fused', data / 'noise', '--method', 'chance', *sources(data),
        '--metrics', 'mse', 'CC', '--convention', 'tsjnet', '--workers', '1',
    )  # fmt: skip
    lines = stdout.splitlines()
    assert lines[0] == 'convention: tsjnet, 4 pairs'
    assert lines[1].split() == ['method', 'MSE↓', 'CC↑']
    assert len(lines) == 3 and lines[2].startswith('chance')


def test_problems_are_listed_and_common_leaves_them_out(run_main, data, tmp_path):
    (data / 'noise' / '2.png').unlink()
    (data / 'ir' / '3.png').unlink()
    out = tmp_path / 'r.csv'
    command = (
        'evaluate.py', '--fused', data / 'noise', *sources(data), '--metrics', 'MSE',
        '--workers', '1', '--out', out,
    )  # fmt: skip
    status, stdout, stderr = run_main(*command)
    assert status == 1 and stdout == '' and not out.exists()
    message = stderr.partition('error: ')[2].splitlines()
    assert message == [
        'cannot evaluate:',
        f'visible images in {data}/vi without an infrared one in {data}/ir (1):',
        '  3.png',
        f'pairs without a fused image of noise in {data}/noise (1):',
        '  2',
        'to measure only the 2 complete pairs: --common',
    ]
    _, stdout, stderr = run_main(*command, '--common')
    assert stdout.startswith('convention: plain, 2 pairs\n')
    assert 'left out:\n' + '\n'.join(message[1:-1]) in stderr
    assert load_results(out).images == ('1', '10')


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (['--metrics', 'FID'], "unknown metric 'FID'; known: SSIM"),
        (['--metrics', 'CV', '--convention', 'tang'], 'CV is not defined under the convention'),
        (
            ['--out', 'r.txt'],
            "r.txt: expected a name ending in .csv, .json or .md, found '.txt'",
        ),
        (['--method', 'x', '--fused', 'a', 'b'], '--method names one folder, got 2'),
        (['--fused', 'x/same', 'y/same'], 'y/same: each method needs a name of its own'),
        (['--convention', 'mine'], "invalid choice: 'mine'"),
    ],
)
def test_wrong_arguments(tool, monkeypatch, capsys, options, message):
    monkeypatch.setattr(sys, 'argv', ['evaluate.py', '--ir', 'a', '--vi', 'b', *options])
    with pytest.raises(SystemExit, match='2'):
        tool.main()
    assert message in capsys.readouterr().err


def test_missing_folders_and_methods(tool, data, monkeypatch, capsys):
    for options, message in (
        (['--fused', 'nowhere'], 'nowhere: No such file or directory'),
        ([], 'give at least one folder of fused images, or baselines'),
    ):
        command = ['evaluate.py', *map(str, sources(data)), *options]
        monkeypatch.setattr(sys, 'argv', command)
        with pytest.raises(SystemExit, match='1'):
            tool.main()
        assert message in capsys.readouterr().err


def test_names_of_methods(tool, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'a=b').mkdir()
    assert tool.name_methods(['out/mine/', 'x=out/x', 'y==z', 'a=b']) == {
        'mine': 'out/mine/',
        'x': 'out/x',
        'y': '=z',
        'a=b': 'a=b',
    }
    assert tool.name_methods(['.']) == {tmp_path.name: '.'}
    assert tool.name_methods(['out/x'], method='mine') == {'mine': 'out/x'}
    with pytest.raises(ValueError, match='=x: each method needs a name of its own'):
        tool.name_methods(['=x'])


def test_help_lists_metrics_and_conventions(tool, monkeypatch, capsys):
    monkeypatch.setattr(sys, 'argv', ['evaluate.py', '--help'])
    with pytest.raises(SystemExit, match='0'):
        tool.main()
    lines = capsys.readouterr().out.splitlines()
    start = lines.index('Metrics (↑ higher is better, ↓ lower is better):') + 1
    for line, (name, info) in zip(lines[start:], FUSION_METRICS.items(), strict=False):
        assert line.split()[:2] == [name, '↑' if info.higher_is_better else '↓']
    blank = lines.index('', start)
    assert [line.split()[0] for line in lines[blank + 2 :: 2]] == list(CONVENTIONS)
    tang = next(i for i, line in enumerate(lines) if line.startswith('  tang '))
    assert 'PSNR' in lines[tang + 1] and 'CV' not in lines[tang + 1].split(', ')


def test_ctrl_c_ends_with_a_message(data, repository, tmp_path):
    """Sent to all processes, as a terminal does, while the workers start."""
    command = [
        sys.executable, repository / 'tools' / 'evaluate.py', '--fused', data / 'noise',
        *sources(data), '--workers', '2', '--out', tmp_path / 'r.csv',
    ]  # fmt: skip
    process = subprocess.Popen(
        command,
        env={**os.environ, 'PYTHONPATH': str(repository)},
        stderr=subprocess.PIPE,
        start_new_session=True,
        # A shell's background jobs, and what they start, ignore SIGINT.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    try:
        # The bar of the measuring, after that of the checking.
        seen = b''
        while not seen.endswith(b'noise:'):
            character = process.stderr.read(1)
            assert character, seen.decode()
            seen += character
        os.killpg(process.pid, signal.SIGINT)
        message = process.communicate(timeout=60)[1].decode()
    finally:
        process.kill()
    assert process.returncode == 130
    assert (
        message.endswith('\ninterrupted: nothing was written\n') and 'Traceback' not in message
    )
    assert not (tmp_path / 'r.csv').exists()


@pytest.mark.parametrize(
    ('convention', 'expected'), [('plain', 'paper'), ('tsjnet', 'paper'), ('tang', 'all')]
)
def test_default_metrics_are_what_the_convention_has(load_tool, convention, expected):
    assert load_tool('evaluate.py').default_metrics(convention) == expected
