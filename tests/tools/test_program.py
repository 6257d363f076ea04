import os
import signal
import subprocess
import sys
import threading
import warnings
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import pytest
import torch
from tqdm import tqdm

from tsjnet_mm.cli.arguments import add_affix_arguments, add_range_arguments
from tsjnet_mm.cli.program import ToolParser, describe_error, signals_as_interrupts, tool

ROOT = Path(__file__).resolve().parents[2]

WRITES = """
import signal, sys, time, warnings
from tsjnet_mm.utils import whole_file
from tsjnet_mm.cli.program import tool

@tool('a hint')
def main():
    warnings.warn('a.png has no contrast')
    with whole_file(sys.argv[1]) as partial:
        partial.write_text('half')
        print('ready', flush=True)
        time.sleep(60)

main()
"""


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    """What a tool changes in its process ends with the test."""
    monkeypatch.setenv('TORCH_FORCE_WEIGHTS_ONLY_LOAD', '')
    monkeypatch.setattr(sys, 'argv', ['tool'])


def fail(error):
    @tool()
    def main():
        raise error

    return main


@pytest.mark.parametrize(
    'error, message',
    [
        (ValueError('a.png: too small'), 'a.png: too small'),
        (FileNotFoundError('no checkpoint at x'), 'no checkpoint at x'),
        (FileNotFoundError(2, 'No such file or directory', 'x.py'), 'x.py: No such file'),
        (OSError(28, 'No space left on device'), '[Errno 28] No space left on device'),
        (BrokenProcessPool('terminated abruptly'), 'a worker died, for lack of memory?'),
        (RuntimeError('CUDA out of memory. Tried to'), 'the memory is used up: '),
        (RuntimeError("can't allocate memory: not enough memory: you"), 'the memory is used'),
        (MemoryError(), 'the memory is used up: '),
        (
            ModuleNotFoundError("No module named 'mmcv._ext'"),
            'the compiled operators of mmcv, which detectors and segmentors need, cannot be',
        ),
        (KeyError('models'), "KeyError: 'models' (unexpected: add --debug"),
        (AssertionError(), 'AssertionError (unexpected: add --debug'),
        (OSError(), 'OSError (unexpected'),
    ],
    ids=lambda value: value if isinstance(value, str) else '',
)
def test_errors_are_one_sentence(error, message, capsys):
    with pytest.raises(SystemExit) as stop:
        fail(error)()
    out, err = capsys.readouterr()
    assert stop.value.code == 1 and not out
    assert err.startswith(f'error: {message}') and err.count('\n') == 1
    assert err == f'error: {describe_error(error)}\n'


def test_a_missing_package_names_its_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, 'mmdet', None)
    error = ModuleNotFoundError("No module named 'mmdet.apis'", name='mmdet.apis')
    wanted = 'this needs mmdet, which is not installed: pip install "tsjnet_mm[train]"'
    assert describe_error(error).startswith(wanted)


def test_errors_of_data_loader_workers_lose_their_trace():
    class Broken(torch.utils.data.Dataset):
        def __len__(self):
            return 1

        def __getitem__(self, index):
            raise FileNotFoundError('a.png: expected a partner\nfound none')

    with pytest.raises(FileNotFoundError, match='Original Traceback') as raised:
        list(torch.utils.data.DataLoader(Broken(), num_workers=1))
    assert describe_error(raised.value) == 'a.png: expected a partner\nfound none'


def test_debug_shows_where(monkeypatch):
    monkeypatch.setattr(sys, 'argv', ['tool', '--debug'])
    with pytest.raises(ValueError, match='here'):
        fail(ValueError('here'))()


def test_warnings_are_one_sentence_unless_they_are_to_programmers(monkeypatch):
    outside = warnings.formatwarning

    @tool()
    def main(category):
        return warnings.formatwarning(category('look'), category, 'a.py', 3, 'code()')

    assert main(UserWarning) == 'warning: look\n'
    assert main(DeprecationWarning) == 'a.py:3: DeprecationWarning: look\n  code()\n'
    assert warnings.formatwarning is outside
    monkeypatch.setattr(sys, 'argv', ['tool', '--debug'])
    assert main(UserWarning) == 'a.py:3: UserWarning: look\n  code()\n'


