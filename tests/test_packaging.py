import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

from tsjnet_mm.utils.env import TESTED_VERSIONS
from tsjnet_mm.utils.model_index import model_index
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


def copy_checkout(target):
    """What the repository holds, without what git ignores."""
    ignored = (ROOT / '.gitignore').read_text().split()
    ignored = ['.git', *(pattern.strip('/') for pattern in ignored)]
    deeper = shutil.ignore_patterns('__pycache__', '.mim', '_build')
    target.mkdir()
    for path in ROOT.iterdir():
        if any(path.match(pattern) for pattern in ignored):
            continue
        if path.is_dir():
            shutil.copytree(path, target / path.name, ignore=deeper)
        else:
            shutil.copy2(path, target)
    return target


def build_sdist(source, folder, **variables):
    """Path of the source distribution of a checkout."""
    build = 'import sys, setuptools.build_meta as b; print(b.build_sdist(sys.argv[1]))'
    subprocess.run(
        [sys.executable, '-c', build, folder],
        cwd=source,
        env={**os.environ, **variables},
        check=True,
        capture_output=True,
    )
    return next(folder.glob('*.tar.gz'))


def description(metadata):
    """What an index page shows."""
    return Parser().parsestr(metadata).get_payload()


@pytest.fixture(scope='module')
def sdist(tmp_path_factory):
    """The folder that a source distribution unpacks to."""
    folder = tmp_path_factory.mktemp('sdist')
    with tarfile.open(build_sdist(copy_checkout(folder / 'source'), folder)) as archive:
        archive.extractall(folder, filter='data')
    return folder / f'tsjnet_mm-{__version__}'


@pytest.fixture(scope='module')
def wheel(sdist, tmp_path_factory):
    """A wheel built from the source distribution."""
    options = ['--quiet', '--no-deps', '--no-index', '--no-build-isolation']
    folder = tmp_path_factory.mktemp('wheel')
    command = [sys.executable, '-m', 'pip', 'wheel', *options, '--wheel-dir', folder, sdist]
    subprocess.run(command, check=True)
    with zipfile.ZipFile(next(folder.glob('*.whl'))) as archive:
        yield archive


