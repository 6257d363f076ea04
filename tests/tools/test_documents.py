"""Every shell and Python block of README.md and docs/ is run, or says what it needs.

An HTML comment in the line before a block says how it is tested:

- ``<!-- needs: gpu -->`` (or an archive, a network, ...): its commands are only parsed;
- ``<!-- slow -->``: it is run by the slow tests alone;
- ``<!-- config: tsjnet/x.py -->``: a part of a config that is added to this one.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from PIL import Image

from tsjnet_mm.__main__ import COMMANDS
from tsjnet_mm.datasets.toy import write_toy_dataset
from tsjnet_mm.models.fusors.hub import default_weights
from tsjnet_mm.registry import MODELS
from tsjnet_mm.utils.checkpoints import read_checkpoint

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / 'README.md', *sorted((ROOT / 'docs').glob('*.md'))]
PAGES += sorted((ROOT / 'configs').rglob('README.md'))
#: What a block may need that no test has.
NEEDS = {
    'archive': 'a published data set, or published weights',
    'gpu': 'GPUs',
    'installation': 'minutes of installing',
    'network': 'downloads',
    'several machines': 'a cluster',
    'server': 'a browser, a camera or a stream',
    'training': 'hours of training, or what was trained in them',
}
TOY = 'configs/tsjnet/tsjnet_light_joint_4e_toy.py'
#: What the documents call a file of the reader's.
NAMES = {'CONFIG': TOY, 'CHECKPOINT': 'epoch_4.pth', 'PARTITION': 'gpu', 'WORK_DIR': 'work'}
#: Commands that are noted instead of run.
NOTED = ('python', 'python3', 'bash', 'pip', 'sudo', 'tsjnet', 'torchrun', 'cp', 'ssh')
_BLOCK = re.compile(r'(?:<!-- ([^\n]*) -->\n+)?^```(\w*)\n(.*?)^```$', re.M | re.S)


class Block(NamedTuple):
    """A fenced block of a page; ``mark`` is the comment before it."""

    page: Path
    line: int
    mark: str
    language: str
    text: str

    def __str__(self):
        return f'{self.page.relative_to(ROOT)}:{self.line}'


def find_blocks():
    found = []
    for page in PAGES:
        text = page.read_text()
        for match in _BLOCK.finditer(text):
            line = text[: match.start(2)].count('\n') + 1
            found.append(Block(page, line, *(group or '' for group in match.groups())))
    return found


BLOCKS = find_blocks()
SHELL = [block for block in BLOCKS if block.language == 'bash']
PYTHON = [block for block in BLOCKS if block.language == 'python']
RUN = [block for block in SHELL if not block.mark]
SLOW = [block for block in SHELL if block.mark == 'slow']


def is_config(block):
    return block.mark.startswith('config: ') or '_base_' in block.text


def test_every_block_says_what_it_is():
    for block in BLOCKS:
        assert block.language or not re.match(r'(python|bash|tsjnet|pip|git) ', block.text), (
            block
        )
        assert block.language in ('', 'bash', 'python', 'bibtex', 'json', 'toctree'), block
        kind, _, what = block.mark.partition(': ')
        assert kind in ('', 'slow', 'needs', 'config'), block
        if kind == 'needs':
            assert set(what.split(', ')) <= set(NEEDS), block
    assert len(SHELL) > 25 and len(PYTHON) > 8


def test_blocks_that_no_test_runs_are_few(capsys):
    left = [block for block in BLOCKS if block.mark.startswith('needs')]
    with capsys.disabled():
        print('\nonly parsed:', '; '.join(f'{block} ({block.mark[7:]})' for block in left))
    assert len(left) <= 27  # What is added is run.


@pytest.fixture(scope='module')
def original(tmp_path_factory, write_detector):
    """A folder like a clone's, with the files that the documents speak of."""
    folder = tmp_path_factory.mktemp('clone')
    for name in ('tools', 'docs', 'requirements', 'benchmarks', 'tsjnet_mm', 'pyproject.toml'):
        (folder / name).symlink_to(ROOT / name)
    (folder / 'configs' / 'mine').mkdir(parents=True)
    for path in (ROOT / 'configs').iterdir():
        (folder / 'configs' / path.name).symlink_to(path)
    (folder / '.venv' / 'bin').mkdir(parents=True)
    (folder / '.venv' / 'bin' / 'activate').touch()
    (folder / 'tsjnet-upstream' / 'bin').mkdir(parents=True)
    (folder / 'tsjnet-upstream' / 'bin' / 'activate').touch()
    write_toy_dataset(folder / 'data' / 'MSRS', train=5, test=4, size=(160, 128))
    shutil.copytree(folder / 'data' / 'MSRS', folder / 'data' / 'toy')
    test = folder / 'data' / 'MSRS' / 'test'
    for path in [*test.glob('*/*')]:  # Scenes that the documents name, too.
        for number in (1, 2):
            if path.stem.startswith(f'5000{number}'):
                name = ('00383D', '00537D')[number - 1]
                shutil.copy(path, path.with_name(f'{name}{path.suffix}'))
    shutil.copytree(test / 'vi', folder / 'VI')
    (folder / 'IR').mkdir()
    for split, place in (
        ('train', 'mine/train'),
        ('test', 'mine/test'),
        ('test', 'M3FD_Detection'),
    ):
        for source, target in (('ir', 'ir'), ('vi', 'vi'), ('labels', 'labels')):
            shutil.copytree(
                folder / 'data' / 'MSRS' / split / source, folder / 'data' / place / target
            )
    shutil.copytree(folder / 'data' / 'mine' / 'test', folder / 'mine')
    for index, path in enumerate(sorted((test / 'ir').iterdir())):
        infrared, visible = Image.open(path), Image.open(test / 'vi' / path.name)
        infrared.save(folder / 'IR' / f'{path.stem}.tif')
        mean = (np.asarray(infrared, float) + np.asarray(visible.convert('L'), float)) / 2
        fused = Image.fromarray(mean.round().astype(np.uint8))
        for place in (
            'THEIRS',
            'out/SeAFusion',
            'out/TSJNet',
            'results/tardal',
            'results/seafusion',
        ):
            (folder / place).mkdir(exist_ok=True, parents=True)
            fused.save(folder / place / path.name)
        if index == 0:
            infrared.save(folder / 'ir.png')
            visible.save(folder / 'vi.png')
    state = read_checkpoint(default_weights('tsjnet-light'))
    state = state.get('state_dict', state)
    joint = folder / 'work_dirs' / 'tsjnet_light_joint_4e_toy' / 'epoch_4.pth'
    joint.parent.mkdir(parents=True)
    torch.save({'state_dict': {f'fusor.{name}': value for name, value in state.items()}}, joint)
    torch.save(state, folder / 'epoch_40.pth')
    with DefaultScope.overwrite_default_scope('tsjnet_mm'):
        model = MODELS.build(Config.fromfile(ROOT / TOY).model)
    torch.save({'state_dict': model.state_dict()}, folder / 'epoch_4.pth')
    write_detector(folder, 'detector')
    return folder