def test_warnings_have_a_line_of_their_own_among_progress_bars(capsys):
    @tool()
    def main():
        for _ in tqdm([1], 'fusing'):
            text = warnings.formatwarning(UserWarning('look'), UserWarning, 'a.py', 3)
            sys.stderr.write(text)

    main()
    before, _ = capsys.readouterr().err.split('warning: look\n')
    assert 'fusing' in before and before.endswith('\r')


def test_a_tool_returns_exits_and_forbids_unsafe_checkpoints():
    @tool()
    def main(status):
        assert os.environ['TORCH_FORCE_WEIGHTS_ONLY_LOAD'] == '1'
        if status:
            sys.exit(status)
        return 'done'

    assert main(0) == 'done'
    with pytest.raises(SystemExit, match='7'):
        main(7)


def test_interrupts_have_their_own_status(capsys):
    with pytest.raises(SystemExit, match='130'):
        fail(KeyboardInterrupt)()
    assert capsys.readouterr().err == '\ninterrupted: run the same command again to continue\n'
    with pytest.raises(SystemExit, match='130'):
        fail(KeyboardInterrupt('3 frames are there'))()
    assert capsys.readouterr().err == '\ninterrupted: 3 frames are there\n'


def _answer_signals():
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.mark.skipif(os.name == 'nt', reason='no such signals')
@pytest.mark.parametrize('number, status', [(15, 143), (1, 129), (2, 130)])
def test_signals_remove_what_is_half_written(number, status, tmp_path):
    process = subprocess.Popen(
        [sys.executable, '-c', WRITES, tmp_path / 'a.txt'],
        env={**os.environ, 'PYTHONPATH': str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # What a shell's background job or nohup starts ignores SIGINT or SIGHUP.
        preexec_fn=_answer_signals,
    )
    assert process.stdout.readline() == 'ready\n'
    assert len(list(tmp_path.iterdir())) == 1
    process.send_signal(number)
    _, err = process.communicate(timeout=30)
    assert process.returncode == status
    assert err == 'warning: a.png has no contrast\n\ninterrupted: a hint\n'
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(os.name == 'nt', reason='no such signals')
def test_ignored_signals_stay_ignored_and_handlers_come_back():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with signals_as_interrupts() as arrived:
            os.kill(os.getpid(), signal.SIGHUP)
            assert not arrived
            assert callable(signal.getsignal(signal.SIGTERM))
        assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)
    with pytest.raises(KeyboardInterrupt), signals_as_interrupts() as arrived:
        os.kill(os.getpid(), signal.SIGTERM)
    assert arrived == [signal.SIGTERM]


def test_tools_may_run_in_other_threads():
    results = []
    thread = threading.Thread(target=lambda: results.append(tool()(lambda: 'done')()))
    thread.start()
    thread.join()
    assert results == ['done']


def test_parser_keeps_lines_and_gives_subcommands_debug(capsys):
    parser = ToolParser('first line\n  second line')
    commands = parser.add_subparsers(dest='command')
    commands.add_parser('sub')
    assert parser.parse_args(['sub', '--debug']).debug
    assert not parser.parse_args([]).debug
    with pytest.raises(SystemExit):
        parser.parse_args(['--help'])
    out = capsys.readouterr().out
    assert 'first line\n  second line\n' in out and '--debug' in out


COMMANDS = sorted(
    str(path.relative_to(ROOT))
    for path in [*(ROOT / 'tsjnet_mm' / 'cli').glob('*.py'), ROOT / 'tools' / 'quickstart.py']
    if '\ndef main(' in path.read_text()
)