def test_sdist_has_all_that_the_repository_holds(sdist):
    listed = subprocess.run(['git', 'ls-files'], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip('not a clone')
    files = [name for name in listed.stdout.splitlines() if (ROOT / name).exists()]
    assert len([name for name in files if name.startswith(('tests/', 'docs/'))]) > 100
    assert [name for name in files if not (sdist / name).is_file()] == []
    held = {path.relative_to(sdist).as_posix() for path in sdist.rglob('*') if path.is_file()}
    assert [name for name in held if '__pycache__' in name or '.mim/' in name] == []


def test_index_page_has_no_relative_links(sdist):
    text = description((sdist / 'PKG-INFO').read_text())
    links = re.findall(r'\]\(([^)]*)\)', text)
    assert 'https://arxiv.org/abs/2402.01212' in links
    assert [link for link in links if not link.startswith('https://')] == []
    assert '<!--' not in text
    assert '| install, also to train | installation |' in text  # The text of a link stays.


def test_a_release_links_to_its_repository(tmp_path):
    address = 'https://example.org/someone/tsjnet_mm'
    source = copy_checkout(tmp_path / 'source')
    archive = build_sdist(source, tmp_path, TSJNET_MM_REPOSITORY=address + '/')
    with tarfile.open(archive) as opened:
        member = f'tsjnet_mm-{__version__}/PKG-INFO'
        metadata = opened.extractfile(member).read().decode()
    links = re.findall(r'(!?)\[[^\]]*\]\(([^)]*)\)', description(metadata))
    ours = {(image, link) for image, link in links if link.startswith(address)}
    assert {link for _, link in links} - {link for _, link in ours} == {
        'https://arxiv.org/abs/2402.01212'
    }
    for image, link in ours:
        kind = 'raw' if image else 'blob'
        assert link.startswith(f'{address}/{kind}/v{__version__}/')
        assert (ROOT / link.removeprefix(f'{address}/{kind}/v{__version__}/')).exists()
    assert any(image for image, _ in ours)
    urls = dict(url.split(', ') for url in Parser().parsestr(metadata).get_all('Project-URL'))
    assert urls['Source'] == address
    assert urls['Issues'] == f'{address}/issues'


def test_metadata_says_what_people_filter_by(wheel):
    metadata = Parser().parsestr(
        wheel.read(f'tsjnet_mm-{__version__}.dist-info/METADATA').decode()
    )
    assert metadata['Author'] == 'tsjnet_mm contributors'
    assert metadata['License'] == 'Apache-2.0'
    assert 'Paper, https://arxiv.org/abs/2402.01212' in metadata.get_all('Project-URL')
    classifiers = metadata.get_all('Classifier')
    pythons = [line.split(' :: ')[2] for line in classifiers if 'Python :: 3.' in line]
    assert pythons == ['3.10', '3.11', '3.12', '3.13', '3.14']
    assert metadata['Requires-Python'] == '>=3.10'
    for start in ('License :: OSI', 'Operating System', 'Topic', 'Development Status'):
        assert any(line.startswith(start) for line in classifiers)


def test_type_checkers_read_the_hints(wheel):
    assert 'tsjnet_mm/py.typed' in wheel.namelist()


def test_mim_finds_models_and_their_configs(wheel):
    """What ``mim list``, ``mim search`` and ``mim download`` read."""

    def read(name):
        return yaml.safe_load(wheel.read(f'tsjnet_mm/.mim/{name}'))

    names = set(wheel.namelist())
    models = []
    for metafile in read('model-index.yml')['Import']:
        index = read(metafile)
        collections = {collection['Name']: collection for collection in index['Collections']}
        for collection in collections.values():
            assert f'tsjnet_mm/.mim/{collection["README"]}' in names
        for model in index['Models']:
            assert model['In Collection'] in collections
            configs = [model.get('Config'), model['Fusor']]
            configs = [config for config in configs if isinstance(config, str)]
            assert all(f'tsjnet_mm/.mim/{config}' in names for config in configs)
            weights = model.get('Weights')
            assert weights is None or weights.startswith('https://') or weights in names
            models.append(model['Name'])
    assert len(models) == len(set(models)) >= 3


def test_citation_has_what_its_schema_requires():
    citation = yaml.safe_load((ROOT / 'CITATION.cff').read_text())
    assert {'cff-version', 'message', 'title', 'authors'} <= citation.keys()
    assert citation['cff-version'] == '1.2.0'
    assert citation['version'] == __version__
    paper = citation['preferred-citation']
    assert {'type', 'title', 'authors'} <= paper.keys()
    bibtex = (ROOT / 'README.md').read_text().split('```bibtex')[1].split('```')[0]
    named = [f'{each["family-names"]}, {each["given-names"]}' for each in paper['authors']]
    assert ' and '.join(named) in bibtex
    assert paper['title'] in re.sub('[{}]', '', bibtex)
    assert str(paper['year']) in bibtex and paper['journal'] in bibtex


@pytest.mark.parametrize('name', ['bug.yml', 'feature.yml'])
def test_issue_forms_ask_for_something(name):
    form = yaml.safe_load((ROOT / '.github' / 'ISSUE_TEMPLATE' / name).read_text())
    assert form['name'] and form['description']
    kinds = {'markdown', 'textarea', 'input', 'dropdown', 'checkboxes'}
    assert {item['type'] for item in form['body']} <= kinds
    assert all(item['attributes']['label'] for item in form['body'])
    assert any(item.get('validations', {}).get('required') for item in form['body'])
    names = [item['id'] for item in form['body']]
    assert len(names) == len(set(names))


def test_read_the_docs_builds_what_is_there():
    settings = yaml.safe_load((ROOT / '.readthedocs.yaml').read_text())
    assert settings['version'] == 2
    assert {'os', 'tools'} <= settings['build'].keys()
    assert (ROOT / settings['sphinx']['configuration']).is_file()
    for item in settings['python']['install']:
        assert (ROOT / item.get('requirements', 'setup.py')).is_file()


def dockerfile():
    """Instructions of the Dockerfile: their names and what follows them."""
    text = re.sub(r'^#.*\n', '', (ROOT / 'Dockerfile').read_text(), flags=re.M)
    text = text.replace('\\\n', ' ')
    return [tuple(line.split(maxsplit=1)) for line in text.splitlines() if line.strip()]


def test_dockerfile_is_well_formed():
    steps = dockerfile()
    names = [name for name, _ in steps]
    assert names[0] == 'FROM'
    known = {'FROM', 'ARG', 'WORKDIR', 'COPY', 'RUN', 'ENTRYPOINT'}
    assert set(names) <= known
    assert names.count('RUN') == 3
    assert json.loads(dict(steps)['ENTRYPOINT']) == ['tsjnet']
    for name, value in steps:
        if name == 'COPY' and value != '. .':
            assert all((ROOT / path).exists() for path in value.split()[:-1])
    if shutil.which('hadolint'):
        subprocess.run(['hadolint', ROOT / 'Dockerfile'], check=True)


@pytest.mark.slow
def test_commands_of_the_dockerfile_run(sdist, tmp_path):
    """In the tests' environment, without a network: pip finds torch there."""
    arguments = dict(value.split('=', 1) for name, value in dockerfile() if name == 'ARG')
    assert 'cpu' in arguments['TORCH_INDEX']
    pip = {'PIP_NO_INDEX': '1', 'PIP_NO_BUILD_ISOLATION': '0', 'PIP_NO_DEPS': '1'}
    folder = sdist
    for name, value in dockerfile():
        if name == 'WORKDIR':
            folder = sdist if value == '/opt/tsjnet_mm' else tmp_path
        if name != 'RUN':
            continue
        target = {'PIP_TARGET': str(tmp_path / 'site')} if value.endswith(' .') else {}
        done = subprocess.run(
            ['/bin/sh', '-c', value],
            cwd=folder,
            env={
                **os.environ,
                **arguments,
                **pip,
                **target,
                'PATH': f'{Path(sys.executable).parent}:{os.environ["PATH"]}',
                'PYTHONPATH': str(tmp_path / 'site'),
            },
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
    assert (tmp_path / 'site' / 'tsjnet_mm' / 'py.typed').is_file()


def test_wheel_has_every_module(wheel):
    modules = {str(path.relative_to(ROOT)) for path in (ROOT / 'tsjnet_mm').rglob('*.py')}
    modules = {name for name in modules if '/.mim/' not in name}
    assert modules <= set(wheel.namelist())


def test_wheel_has_the_shipped_weights(wheel):
    shipped = [entry.weights for entry in model_index().values() if entry.weights]
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
        None: ['runtime', 'standalone'],
        'train': ['torch', 'onedl', 'train'],
        'onedl': ['torch', 'onedl', 'train'],
        'all': ['torch', 'onedl', 'train', 'demo', 'onnx'],
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