@pytest.fixture(scope='module')
def clones(original, tmp_path_factory):
    """Such a folder for each page: its blocks follow one another."""
    made = {}

    def clone(page):
        if page not in made:
            made[page] = tmp_path_factory.mktemp(page.stem) / 'clone'
            shutil.copytree(original, made[page], symlinks=True)
        return made[page]

    return clone


def shell(block, folder, commands):
    """Run a block in bash; ``commands`` replaces programs by name."""
    programs = folder / '.programs'
    shutil.rmtree(programs, ignore_errors=True)
    programs.mkdir()
    for name, script in commands.items():
        (programs / name).write_text(f'#!/bin/bash\n{script}\n')
        (programs / name).chmod(0o755)
    before = [
        each.text for each in BLOCKS if each.page == block.page and each.line < block.line
    ]
    values = re.findall(r'^[A-Z]+=(?:"[^"]*"|\S+)(?= *(?:#.*)?$)', ''.join(before), re.M)
    text = ''.join(f'{value}\n' for value in values) + block.text
    text = re.sub(r'\b(' + '|'.join(NAMES) + r')\b', lambda match: NAMES[match[1]], text)
    text = text.replace(' ... ', ' ').replace('...\n', '\n')
    return subprocess.run(
        ['/bin/bash', '-eu', '-c', text],
        cwd=folder,
        env={
            **os.environ,
            'HOME': str(folder),
            'PATH': f'{programs}:{os.environ["PATH"]}',
            'OMP_NUM_THREADS': '1',
        },
        capture_output=True,
        text=True,
        timeout=900,
    )


def noted_commands(block, folder):
    """The arguments of each command of a block."""
    note = folder / '.noted'
    note.write_text('')
    line = f'printf \'%s\\x1f\' "${{0##*/}}" "$@" >> {note}; printf \'\\x1e\' >> {note}'
    done = shell(block, folder, dict.fromkeys(NOTED, line))
    assert done.returncode == 0, done.stderr
    return [command.split('\x1f')[:-1] for command in note.read_text().split('\x1e')[:-1]]


def tool_of(command):
    """A command's script below tools/ and its arguments; None where it runs none."""
    if command[0] == 'tsjnet':
        return f'{COMMANDS[command[1]].module}.py', command[2:]
    scripts = [index for index, word in enumerate(command) if word.startswith('tools/')]
    if not scripts or command[0] not in ('python', 'torchrun'):
        return None
    script = command[scripts[0]].removeprefix('tools/')
    return script, command[scripts[0] + 1 :]


class Parsed(Exception):
    """The arguments of a command are accepted."""


