"""Run another package's script so that it never executes code in checkpoints.

python -m tsjnet_mm.utils.guarded SCRIPT [ARGUMENT ...]
"""

import os
import runpy
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tsjnet_mm.utils.signals import signals_as_interrupts

from .unpickling import refuse_unsafe_checkpoints

#: Seconds that a process has to end after a signal.
_PATIENCE = 30


def guarded_command(
    script: str | Path, *arguments: str | Path, processes: int = 1
) -> list[str]:
    """Command that runs a Python script by this interpreter, guarded.

    Args:
        script (str | Path): The script.
        *arguments: Of the script.
        processes (int): How many of it torchrun starts, with ``--launcher pytorch`` among
            their arguments. Defaults to 1, without torchrun.

    Returns:
        list[str]: The command.
    """
    return _module_command(processes, 'tsjnet_mm.utils.guarded', script, *arguments)


def tsjnet_command(command: str, *arguments: str | Path, processes: int = 1) -> list[str]:
    """Command that runs one of the package's own by this interpreter.

    Args:
        command (str): One of ``tsjnet --help``.
        *arguments: Of the command.
        processes (int): See :func:`guarded_command`.

    Returns:
        list[str]: The command.
    """
    return _module_command(processes, 'tsjnet_mm', command, *arguments)


def _module_command(processes, module, *arguments):
    launch = ['-m']
    if processes > 1:
        launch = ['-m', 'torch.distributed.run', '--standalone']
        launch += [f'--nproc_per_node={processes}', '-m', '--']
        arguments = (*arguments, '--launcher', 'pytorch')
    return [str(word) for word in (sys.executable, *launch, module, *arguments)]


def run_process(command: Sequence[str], **options: Any) -> int:
    """Run a command to its end; it ends with this process.

    Its environment lets Python find this package, and forbids torch to unpickle code.

    Args:
        command (Sequence[str]): See :func:`guarded_command`.
        **options: Of :class:`subprocess.Popen`.

    Returns:
        int: Its exit status.
    """
    package = str(Path(__file__).resolve().parents[2])
    paths = [package, os.environ.get('PYTHONPATH')]
    env = {**os.environ, 'PYTHONPATH': os.pathsep.join(filter(None, paths))}
    refuse_unsafe_checkpoints(env)
    with subprocess.Popen(command, env=env, **options) as process:
        try:
            return process.wait()
        except BaseException:
            process.terminate()
            try:
                process.wait(_PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
            raise


def main() -> None:
    """Run the script of the command line in this process."""
    sys.argv = sys.argv[1:]
    if not sys.argv:
        sys.exit(__doc__)
    from .env import prepare_mmengine

    script = sys.argv[0]
    sys.path[0] = str(Path(script).resolve().parent)

    prepare_mmengine()
    refuse_unsafe_checkpoints()
    with signals_as_interrupts() as arrived:
        try:
            runpy.run_path(script, run_name='__main__')
        except KeyboardInterrupt:
            sys.exit(128 + (arrived or [2])[0])


if __name__ == '__main__':
    main()
