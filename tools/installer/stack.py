"""The packages that plain pip does not get right: mmcv with its ops, natten, this one."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

from environment import (
    CACHE,
    ROOT,
    InstallError,
    installed_version,
    pip,
    python_value,
    read_requirements,
    say,
    unsatisfied,
)

#: Import name -> distribution of the maintained fork.
FORK = {
    'mmcv': 'onedl-mmcv',
    'mmdet': 'onedl-mmdetection',
    'mmengine': 'onedl-mmengine',
    'mmseg': 'onedl-mmsegmentation',
}


def fork_pin(distribution: str) -> str:
    """The version that ``requirements/onedl.txt`` pins."""
    lines = read_requirements('onedl')
    return next(line.split('==')[1] for line in lines if line.startswith(f'{distribution}=='))


def other_stack() -> dict[str, str]:
    """Import name -> version of the OpenMMLab packages here that are not the fork's."""
    others = {}
    for name, distribution in FORK.items():
        spec = importlib.util.find_spec(name)
        if installed_version(distribution) or spec is None or spec.origin is None:
            continue
        source = Path(spec.origin).with_name('version.py')
        found = source.is_file() and re.search(
            r'^__version__\s*=\s*[\'"](.+?)[\'"]', source.read_text(), re.M
        )
        # An interrupted installation of the fork has its version but no metadata.
        if found and found[1] != fork_pin(distribution):
            others[name] = found[1]
    return others


def has_mmcv(keep: bool) -> bool:
    """Whether mmcv is there, as pinned and with its compiled ops or, to keep, at all."""
    if keep:
        return installed_version('onedl-mmcv') is not None
    spec = importlib.util.find_spec('mmcv')
    compiled = spec and spec.origin and any(Path(spec.origin).parent.glob('_ext.*'))
    return bool(compiled) and installed_version('onedl-mmcv') == fork_pin('onedl-mmcv')


def check_compiler() -> None:
    """Compile a C++17 file that includes Python.h, as building mmcv will."""
    compiler = os.environ.get('CXX', 'c++').split()
    if shutil.which(compiler[0]) is None:
        raise InstallError(
            f'no C++ compiler: {compiler[0]} is not found. mmcv is compiled from source. '
            'Install one (apt-get install g++ python3-dev), name one (CXX=...), or name a '
            'folder of prebuilt wheels (MMCV_FIND_LINKS=...).'
        )
    source = '#include <Python.h>\n#include <optional>\nstd::optional<int> value;\n'
    include = sysconfig.get_path('include')
    command = [*compiler, '-x', 'c++', '-std=c++17', '-fsyntax-only', f'-I{include}', '-']
    result = subprocess.run(command, input=source, text=True, capture_output=True)
    if result.returncode:
        raise InstallError(
            f'{result.stderr}\n{compiler[0]} cannot compile C++17 against {include}. Where '
            "Python.h is missing, install Python's headers: apt-get install python3-dev."
        )


def mmcv_build() -> tuple[dict[str, str], str]:
    """Environment variables of mmcv's build, and the folder of its wheel in the cache."""
    version, cuda, toolkit = json.loads(
        python_value(
            'import json, torch; from torch.utils.cpp_extension import CUDA_HOME; '
            'print(json.dumps([torch.__version__, torch.cuda.is_available(), CUDA_HOME]))'
        )
    )
    env = {'MMCV_WITH_OPS': '1'}
    forced = os.environ.get('FORCE_CUDA') == '1'
    if cuda and not toolkit and not forced:
        say(
            "WARNING: a GPU but no nvcc: building mmcv's ops for the CPU alone, so detectors "
            'will not run on the GPU. Install the CUDA toolkit that torch was built with, '
            f'then: {sys.executable} -m pip uninstall -y onedl-mmcv, and run this again.'
        )
        env['CUDA_VISIBLE_DEVICES'] = ''
    kind = 'cuda' if forced or (cuda and toolkit) else 'cpu'
    if 'MAX_JOBS' not in os.environ:
        cores, free = json.loads(
            python_value(
                'import json, os, psutil; print(json.dumps([len(os.sched_getaffinity(0)) '
                'if hasattr(os, "sched_getaffinity") else os.cpu_count(), '
                'psutil.virtual_memory().available]))'
            )
        )
        # A compiler takes up to 2 GiB for C++ and 4 GiB for CUDA.
        share = 4 if kind == 'cuda' else 2
        env['MAX_JOBS'] = str(max(1, min(cores, int(free / share / 2**30))))
    return env, f'torch{version}-{kind}'


def built_wheel(folder: str) -> Path | None:
    """The wheel for this Python in ``folder`` (a glob pattern), or None."""
    python = f'cp{sys.version_info.major}{sys.version_info.minor}'
    name = f'onedl_mmcv-{fork_pin("onedl-mmcv")}-{python}-*.whl'
    return next((CACHE / 'wheels').glob(f'{folder}/{name}'), None)


