"""Common parts of all commands: options, signals, errors and exit status."""

import argparse
import contextlib
import functools
import os
import re
import signal
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from tsjnet_mm.utils.optional import explain_missing
from tsjnet_mm.utils.signals import signals_as_interrupts
from tsjnet_mm.utils.unpickling import refuse_unsafe_checkpoints
from tsjnet_mm.version import __version__

from .option_names import forget_options, name_options, note_options

#: Errors that say what is wrong with an input; any other is a fault of the program.
_EXPECTED = (ImportError, OSError, ValueError, subprocess.SubprocessError)
#: Modules of Python's own that Windows lacks.
_UNIX_MODULES = ('fcntl', 'pwd', 'resource', 'termios')
_OUT_OF_MEMORY = re.compile('out of memory|not enough memory', re.IGNORECASE)


class ToolParser(argparse.ArgumentParser):
    """Argument parser of a tool: keeps the line breaks of its description.

    It has ``--version`` and ``--debug``.

    Args:
        description (str, optional): What ``--help`` shows above the options.
        **kwargs: Of :class:`argparse.ArgumentParser`.
    """

    def __init__(self, description: str | None = None, **kwargs: Any) -> None:
        kwargs.setdefault('formatter_class', argparse.RawDescriptionHelpFormatter)
        super().__init__(description=description, **kwargs)
        self.add_argument('--version', action='version', version=f'tsjnet_mm {__version__}')
        self.add_argument('--debug', action='store_true', help='show the traceback of an error')

    def parse_known_args(
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """Parse, and note the options for messages; see :mod:`.option_names`."""
        namespace, rest = super().parse_known_args(args, namespace)
        note_options(self, namespace)
        return namespace, rest


def describe_error(error: BaseException) -> str:
    """An exception in a sentence; faults of the program come with how to find out more."""
    text = str(error)
    if 'Original Traceback' in text:  # Of a data loader's worker.
        *_, last = re.split(r'^ .*\n', text.rstrip(), flags=re.MULTILINE)
        text = last.removeprefix(f'{type(error).__name__}: ')
    if isinstance(error, OSError) and error.strerror and error.filename is not None:
        return f'{error.filename}: {error.strerror}'
    if type(error).__name__ == 'BrokenProcessPool':  # Its module takes time to import.
        return f'a worker died, for lack of memory? Try fewer --workers ({text})'
    if isinstance(error, MemoryError) or _OUT_OF_MEMORY.search(text):
        return f'the memory is used up: try smaller images or a smaller batch: {text}'
    if isinstance(error, ModuleNotFoundError) and error.name in _UNIX_MODULES:
        return f'this needs {error.name}, which Python has on Linux and macOS alone: use WSL'
    missing = explain_missing(error)
    if missing:
        return missing
    if isinstance(error, _EXPECTED) and text:
        return name_options(text)
    kind = type(error).__name__
    found = f'{kind}: {text}' if text else kind
    return f'{found} (unexpected: add --debug to see where it arose)'


@contextlib.contextmanager
def warnings_as_sentences() -> Iterator[None]:
    """Print a warning to the user as its sentence alone, without a line of code.

    Those to programmers, such as a ``DeprecationWarning``, stay as they are.
    """
    as_python_does = warnings.formatwarning

    def sentence(message, category, *where, **line):
        if category is not UserWarning:
            return as_python_does(message, category, *where, **line)
        # A bar's next step draws it again; without tqdm there is no bar.
        tqdm = getattr(sys.modules.get('tqdm'), 'tqdm', None)
        for bar in [*getattr(tqdm, '_instances', ())]:
            bar.clear()
        return f'warning: {name_options(str(message))}\n'

    warnings.formatwarning = sentence
    try:
        yield
    finally:
        warnings.formatwarning = as_python_does


def tool(interrupted: str = 'run the same command again to continue') -> Callable:
    """Make a function the main function of a tool.

    The tool reads no checkpoint that could run code, see
    :func:`~tsjnet_mm.utils.unpickling.refuse_unsafe_checkpoints`. An exception becomes a
    sentence on standard error and exit status 1, a warning becomes a sentence; with
    ``--debug`` both say where they arose. Ctrl-C, SIGTERM and SIGHUP end the tool with status
    130, 143 and 129, after what was half written is removed.

    Args:
        interrupted (str): Message after such a signal, unless the ``KeyboardInterrupt`` has
            its own.

    Returns:
        Callable: Decorator.
    """

    def decorate(main):
        @functools.wraps(main)
        def run(*args, **kwargs):
            is_debugged = '--debug' in sys.argv
            for stream in (sys.stdout, sys.stderr):
                # Windows' consoles lack letters, such as arrows.
                getattr(stream, 'reconfigure', dict)(errors='replace')
            sentences = contextlib.nullcontext() if is_debugged else warnings_as_sentences()
            with sentences, signals_as_interrupts() as arrived:
                before = os.environ.copy()
                try:
                    refuse_unsafe_checkpoints()
                    forget_options()
                    return main(*args, **kwargs)
                except KeyboardInterrupt as stop:
                    status = 128 + (arrived or [signal.SIGINT])[0]
                    message = f'\ninterrupted: {str(stop) or interrupted}'
                except Exception as error:
                    if is_debugged:
                        raise
                    status, message = 1, f'error: {describe_error(error)}'
                finally:  # For callers that continue.
                    for name in {*before} ^ {*os.environ}:
                        os.environ.pop(name, None)
                    os.environ.update(before)
            print(message, file=sys.stderr)
            sys.exit(status)

        return run

    return decorate
