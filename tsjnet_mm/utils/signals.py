"""Signals that end a program like Ctrl-C."""

import contextlib
import signal
import threading
from collections.abc import Iterator


@contextlib.contextmanager
def signals_as_interrupts() -> Iterator[list[int]]:
    """Let SIGTERM and SIGHUP end a block as Ctrl-C does, so that unfinished files are removed.

    A signal that is ignored, as SIGHUP is under ``nohup``, stays ignored. A second one ends
    the process at once. Outside the main thread nothing is changed.

    Yields:
        list[int]: Gets the number of the signal that arrived.
    """
    arrived, before = [], {}

    def interrupt(number, frame):
        arrived.append(number)
        for other in before:
            signal.signal(other, signal.SIG_DFL)
        raise KeyboardInterrupt

    if threading.current_thread() is threading.main_thread():
        for name in ('SIGTERM', 'SIGHUP'):  # Windows has no SIGHUP.
            number = getattr(signal, name, None)
            if number and signal.getsignal(number) == signal.SIG_DFL:
                before[number] = signal.signal(number, interrupt)
    try:
        yield arrived
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
