import functools
import importlib.util
import socket
import sys

import pytest


@pytest.fixture
def run_here(run_main):
    """Run the tool in this process, see ``run_main``."""
    return functools.partial(run_main, 'demo.py')


def test_help_teaches(run_here):
    status, text, _ = run_here('--help')
    assert status == 0
    for example in ('--examples data/', '--weights epoch_40.pth', 'ssh -L', 'Ctrl-C', '--port'):
        assert example in text


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (['--weights', 'w.pth'], '--weights w.pth follows no --model'),
        (['--model', 'tsjnet-official'], '--model tsjnet-official needs --weights CHECKPOINT'),
        (
            ['--model', 'a', '--weights', 'b', '--weights', 'c'],
            '--weights c follows no --model',
        ),
        (['--max-megapixels', '0'], 'must be above 0'),
        (['--max-kept-megabytes', '799'], 'must be at least 8 times --max-megabytes'),
        (['--allowed-host', 'http://a.example'], '--allowed-host http://a.example: expected a'),
        (['--allowed-host', 'a.example:80'], '--allowed-host a.example:80: expected a name'),
        (['--share'], 'unrecognized arguments: --share'),
    ],
)
def test_wrong_arguments(run_here, arguments, message):
    status, _, errors = run_here(*arguments)
    assert status == 2 and message in errors


def test_models_and_weights_go_together(load_tool, monkeypatch):
    given = ['--model', 'tsjnet-light', '--weights', 'w.pth', '--model', 'x.onnx']
    monkeypatch.setattr(sys, 'argv', ['demo.py', *given])
    _, args = load_tool('demo.py').parse_args()
    assert args.models == [('tsjnet-light', 'w.pth'), ('x.onnx', None)]
    assert (args.host, args.port) == ('127.0.0.1', 7860)


def test_without_gradio_it_says_how_to_install_it(run_here, monkeypatch):
    monkeypatch.setattr(importlib.util, 'find_spec', lambda name: None)
    status, _, errors = run_here()
    assert (status, errors) == (
        1,
        'error: the page needs gradio: pip install "tsjnet_mm[demo]"\n',
    )


def test_the_next_free_port(load_tool):
    tool = load_tool('demo.py')
    with socket.socket() as taken:
        taken.bind(('127.0.0.1', 0))
        taken.listen()
        port = taken.getsockname()[1]
        with tool.listen('127.0.0.1', port) as listener:
            found = listener.getsockname()
            assert found[0] == '127.0.0.1' and port < found[1] < port + 20
            with socket.create_connection(found):
                pass
        with pytest.raises(OSError, match=f'no free port from {port} on'):
            tool.listen('127.0.0.1', port, count=1)
    with pytest.raises(OSError, match=r'cannot listen on 192\.0\.2\.1'):
        tool.listen('192.0.2.1', port)


def test_a_visitor_keeps_a_quarter(load_tool, monkeypatch, tmp_path):
    tool = load_tool('demo.py')

    def bounds(*arguments):
        monkeypatch.setattr(sys, 'argv', ['demo.py', *arguments])
        store = tool.make_store(tmp_path, tool.parse_args()[1])
        return (
            store.visitor.bytes,
            store.uploads.bytes,
            store.results.bytes,
            store.visitor.files,
        )

    assert bounds() == (500_000_000, 2_000_000_000, 2_000_000_000, 500)
    assert bounds('--max-megabytes', '20')[:2] == (100_000_000, 400_000_000)
    assert bounds('--max-kept-megabytes', '800')[:2] == (200_000_000, 800_000_000)