def build_mmcv(folder: str, env: dict[str, str]) -> None:
    """Compile mmcv's wheel into ``folder``; its name appears there only when it is complete."""
    check_compiler()
    jobs = int(env.get('MAX_JOBS') or os.environ['MAX_JOBS'])
    say(
        f"building mmcv's C++ ops with MAX_JOBS={jobs}: about {max(2, 18 // jobs)} minutes for "
        'the CPU, longer with CUDA (a folder of prebuilt wheels in MMCV_FIND_LINKS saves it)'
    )
    folder = CACHE / 'wheels' / folder
    folder.mkdir(parents=True, exist_ok=True)
    for leftover in CACHE.glob('build-*'):
        shutil.rmtree(leftover)
    with tempfile.TemporaryDirectory(dir=CACHE, prefix='build-') as scratch:
        env = {**env, 'TMPDIR': scratch}
        # No pip cache: it may hold a wheel without ops, built in isolation from torch.
        options = ['--no-build-isolation', '--no-deps', '--no-cache-dir', '--verbose']
        requirement = f'onedl-mmcv=={fork_pin("onedl-mmcv")}'
        pip('mmcv-build', 'wheel', *options, '--wheel-dir', scratch, requirement, env=env)
        for wheel in Path(scratch).glob('*.whl'):
            wheel.replace(folder / wheel.name)


def install_mmcv(prebuilt: bool = True) -> None:
    """Install mmcv: ``prebuilt`` by others, else as built here earlier, else built now."""
    requirement = f'onedl-mmcv=={fork_pin("onedl-mmcv")}'
    links = os.environ.get('MMCV_FIND_LINKS')
    again = ['--no-deps', '--force-reinstall']
    if links and prebuilt:
        say(f'mmcv: looking for a wheel in {links}')
        index = ['--index-url', links] if '://' in links else ['--no-index']
        source = [*index, '--find-links', links, '--only-binary', ':all:']
        try:
            return pip('mmcv', 'install', *again, *source, requirement)
        except InstallError:
            say(f'none for this Python, see {CACHE / "logs" / "mmcv.log"}; building it')
    env, folder = mmcv_build()
    if built_wheel(folder) is None:
        build_mmcv(folder, env)
    say(f'mmcv: installing {built_wheel(folder).relative_to(ROOT)}')
    pip('mmcv', 'install', *again, built_wheel(folder))


def install_natten() -> None:
    """Install natten; without it, or without its kernels, the package does its own."""
    if not unsatisfied(read_requirements('natten'), True):
        return
    cuda = python_value('import torch; print(torch.cuda.is_available())') == 'True'
    if cuda and 'NATTEN_CUDA_ARCH' not in os.environ:
        say('natten: looking for a wheel with CUDA kernels')
        try:
            file = ROOT / 'requirements' / 'natten-cuda.txt'
            options = ['--only-binary', ':all:', '--no-deps', '--requirement', file]
            return pip('natten', 'install', *options)
        except InstallError:
            say('none found; installing natten without kernels')
    # It compiles its kernels, for an hour, wherever it sees a GPU.
    hidden = {} if 'NATTEN_CUDA_ARCH' in os.environ else {'CUDA_VISIBLE_DEVICES': ''}
    say(f'natten: installing {", ".join(read_requirements("natten"))} (10 seconds)')
    options = ['--no-build-isolation', '--no-deps', '--no-cache-dir']
    try:
        pip('natten', 'install', *options, *read_requirements('natten'), env=hidden)
    except InstallError as error:
        say(f'{error}\nWARNING: continuing without natten, which is optional')


def _package_is_current():
    """Whether this checkout is installed, and was after its ``setup.py`` last changed."""
    version = re.search(r"'(.+)'", (ROOT / 'tsjnet_mm' / 'version.py').read_text())[1]
    if installed_version('tsjnet_mm') != version:
        return False
    package = importlib.metadata.distribution('tsjnet_mm')
    source = package.read_text('direct_url.json')
    if not source or json.loads(source).get('url') != ROOT.as_uri():
        return False
    records = [file.locate() for file in package.files or () if file.name == 'RECORD']
    setup_changed = (ROOT / 'setup.py').stat().st_mtime
    newer = any(record.stat().st_mtime >= setup_changed for record in records)
    return newer and (ROOT / 'tsjnet_mm' / '.mim' / 'configs').exists()


def install_package() -> None:
    """Install this checkout in editable mode."""
    if _package_is_current():
        return
    say('installing tsjnet_mm in editable mode')
    pip('tsjnet_mm', 'install', '--no-build-isolation', '--no-deps', '--editable', ROOT)
