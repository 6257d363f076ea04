import os
import re
import shutil
import subprocess
import sys
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tsjnet_mm.models.fusors.hub import PUBLISHED
from tsjnet_mm.utils.env import TESTED_VERSIONS
from tsjnet_mm.version import __version__

ROOT = Path(__file__).resolve().parents[1]
REQUIREMENTS = ROOT / 'requirements'
SCRIPTS = [*sorted((ROOT / 'tools').rglob('*.sh')), ROOT / '.ci' / 'run']
FORK = {
    'mmcv': 'onedl-mmcv',
    'mmdet': 'onedl-mmdetection',
    'mmengine': 'onedl-mmengine',
    'mmseg': 'onedl-mmsegmentation',
}
UPSTREAM = {'mmcv': 'mmcv', 'mmdet': 'mmdet', 'mmengine': 'mmengine', 'mmseg': 'mmsegmentation'}


def parse(name):
    lines = (REQUIREMENTS / f'{name}.txt').read_text().splitlines()
    lines = [line.split('#')[0].strip() for line in lines]
    return [Requirement(line) for line in lines if line and not line.startswith('--')]


def pins(name):
    return {
        requirement.name: specifier.version
        for requirement in parse(name)
        for specifier in requirement.specifier
        if specifier.operator == '=='
    }


@pytest.mark.parametrize('path', sorted(REQUIREMENTS.glob('*.txt')), ids=lambda path: path.stem)
def test_requirement_files_parse(path):
    assert parse(path.stem)


@pytest.mark.parametrize('name', ['torch', 'onedl', 'natten', 'natten-cuda'])
def test_the_tested_stack_is_pinned(name):
    assert pins(name).keys() == {requirement.name for requirement in parse(name)}


def test_version_check_and_pins_agree():
    fork, upstream = pins('onedl'), pins('upstream')
    for name, versions in TESTED_VERSIONS.items():
        assert versions == (fork[FORK[name]], upstream[UPSTREAM[name]])


def test_both_wheels_of_opencv_are_of_one_version():
    wheels = {'opencv-python': set(), 'opencv-python-headless': set()}
    for requirement in parse('onedl'):
        if requirement.name in wheels:
            wheels[requirement.name].add((str(requirement.specifier), str(requirement.marker)))
    assert wheels['opencv-python'] == wheels['opencv-python-headless']


def test_natten_wheel_is_the_one_for_the_pinned_torch():
    local = pins('natten-cuda')['natten'].split('+')[1]
    assert local.startswith('torch' + pins('torch')['torch'].replace('.', '') + 'cu')


def test_pre_commit_runs_the_pinned_ruff():
    config = (ROOT / '.pre-commit-config.yaml').read_text()
    assert re.search(r'rev: v(\S+)', config)[1] == pins('tests')['ruff']


@pytest.fixture(scope='module')
def wheel(tmp_path_factory):
    """A wheel built from a copy of the checkout."""
    source = tmp_path_factory.mktemp('source')
    ignored = shutil.ignore_patterns('__pycache__', '.mim', '*.egg-info')
    for name in ('configs', 'requirements', 'tools', 'tsjnet_mm'):
        shutil.copytree(ROOT / name, source / name, ignore=ignored)
    for path in ROOT.iterdir():
        if path.suffix in ('.md', '.toml', '.in', '.py', '.yml') or path.name == 'LICENSE':
            shutil.copy(path, source)
    options = ['--quiet', '--no-deps', '--no-index', '--no-build-isolation']
    folder = tmp_path_factory.mktemp('wheel')
    command = [sys.executable, '-m', 'pip', 'wheel', *options, '--wheel-dir', folder, source]
    subprocess.run(command, check=True)
    with zipfile.ZipFile(next(folder.glob('*.whl'))) as archive:
        yield archive


def test_wheel_has_every_module(wheel):
    modules = {str(path.relative_to(ROOT)) for path in (ROOT / 'tsjnet_mm').rglob('*.py')}
    modules = {name for name in modules if '/.mim/' not in name}
    assert modules <= set(wheel.namelist())


def test_wheel_has_the_shipped_weights(wheel):
    shipped = [weights.file for weights in PUBLISHED.values() if not weights.url]
    assert shipped
    assert {f'tsjnet_mm/weights/{name}' for name in shipped} <= set(wheel.namelist())


@pytest.mark.parametrize('folder', ['configs', 'tools'])
def test_wheel_carries_configs_and_tools_for_mim(wheel, folder):
    wanted = {
        f'tsjnet_mm/.mim/{path.relative_to(ROOT)}'
        for path in (ROOT / folder).rglob('*')
        if path.is_file() and '__pycache__' not in path.parts
    }
    carried = {
        name for name in wheel.namelist() if name.startswith(f'tsjnet_mm/.mim/{folder}/')
    }
    assert carried == wanted
    assert 'tsjnet_mm/.mim/model-index.yml' in wheel.namelist()


def test_metadata_lists_the_requirement_files(wheel):
    folder = f'tsjnet_mm-{__version__}.dist-info'
    assert f'{folder}/licenses/LICENSE' in wheel.namelist()
    metadata = Parser().parsestr(wheel.read(f'{folder}/METADATA').decode())
    assert metadata['Version'] == __version__
    found = {}
    for line in metadata.get_all('Requires-Dist'):
        requirement = Requirement(line)
        extra = re.search(r'extra == "(\w+)"', line)
        found.setdefault(extra and extra[1], set()).add(
            (requirement.name, str(requirement.specifier))
        )
    files = {
        None: ['runtime'],
        'onedl': ['torch', 'onedl'],
        'upstream': ['torch', 'upstream'],
        'natten': ['natten'],
        'onnx': ['onnx'],
        'demo': ['demo'],
        'tests': ['tests'],
        'docs': ['docs'],
    }
    assert found == {
        extra: {(item.name, str(item.specifier)) for name in names for item in parse(name)}
        for extra, names in files.items()
    }


@pytest.mark.parametrize('script', SCRIPTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_shell_scripts_parse(script):
    subprocess.run(['bash', '-n', script], check=True)


def test_continuous_integration_script_is_executable():
    assert os.access(ROOT / '.ci' / 'run', os.X_OK)


@pytest.fixture
def install(tmp_path):
    """Run a copy of tools/install.sh that has nothing around it."""
    script = tmp_path / 'tools' / 'install.sh'
    script.parent.mkdir()
    shutil.copy(ROOT / 'tools' / 'install.sh', script)

    def run(*options, **variables):
        env = {'PATH': os.environ['PATH'], **variables}
        return subprocess.run(
            ['bash', script, *options], env=env, capture_output=True, text=True
        )

    return run


def test_install_help_names_its_variables(install):
    result = install('--help')
    assert result.returncode == 0
    for name in ('--tests', 'PYTHON', 'TSJNET_MM_VENV', 'MMCV_FIND_LINKS', 'MAX_JOBS'):
        assert name in result.stdout


@pytest.mark.parametrize(
    ('options', 'variables', 'message'),
    [
        (['--nonsense'], {}, 'unknown option --nonsense'),
        ([], {'TSJNET_MM_VENV': '/nowhere'}, 'TSJNET_MM_VENV=/nowhere is not an environment'),
        ([], {'PYTHON': 'false'}, 'PYTHON=false is not a Python >= 3.10'),
    ],
)
def test_install_says_what_is_wrong(install, tmp_path, options, variables, message):
    result = install(*options, **variables)
    assert result.returncode == 1
    assert message in result.stderr
    assert not (tmp_path / '.venv').exists()
