"""Apply a function to many items in threads or processes; results keep their order."""

import contextlib
import itertools
import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from typing import Any


def available_cores() -> int:
    """Number of CPU cores that this process may use.

    Returns:
        int: At least 1.
    """
    if hasattr(os, 'sched_getaffinity'):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def local_rank() -> int:
    """Number of this process among those that a launcher started on this machine.

    Returns:
        int: What torchrun (``LOCAL_RANK``) or slurm (``SLURM_LOCALID``) says, else 0. Where a
        process sees fewer GPUs than there are processes, as when slurm gives each its own, the
        count begins again, so that it always numbers a GPU that is there.
    """
    import torch

    rank = int(os.environ.get('LOCAL_RANK', os.environ.get('SLURM_LOCALID', 0)))
    return rank % max(1, torch.cuda.device_count())


def thread_map(function: Callable, items: Iterable, workers: int) -> Iterator[Any]:
    """Apply a function in threads: for work that waits or releases Python's global lock.

    Args:
        function (Callable): Of one item.
        items (Iterable): What to apply it to.
        workers (int): Number of threads.

    Yields:
        Any: Results in the order of the items.
    """
    executor = ThreadPoolExecutor(workers)
    try:
        yield from _in_order(executor, function, items, workers)
    finally:
        executor.shutdown(cancel_futures=True)


def read_ahead(items: Iterable) -> Iterator[Any]:
    """Take items from an iterator in a thread, two ahead of those that are asked for.

    Args:
        items (Iterable): What to take. Nothing else may use it before this generator is closed
            (:func:`contextlib.closing`) or at its end.

    Yields:
        Any: The items in their order. An error among them comes in its place.
    """
    iterator, end = iter(items), object()
    taken = thread_map(lambda _: next(iterator, end), itertools.repeat(None), 1)
    with contextlib.closing(taken):
        yield from itertools.takewhile(lambda item: item is not end, taken)


def process_map(function: Callable, items: Iterable, workers: int) -> Iterator[Any]:
    """Apply a function in processes of one torch thread each.

    Results do not depend on the number of workers; a single one is this process itself. At
    most two items a worker are under way or wait to be consumed. When the generator is closed
    (:func:`contextlib.closing`) or interrupted the processes are ended at once; when this
    process is killed they end themselves.

    Args:
        function (Callable): Of one item. Travels to new interpreters, which start without
            what this one did: it, the items and the results must pickle, and a script that
            calls this needs an ``if __name__ == '__main__'``.
        items (Iterable): What to apply it to.
        workers (int): Number of processes.

    Yields:
        Any: Results in the order of the items.

    Raises:
        concurrent.futures.process.BrokenProcessPool: A process died.
    """
    if workers == 1:
        import torch

        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            yield from map(function, items)
        finally:
            torch.set_num_threads(threads)
        return
    executor = ProcessPoolExecutor(
        workers, multiprocessing.get_context('spawn'), initializer=_start_worker
    )
    others = {*multiprocessing.active_children()}
    try:
        yield from _in_order(executor, function, items, workers)
    except BaseException:
        for process in {*multiprocessing.active_children()} - others:
            process.terminate()
        raise
    finally:
        executor.shutdown(cancel_futures=True)


def _in_order(executor, function, items, workers):
    """Results in order, with at most two items a worker submitted and not yet consumed.

    An error of the items themselves comes after the results of those before it.
    """
    pending, items, failure = deque(), iter(items), None
    while True:
        try:
            item = next(items)
        except StopIteration:
            break
        except Exception as error:
            failure = error
            break
        with _interrupts_held():
            pending.append(executor.submit(function, item))
        if len(pending) == 2 * workers:
            yield pending.popleft().result()
    while pending:
        yield pending.popleft().result()
    if failure is not None:
        raise failure


@contextlib.contextmanager
def _interrupts_held():
    """Hold Ctrl-C back, also for ever from processes that are started meanwhile.

    It reaches all processes of a terminal, and one that is starting would answer it with a
    traceback.
    """
    if not hasattr(signal, 'pthread_sigmask'):  # Windows
        yield
        return
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def _start_worker():
    import torch

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(1)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent():
    multiprocessing.parent_process().join()
    os._exit(1)
