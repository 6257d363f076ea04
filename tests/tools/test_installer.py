import importlib
import importlib.metadata
import json
import os
import sys
import types
from pathlib import Path

import pytest

MODULES = ('environment', 'stack')


@pytest.fixture
def installer(monkeypatch, tmp_path):
    """The installer's modules, with their cache in a temporary folder."""
    monkeypatch.syspath_prepend(Path(__file__).resolve().parents[2] / 'tools' / 'installer')
    modules = [importlib.import_module(name) for name in MODULES]
    for module in modules:
        monkeypatch.setattr(module, 'CACHE', tmp_path / 'cache')
    yield types.SimpleNamespace(**dict(zip(MODULES, modules, strict=True)))
    for name in MODULES:
        del sys.modules[name]


@pytest.fixture
def site(tmp_path, monkeypatch):
    """An empty folder of packages in front of all others, and a way to fill it."""
    folder = tmp_path / 'site'
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)

    def add(name, version='1.0', requires=(), record=True, installer='pip'):
        info = folder / f'{name}-{version}.dist-info'
        info.mkdir()
        lines = ['Metadata-Version: 2.1', f'Name: {name}', f'Version: {version}']
        lines += [f'Requires-Dist: {line}' for line in requires]
        (info / 'METADATA').write_text('\n'.join(lines) + '\n')
        if record:
            (info / 'RECORD').write_text('')
        if installer:
            (info / 'INSTALLER').write_text(f'{installer}\n')
        return info

    return types.SimpleNamespace(folder=folder, add=add)


def test_comments_and_options_are_no_requirements(installer):
    assert installer.environment.read_requirements('natten-cuda') == [
        'natten==0.21.6+torch2110cu130'
    ]


def test_absent_and_differing_requirements_are_unsatisfied(installer, site):
    site.add('alib')
    wanted = [
        'alib',
        'alib==1.0',
        'alib>=2',
        'no-such-lib',
        'no-such-lib; python_version < "3"',
    ]
    unsatisfied = installer.environment.unsatisfied
    assert unsatisfied(wanted, keep=False) == ['alib>=2', 'no-such-lib']
    assert unsatisfied(wanted, keep=True) == ['no-such-lib']


def test_a_requirement_without_its_own_requirements_is_unsatisfied(installer, site):
    site.add('alib', requires=['blib', 'pytest; extra == "tests"'])
    site.add('blib', requires=['alib', 'no-such-lib; extra == "gui"'])
    assert installer.environment.unsatisfied(['alib'], keep=False) == []
    site.add('clib', requires=['blib[gui]'])
    assert installer.environment.unsatisfied(['alib', 'clib'], keep=False) == ['clib']


def test_local_version_satisfies_the_pin(installer, site):
    site.add('alib', version='2.11.0+cu130')
    assert installer.environment.unsatisfied(['alib==2.11.0'], keep=False) == []


def test_interrupted_installations_are_removed(installer, site, monkeypatch):
    monkeypatch.setattr(
        installer.environment.sysconfig, 'get_path', lambda name: str(site.folder)
    )
    whole = site.add('whole')
    half = site.add('half', record=False)
    early = site.add('early', record=False, installer=None)
    conda = site.add('conda', record=False, installer='conda')
    (site.folder / '~lib').mkdir()
    installer.environment.remove_interrupted()
    left = {path for path in (whole, half, early, conda) if path.exists()}
    assert left == {whole, conda}
    assert not (site.folder / '~lib').exists()


def test_a_kept_opencv_fixes_its_twin(installer, site, monkeypatch):
    monkeypatch.setattr(
        installer.environment.importlib.metadata,
        'distributions',
        lambda: [types.SimpleNamespace(name='opencv-python-headless', version='4.10.0.84')],
    )
    assert set(installer.environment.kept_versions()) == {
        'opencv-python==4.10.0.84',
        'opencv-python-headless==4.10.0.84',
    }