@pytest.mark.parametrize('path', COMMANDS)
def test_every_command_is_a_tool(path):
    text = (ROOT / path).read_text()
    assert '\n@tool(' in text and 'ToolParser(__doc__' in text
    assert 'parser.exit(130' not in text and 'argparse.ArgumentParser(description' not in text


def test_every_script_leads_to_its_command():
    doors = [path for path in (ROOT / 'tools').rglob('*.py') if 'mm.cli' in path.read_text()]
    doors.remove(ROOT / 'tools' / 'quickstart.py')
    for path in doors:
        assert f'\nfrom tsjnet_mm.cli.{path.stem} import main\n' in path.read_text()
    named = {f'tsjnet_mm/cli/{path.stem}.py' for path in doors}
    assert named == {*COMMANDS} - {'tools/quickstart.py'}


@pytest.mark.parametrize(
    'name',
    [
        *('fuse', 'fuse_video', 'train', 'test', 'generate_labels', 'demo', 'benchmark_zoo'),
        *('ablation', 'downstream', 'export_fused_dataset', 'export_onnx'),
    ],
)
def test_commands_that_take_a_config_say_that_it_is_run(name, run_main):
    subcommand = {'generate_labels': ['boxes'], 'downstream': ['detection']}.get(name, [])
    status, text, _ = run_main(f'{name}.py', *subcommand, '--help')
    assert status == 0 and 'Python code, which is run' in ' '.join(text.split())


@pytest.mark.parametrize(
    ('arguments', 'message', 'expected'),
    [
        (
            ['--ir-range', '1', '2'],
            'flat: give ir_range=(low, high) or ir_percentiles=(1, 99)',
            'flat: give --ir-range LOW HIGH or --ir-percentiles 1 99',
        ),
        ([], 'with ir_range 1 2: black', 'with --ir-range 1 2: black'),
        (
            [],
            'set resize=True; otherwise give homography=H',
            'set --resize; otherwise give --warp H',
        ),
        ([], "ir_affix='_T', vi_affix='_C'", '--ir-affix _T, --vi-affix _C'),
        # Names of files, and arguments that the command does not have, stay.
        ([], 'a/ir_range/b.png and ir_range.png', 'a/ir_range/b.png and ir_range.png'),
        (['--out', 'ir_range'], 'ir_range: not a folder', 'ir_range: not a folder'),
        (
            [],
            'max_shift=3 and --cfg-options x.resize=True',
            'max_shift=3 and --cfg-options x.resize=True',
        ),
        # A remedy that needs a config is one for those who have a config.
        ([], 'x: move them, or set label_format, found y', 'x: move them, found y'),
        (['c.py'], 'x: move them, or set label_format, found y', None),
        (['c.py'], 'add the boxes, or remove boxes from annotations and data_prefix', None),
        (
            [],
            'add the boxes, or remove boxes from annotations and data_prefix',
            'add the boxes',
        ),
    ],
)
def test_messages_name_the_options_of_the_command(arguments, message, expected, capsys):
    def parse():
        parser = ToolParser()
        parser.add_argument('config', nargs='?')
        parser.add_argument('--out')
        add_affix_arguments(parser)
        add_range_arguments(parser, 'of each image')
        parser.add_argument('--resize', action='store_true')
        parser.add_argument('--warp')
        parser.parse_args(arguments)

    @tool()
    def main():
        parse()
        sys.stderr.write(warnings.formatwarning(message, UserWarning, 'a.py', 1))
        raise ValueError(message)

    with pytest.raises(SystemExit):
        main()
    expected = expected or message
    assert capsys.readouterr().err == f'warning: {expected}\nerror: {expected}\n'


def test_options_of_an_earlier_command_are_forgotten(capsys):
    @tool()
    def main(has_option):
        if has_option:
            parser = ToolParser()
            parser.add_argument('--ir-range')
            parser.parse_args([])
        raise ValueError('give ir_range')

    for has_option in (True, False):
        with pytest.raises(SystemExit):
            main(has_option)
    assert capsys.readouterr().err == 'error: give --ir-range\nerror: give ir_range\n'