@pytest.mark.parametrize('block', SHELL, ids=str)
def test_commands_are_those_of_the_tools(block, original, load_tool, monkeypatch):
    parse = argparse.ArgumentParser.parse_known_args

    def stop(self, *args, **kwargs):
        parse(self, *args, **kwargs)
        raise Parsed

    commands = noted_commands(block, original)
    assert commands, 'no command is run'
    for command in commands:
        for word in command:
            if word.startswith(('tools/', 'configs/', 'requirements/', 'benchmarks/')):
                assert (original / word).exists(), word
        if tool_of(command) is None:
            continue
        script, arguments = tool_of(command)
        with monkeypatch.context() as patch:
            patch.setattr(sys, 'argv', [script, *arguments])
            module = load_tool(script)
            patch.setattr(argparse.ArgumentParser, 'parse_known_args', stop)
            main = getattr(module.main, '__wrapped__', module.main)
            with pytest.raises((Parsed, SystemExit)) as caught:
                main()
            assert caught.type is Parsed or not caught.value.code, command


@pytest.fixture
def run_in_process(clones, load_tool, monkeypatch, capsys):
    """Run a block's commands in this process, once for each page's folder."""

    def run(block):
        folder = clones(block.page)
        done = folder / '.done'
        if str(block) in (done.read_text().split() if done.exists() else ()):
            return
        with monkeypatch.context() as patch:
            patch.chdir(folder)
            for command in noted_commands(block, folder):
                assert tool_of(command) is not None, command
                script, arguments = tool_of(command)
                patch.setattr(sys, 'argv', [script, *arguments])
                try:
                    load_tool(script).main()
                except SystemExit as stop:
                    assert not stop.code, (command, capsys.readouterr().err)
        with open(done, 'a') as file:
            file.write(f'{block}\n')

    return run


@pytest.mark.parametrize('block', RUN, ids=str)
def test_shell_blocks_run(block, run_in_process):
    run_in_process(block)


@pytest.fixture
def run_in_a_shell(clones):
    """Run a block with bash, once for each page's folder."""

    def run(block):
        folder = clones(block.page)
        done = folder / '.done'
        if str(block) in (done.read_text().split() if done.exists() else ()):
            return
        python = f'PYTHONPATH={ROOT} exec {sys.executable}'
        programs = {
            'python': f'{python} "$@"',
            'tsjnet': f'{python} -m tsjnet_mm "$@"',
            'torchrun': f'{python} -m torch.distributed.run "$@"',
            'pip': 'exit 0',
        }
        result = shell(block, folder, programs)
        assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-3000:]
        with open(done, 'a') as file:
            file.write(f'{block}\n')

    return run


@pytest.mark.slow
@pytest.mark.parametrize('block', SLOW, ids=str)
def test_slow_shell_blocks_run(block, run_in_process, run_in_a_shell):
    for each in BLOCKS:  # What the page has made before, also where another worker made it.
        if each.page == block.page and each.line <= block.line:
            if each in RUN:
                run_in_process(each)
            elif each in SLOW:
                run_in_a_shell(each)


@pytest.mark.parametrize('block', [b for b in PYTHON if not is_config(b)], ids=str)
def test_python_blocks_run(block, clones, monkeypatch):
    if block.mark.startswith('needs'):
        pytest.skip(block.mark)
    monkeypatch.chdir(clones(block.page))

    def frames(*shape):
        return lambda: iter(np.zeros((2, *shape), np.uint8))

    ir, vi, fused = torch.rand(1, 1, 48, 64), torch.rand(1, 3, 48, 64), torch.rand(1, 1, 48, 64)
    if 'measure(' in block.text:
        ir, vi, fused = 255 * ir, 255 * vi[:, :1], 255 * fused
    names = {'ir': ir, 'vi': vi, 'fused': fused}
    names.update(ir_frames=frames(48, 64), vi_frames=frames(48, 64, 3))
    exec(compile(block.text, str(block), 'exec'), names)


@pytest.mark.parametrize('block', [b for b in PYTHON if is_config(b)], ids=str)
def test_configs_load_and_build(block, clones, monkeypatch):
    folder = clones(block.page)
    monkeypatch.chdir(folder)
    path = folder / 'configs' / 'mine' / f'block_{block.line}.py'
    base = block.mark.removeprefix('config: ') if block.mark.startswith('config: ') else ''
    # A reader has it in the same folder; tests/test_downstream_configs.py has it so, too.
    text = block.text.replace("['bisenetv1_", "['mmseg::bisenetv1/bisenetv1_")
    path.write_text((f'_base_ = {base!r}\n' if base else '') + text)
    config = Config.fromfile(path)
    assert len(config) > 1
    if 'model' in config:
        scope = config.get('default_scope', 'tsjnet_mm')
        with DefaultScope.overwrite_default_scope(scope), warnings.catch_warnings():
            warnings.simplefilter('ignore')
            MODELS.build(config.model)