def test_a_failing_command_shows_the_end_of_its_log(installer, tmp_path):
    script = 'import sys; print("\\n".join(map(str, range(100)))); sys.exit(3)'
    with pytest.raises(installer.environment.InstallError) as caught:
        installer.environment.run('title', [sys.executable, '-c', script])
    message = str(caught.value)
    log = tmp_path / 'cache' / 'logs' / 'title.log'
    assert message.startswith('70\n71\n')
    assert 'ended with 3' in message
    assert str(log) in message
    assert log.read_text().startswith('0\n1\n')


@pytest.mark.parametrize(
    ('version', 'others'), [('2.1.0', {'mmcv': '2.1.0'}), ('2.3.6', {}), (None, {})]
)
def test_packages_that_are_not_the_forks_are_told_by_their_version(
    installer, tmp_path, monkeypatch, version, others
):
    package = tmp_path / 'mmcv'
    package.mkdir()
    init = package / '__init__.py'
    init.write_text('')
    if version:
        (package / 'version.py').write_text(f"__version__ = '{version}'\n")
    specs = {'mmcv': types.SimpleNamespace(origin=str(init))}
    monkeypatch.setattr(installer.stack.importlib.util, 'find_spec', specs.get)
    monkeypatch.setattr(installer.stack, 'installed_version', lambda name: None)
    assert installer.stack.other_stack() == others


def test_the_fork_itself_is_no_other_stack(installer, monkeypatch):
    pins = {name: installer.stack.fork_pin(name) for name in installer.stack.FORK.values()}
    monkeypatch.setattr(installer.stack, 'installed_version', pins.get)
    assert installer.stack.other_stack() == {}


def test_only_a_wheel_for_this_python_counts_as_built(installer):
    folder = installer.stack.CACHE / 'wheels' / 'torch2.11.0-cpu'
    folder.mkdir(parents=True)
    version = installer.stack.fork_pin('onedl-mmcv')
    (folder / f'onedl_mmcv-{version}-cp38-cp38-linux_x86_64.whl').touch()
    assert installer.stack.built_wheel('*') is None
    tag = f'cp{sys.version_info.major}{sys.version_info.minor}'
    wheel = folder / f'onedl_mmcv-{version}-{tag}-{tag}-linux_x86_64.whl'
    wheel.touch()
    assert installer.stack.built_wheel('*') == wheel
    assert installer.stack.built_wheel('torch2.11.0-cpu') == wheel
    assert installer.stack.built_wheel('torch2.11.0-cuda') is None


@pytest.mark.parametrize(
    ('compiler', 'message'),
    [
        ('no-such-compiler', 'no C\\+\\+ compiler: no-such-compiler'),
        ('false', 'cannot compile'),
    ],
)
def test_a_missing_or_broken_compiler_is_named(installer, monkeypatch, compiler, message):
    monkeypatch.setenv('CXX', compiler)
    with pytest.raises(installer.stack.InstallError, match=message) as caught:
        installer.stack.check_compiler()
    assert 'apt-get install' in str(caught.value)


@pytest.mark.parametrize(
    ('cuda', 'toolkit', 'forced', 'kind', 'jobs'),
    [
        (False, None, False, 'cpu', '8'),
        (False, '/usr/local/cuda', False, 'cpu', '8'),
        (True, '/usr/local/cuda', False, 'cuda', '4'),
        (True, None, False, 'cpu', '8'),
        (False, '/usr/local/cuda', True, 'cuda', '4'),
    ],
)
def test_ops_are_compiled_for_what_the_machine_has(
    installer, monkeypatch, cuda, toolkit, forced, kind, jobs
):
    answers = iter([['2.11.0', cuda, toolkit], [8, 16 * 2**30]])
    monkeypatch.setattr(installer.stack, 'python_value', lambda code: json.dumps(next(answers)))
    monkeypatch.delenv('MAX_JOBS', raising=False)
    monkeypatch.setenv('FORCE_CUDA', str(int(forced)))
    env, folder = installer.stack.mmcv_build()
    assert folder == f'torch2.11.0-{kind}'
    assert env['MMCV_WITH_OPS'] == '1'
    assert env['MAX_JOBS'] == jobs
    # Without nvcc the GPU must be hidden from mmcv's build, or it fails.
    assert ('CUDA_VISIBLE_DEVICES' in env) == (cuda and toolkit is None)


