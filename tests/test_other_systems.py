"""What Windows and macOS lack stops nobody there from fusing; shown by hiding it here."""

import ast
import io
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import tsjnet_mm
from tsjnet_mm.cli.program import describe_error
from tsjnet_mm.protocols import timing

PACKAGE = Path(tsjnet_mm.__file__).resolve().parent
#: Modules of Python's own that Windows lacks.
UNIX_MODULES = (
    'fcntl',
    'grp',
    'pty',
    'pwd',
    'readline',
    'resource',
    'syslog',
    'termios',
    'tty',
)
#: Hides them from the package alone: libraries have builds for Windows.
WITHOUT = f"""
import builtins, os, signal, sys
find = builtins.__import__

def find_but_unix(name, globals=None, *args, **kwargs):
    importer = str((globals or {{}}).get('__name__'))
    if importer.startswith('tsjnet_mm') and name in {UNIX_MODULES}:
        raise ModuleNotFoundError(f'No module named {{name!r}}', name=name)
    return find(name, globals, *args, **kwargs)

builtins.__import__ = find_but_unix
del signal.SIGHUP, signal.pthread_sigmask, os.sched_getaffinity
"""


def always_run(nodes):
    """Statements of a module that its import runs unguarded."""
    for node in nodes:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Try)):
            continue
        yield node
        for field in ('body', 'orelse'):
            if isinstance(getattr(node, field, None), list):
                yield from always_run(getattr(node, field))


def unix_imports(source):
    for node in always_run(ast.parse(source).body):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names = [node.module]
        yield from (name for name in names if name.split('.')[0] in UNIX_MODULES)


def test_no_module_needs_unix_to_be_imported():
    sources = {
        str(path.relative_to(PACKAGE)): path.read_text(encoding='utf-8')
        for path in PACKAGE.rglob('*.py')
        if '.mim' not in path.parts
    }
    assert len(sources) > 200
    found = {name: [*unix_imports(source)] for name, source in sources.items()}
    assert {name: modules for name, modules in found.items() if modules} == {}


def test_such_an_import_is_seen():
    assert [*unix_imports('import os\nimport fcntl\n')] == ['fcntl']
    assert [*unix_imports('class A:\n    from resource import x\n')] == ['resource']
    assert [*unix_imports('if True:\n    import pwd\nelse:\n    import tty')] == ['pwd', 'tty']
    assert [*unix_imports('try:\n    import fcntl\nexcept ImportError:\n    pass\n')] == []
    assert [*unix_imports('def f():\n    import fcntl\n')] == []


def run_without(code, *arguments, **variables):
    return subprocess.run(
        [sys.executable, '-c', WITHOUT + code, *map(str, arguments)],
        env={**os.environ, 'PYTHONPATH': str(PACKAGE.parent), **variables},
        capture_output=True,
        text=True,
        encoding='cp1252',
        errors='replace',
    )


@pytest.mark.slow
def test_folders_are_fused_without_unix(tmp_path):
    generator = np.random.default_rng(0)
    for folder, shape in (('ir', (33, 40)), ('vi', (33, 40, 3))):
        (tmp_path / folder).mkdir()
        for name in ('a', 'b'):
            image = generator.integers(0, 256, shape, np.uint8)
            Image.fromarray(image).save(tmp_path / folder / f'{name}.png')
    fuse = 'sys.argv[0] = "tsjnet"\nfrom tsjnet_mm.__main__ import main\nmain()\n'
    # A console of Windows has no arrow.
    out = tmp_path / 'out \u2191'
    done = run_without(
        fuse, 'fuse', '--ir', tmp_path / 'ir', '--vi', tmp_path / 'vi', '--out', out,
        '--device', 'cpu', PYTHONIOENCODING='cp1252',
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert 'Traceback' not in done.stderr
    assert sorted(path.name for path in out.glob('*.png')) == ['a.png', 'b.png']
    assert np.asarray(Image.open(out / 'a.png')).shape == (33, 40, 3)


def test_a_command_that_needs_unix_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, 'fcntl', None)
    with pytest.raises(ModuleNotFoundError) as caught:
        import fcntl  # noqa: F401
    message = describe_error(caught.value)
    assert message.startswith('this needs fcntl, ') and 'WSL' in message


def test_peak_memory_is_in_gigabytes_on_each_system(monkeypatch):
    resource = pytest.importorskip('resource')
    usage = resource.struct_rusage([0.0, 0.0, 2_000_000, *[0] * 13])
    monkeypatch.setattr(resource, 'getrusage', lambda who: usage)
    monkeypatch.setattr(sys, 'platform', 'linux')
    status = io.StringIO('Name:\tpython\nVmHWM:\t 1000000 kB\n')
    monkeypatch.setattr('builtins.open', lambda path: status)
    assert timing._gigabytes('cpu') == pytest.approx(1.024)  # KiB
    status = io.StringIO('Name:\tpython\n')  # Some kernels do not say it.
    assert timing._gigabytes('cpu') == pytest.approx(2.048)  # KiB
    monkeypatch.undo()
    monkeypatch.setattr(resource, 'getrusage', lambda who: usage)
    monkeypatch.setattr(sys, 'platform', 'darwin')
    assert timing._gigabytes('cpu') == pytest.approx(0.002)  # bytes
    monkeypatch.setitem(sys.modules, 'resource', None)
    assert np.isnan(timing._gigabytes('cpu'))
