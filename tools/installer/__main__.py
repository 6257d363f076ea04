"""Installs the tested stack and this package into the environment that runs it.

``tools/install.sh`` makes the environment and calls this. Each step looks at what is there
first, so a second run takes seconds and a run after an interruption takes up the thread.
The pins are in ``requirements/``.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

from environment import (
    CACHE,
    HELP,
    InstallError,
    ensure_pip,
    install,
    installed_version,
    pip,
    read_requirements,
    remove_interrupted,
    say,
)
from stack import (
    built_wheel,
    check_compiler,
    has_mmcv,
    install_mmcv,
    install_natten,
    install_package,
    other_stack,
)

#: What to do where an import fails and this script could not mend it.
ADVICE = {
    'cv2': 'OpenCV lacks a system library: apt-get install libgl1 libglib2.0-0',
    'torchvision': 'torchvision was built for another torch: install both from one index',
    'mmcv._ext': 'mmcv has no ops, or those of another torch: uninstall it, remove '
    '.cache/wheels and run this again',
    'mmdet.models': 'install the rest of the stack: pip install -r requirements/upstream.txt '
    '(in an environment with upstream packages) or -r requirements/onedl.txt',
}


def failures_now() -> dict[str, str]:
    """Run ``probe.py`` in a process of its own, whose imports are fresh."""
    result = subprocess.run(
        [sys.executable, Path(__file__).with_name('probe.py')],
        stdout=subprocess.PIPE,
        text=True,
    )
    if result.returncode:
        raise InstallError(f'importing the stack ended with {result.returncode}. {HELP}')
    return json.loads(result.stdout.splitlines()[-1])


def verify(rebuild: bool) -> None:
    """Check that the stack imports; mend OpenCV and, where it may ``rebuild``, mmcv."""
    failures = failures_now()
    if 'cv2' in failures:
        pair = ('opencv-python-headless', 'opencv-python')
        version = next(filter(None, map(installed_version, pair)))
        say(
            f'{failures["cv2"]}: using OpenCV without windows instead (for windows: apt-get '
            'install libgl1 libglib2.0-0, then reinstall opencv-python)'
        )
        headless = f'opencv-python-headless=={version}'
        pip('opencv', 'install', '--force-reinstall', '--no-deps', headless)
        failures = failures_now()
    if rebuild and 'mmcv._ext' in failures:
        say(f'{failures["mmcv._ext"]}: this mmcv does not fit this torch')
        install_mmcv(prebuilt=False)
        failures = failures_now()
    if failures:
        lines = [f'  {name}: {error}' for name, error in failures.items()]
        lines += [f'  -> {advice}' for name, advice in ADVICE.items() if name in failures]
        lines = '\n'.join(lines)
        raise InstallError(f'installed, but not everything works:\n{lines}\n{HELP}')


def main() -> None:
    """Install step by step."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--tests', action='store_true', help='also what the tests need')
    parser.add_argument('--keep', action='store_true', help='leave versions that are there')
    args = parser.parse_args()
    CACHE.mkdir(exist_ok=True)
    started = time.monotonic()
    remove_interrupted()
    ensure_pip()
    others = other_stack()
    onedl = read_requirements('onedl')
    files = ('runtime', 'train', 'tests') if args.tests else ('runtime', 'train')
    rest = [line for file in files for line in read_requirements(file)]
    mmcv_needed = not others and not has_mmcv(args.keep)
    if mmcv_needed and not (os.environ.get('MMCV_FIND_LINKS') or built_wheel('*')):
        check_compiler()
    install('build-tools', read_requirements('build'), args.keep)
    install('torch', read_requirements('torch'), args.keep, ' (1 minute, 3 GB)')
    if others:
        found = ', '.join(f'{name} {version}' for name, version in others.items())
        say(f'WARNING: leaving {found} as they are: not the fork, which must not join them')
    elif mmcv_needed:
        install_mmcv()
    install('packages', rest if others else onedl + rest, args.keep, ' (1 minute)')
    install_natten()
    install_package()
    verify(rebuild=not others and not args.keep)
    say(f'done in {time.monotonic() - started:.0f} s: {sys.executable}')


if __name__ == '__main__':
    try:
        main()
    except InstallError as problem:
        sys.exit(f'install: {problem}')
    except KeyboardInterrupt:
        sys.exit('install: interrupted; run it again to continue')