@pytest.fixture
def pip_calls(installer, monkeypatch):
    """Record the installer's calls of pip; those in ``failing`` raise."""
    calls, failing = [], set()

    def pip(title, *arguments, env=None):
        calls.append((list(map(str, arguments)), env or {}))
        if len(calls) in failing:
            raise installer.stack.InstallError(title)

    monkeypatch.setattr(installer.stack, 'pip', pip)
    return calls, failing


def test_natten_falls_back_to_no_kernels(installer, monkeypatch, pip_calls):
    calls, failing = pip_calls
    failing.add(1)
    monkeypatch.setattr(installer.stack, 'unsatisfied', lambda *arguments: ['natten'])
    monkeypatch.setattr(installer.stack, 'python_value', lambda code: 'True')
    monkeypatch.delenv('NATTEN_CUDA_ARCH', raising=False)
    installer.stack.install_natten()
    (wheel, _), (source, env) = calls
    assert wheel[-1].endswith('natten-cuda.txt')
    assert source[-1] == installer.environment.read_requirements('natten')[-1]
    assert env == {'CUDA_VISIBLE_DEVICES': ''}


def test_mmcv_is_built_only_where_no_wheel_is_found(installer, monkeypatch, pip_calls):
    calls, failing = pip_calls
    version = installer.stack.fork_pin('onedl-mmcv')
    tag = f'cp{sys.version_info.major}{sys.version_info.minor}'
    built = []

    def build(folder, env):
        built.append(folder)
        wheel = installer.stack.CACHE / 'wheels' / folder / f'onedl_mmcv-{version}-{tag}-x.whl'
        wheel.parent.mkdir(parents=True)
        wheel.touch()

    monkeypatch.setattr(installer.stack, 'ROOT', installer.stack.CACHE)
    monkeypatch.setattr(installer.stack, 'mmcv_build', lambda: ({}, 'torch2.11.0-cpu'))
    monkeypatch.setattr(installer.stack, 'build_mmcv', build)
    monkeypatch.setenv('MMCV_FIND_LINKS', '/some/wheels')
    installer.stack.install_mmcv()
    assert '--no-index' in calls[-1][0]
    assert not built
    failing.add(2)
    installer.stack.install_mmcv()
    assert built == ['torch2.11.0-cpu']
    monkeypatch.delenv('MMCV_FIND_LINKS')
    installer.stack.install_mmcv()
    assert built == ['torch2.11.0-cpu']
    assert calls[-1][0][-1].endswith('.whl')


@pytest.mark.parametrize('age, renewed', [(-60, False), (60, True)])
def test_the_package_is_installed_again_after_setup_py_changed(
    installer, site, monkeypatch, pip_calls, tmp_path, age, renewed
):
    root = tmp_path / 'checkout'
    (root / 'tsjnet_mm' / '.mim' / 'configs').mkdir(parents=True)
    (root / 'tsjnet_mm' / 'version.py').write_text("__version__ = '1.0'\n")
    (root / 'setup.py').touch()
    monkeypatch.setattr(installer.stack, 'ROOT', root)
    info = site.add('tsjnet_mm')
    (info / 'RECORD').write_text(f'{info.name}/RECORD,,\n')
    (info / 'direct_url.json').write_text(json.dumps({'url': root.as_uri()}))
    changed = (info / 'RECORD').stat().st_mtime + age
    os.utime(root / 'setup.py', (changed, changed))
    installer.stack.install_package()
    assert bool(pip_calls[0]) == renewed
