"""The environment that runs this: what it has, what it lacks, and pip.

The standard library and pip are all this needs.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / '.cache'
HELP = 'docs/install.md explains the usual errors.'


class InstallError(Exception):
    """Something the user has to look at; the message says what and how."""


def say(text: str) -> None:
    """Print a line at once, also into a pipe."""
    print(f'install: {text}', flush=True)


def read_requirements(name: str) -> list[str]:
    """The requirements in ``requirements/<name>.txt``, without comments and options."""
    lines = (ROOT / 'requirements' / f'{name}.txt').read_text().splitlines()
    lines = [line.split('#')[0].strip() for line in lines]
    return [line for line in lines if line and not line.startswith('-')]


def pins() -> list[str]:
    """Every requirement of the tested stack."""
    files = ('build', 'torch', 'onedl', 'runtime', 'train', 'tests')
    return [line for name in files for line in read_requirements(name)]


def installed_version(name: str) -> str | None:
    """Version of a distribution, None where it is absent."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def unsatisfied(requirements: Sequence[str], keep: bool) -> list[str]:
    """Those requirements that are absent, differ in version or lack what they depend on.

    With ``keep`` a different version counts as satisfied.
    """
    try:
        from packaging.requirements import Requirement
    except ImportError:
        return list(requirements)
    complete = set()

    def lacks(requirement, pinned, extras=('',)):
        marker = requirement.marker
        if marker and not any(marker.evaluate({'extra': extra}) for extra in extras):
            return False
        version = installed_version(requirement.name)
        if version is None:
            return True
        if pinned and not requirement.specifier.contains(version, prereleases=True):
            return True
        key = (requirement.name, *sorted(requirement.extras))
        if key in complete:
            return False
        complete.add(key)
        wanted = ('', *requirement.extras)
        needs = importlib.metadata.requires(requirement.name) or ()
        return any(lacks(Requirement(need), False, wanted) for need in needs)

    return [line for line in requirements if lacks(Requirement(line), not keep)]


def kept_versions() -> list[str]:
    """The versions in the environment, which whatever pip adds must go along with."""
    found = {dist.name: dist.version for dist in importlib.metadata.distributions()}
    # Two wheels with the same files: where one is, the other must be of its version.
    pair = ('opencv-python', 'opencv-python-headless')
    for name, twin in (pair, pair[::-1]):
        if name in found:
            found.setdefault(twin, found[name])
    return [f'{name}=={version}' for name, version in found.items()]


def tail(log: Path, lines: int = 30) -> str:
    """The last lines of a log file."""
    return '\n'.join(log.read_text(errors='replace').splitlines()[-lines:])


def run(
    title: str, command: Sequence[str | Path], env: Mapping[str, str] | None = None
) -> None:
    """Run a command into a log file; every minute say how far it is."""
    log = CACHE / 'logs' / f'{title}.log'
    log.parent.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    with log.open('wb') as stream:
        # close_fds=False hands the installation's lock on to pip.
        process = subprocess.Popen(
            command,
            stdout=stream,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(env or {})},
            close_fds=False,
        )
        while True:
            try:
                process.wait(timeout=60)
                break
            except subprocess.TimeoutExpired:
                steps = re.findall(r'^ *\[(\d+/\d+)\]', log.read_text(errors='replace'), re.M)
                minutes = round((time.monotonic() - started) / 60)
                say(f'... {minutes} min' + (f', step {steps[-1]}' if steps else ''))
    if process.returncode:
        raise InstallError(
            f'{tail(log)}\n\n{" ".join(map(str, command[:5]))} ... ended with '
            f'{process.returncode}. The lines above end its log, {log}. {HELP}'
        )
    importlib.invalidate_caches()


def pip(title: str, *arguments: str | Path, env: Mapping[str, str] | None = None) -> None:
    """Run pip of this environment into the log file ``title``."""
    defaults = {'PIP_DISABLE_PIP_VERSION_CHECK': '1', 'PIP_NO_INPUT': '1', 'PIP_USER': '0'}
    run(title, [sys.executable, '-m', 'pip', *arguments], env={**defaults, **(env or {})})


def remove_interrupted() -> None:
    """Clear what a killed pip left, which it would otherwise take for installed.

    pip writes a distribution's RECORD last.
    """
    for folder in {Path(sysconfig.get_path(name)) for name in ('purelib', 'platlib')}:
        for path in folder.glob('*.dist-info'):
            installer = path / 'INSTALLER'
            ours = not installer.exists() or installer.read_text().strip() == 'pip'
            if ours and not (path / 'RECORD').exists():
                say(f'{path.stem} is half installed; installing it again')
                shutil.rmtree(path)
        for path in folder.glob('~*'):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    importlib.invalidate_caches()


def ensure_pip() -> None:
    """Put pip into an environment that lacks it or has half of it."""
    if installed_version('pip') is None:
        say('pip is missing; installing the one that comes with Python')
        run('pip', [sys.executable, '-m', 'ensurepip'])


def install(title: str, requirements: Sequence[str], keep: bool, estimate: str = '') -> None:
    """Install those requirements that are unsatisfied."""
    missing = unsatisfied(requirements, keep)
    for line in unsatisfied(requirements, False) if keep else ():
        if line not in missing:
            name = re.match(r'[\w.-]+', line)[0]
            say(f'keeping {name} {installed_version(name)}, though tested with {line}')
    if not missing:
        return
    say(f'{title}: installing {", ".join(missing)}{estimate}')
    constraints = CACHE / 'constraints.txt'
    constraints.write_text('\n'.join(kept_versions() if keep else pins()) + '\n')
    pip(title, 'install', '--constraint', constraints, *missing)


def python_value(code: str) -> str:
    """What Python code prints in a process of its own."""
    result = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True)
    if result.returncode:
        raise InstallError(f'{result.stderr}\n{sys.executable} -c {code!r} failed. {HELP}')
    return result.stdout.strip()
