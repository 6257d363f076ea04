import contextlib
import multiprocessing
import threading
import time
from concurrent.futures.process import BrokenProcessPool

import pytest
import torch

from tsjnet_mm.utils.parallel import (
    available_cores,
    local_rank,
    process_map,
    read_ahead,
    thread_map,
)

# What travels to another process must be importable there, as `eval` is.
THREADS = "__import__('torch').get_num_threads()"
SLEEP = "__import__('time').sleep({})"
DIE = "__import__('os')._exit(3)"


def test_available_cores():
    assert 1 <= available_cores() <= multiprocessing.cpu_count()


@pytest.mark.parametrize(
    ('variables', 'gpus', 'expected'),
    [
        ({}, 4, 0),
        ({'LOCAL_RANK': '3', 'SLURM_LOCALID': '0'}, 4, 3),
        ({'SLURM_LOCALID': '2'}, 4, 2),
        ({'SLURM_LOCALID': '2'}, 1, 0),  # Slurm gave each process a GPU of its own.
        ({'LOCAL_RANK': '1'}, 0, 0),
    ],
)
def test_local_rank_of_torchrun_and_slurm(monkeypatch, variables, gpus, expected):
    for name in ('LOCAL_RANK', 'SLURM_LOCALID'):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(torch.cuda, 'device_count', lambda: gpus)
    assert local_rank() == expected


def test_threads_give_results_in_order():
    def slow_first(item):
        time.sleep(0.05 * (item == 0))
        return item, threading.get_ident()

    results = list(thread_map(slow_first, range(9), workers=3))
    assert [item for item, _ in results] == list(range(9))
    assert threading.get_ident() not in {thread for _, thread in results}


def test_threads_take_few_items_ahead_and_stop_when_closed():
    started = []
    with contextlib.closing(thread_map(started.append, iter(range(100)), workers=2)) as results:
        next(results)
    assert len(started) <= 4


def test_threads_raise_what_the_function_raises():
    with pytest.raises(ZeroDivisionError):
        list(thread_map(lambda item: 1 / item, [1, 0], workers=2))


def test_one_worker_is_this_process_with_one_torch_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        results = process_map(lambda _: torch.get_num_threads(), [0, 1], workers=1)
        assert list(results) == [1, 1]
        assert torch.get_num_threads() == 2
        with contextlib.closing(process_map(str, [0, 1], workers=1)) as results:
            next(results)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_processes_give_results_in_order_and_end_at_once_when_closed():
    items = [f'{SLEEP.format(0.3)} or 0', '1', THREADS, *[SLEEP.format(600)] * 3]
    results = process_map(eval, items, workers=2)
    assert [next(results) for _ in range(3)] == [0, 1, 1]
    start = time.monotonic()
    results.close()
    assert time.monotonic() - start < 30
    assert not multiprocessing.active_children()


def test_a_dead_process_is_an_error_not_a_wait():
    with pytest.raises(BrokenProcessPool):
        list(process_map(eval, ['1', DIE, SLEEP.format(600)], workers=2))
    assert not multiprocessing.active_children()


def failing(count):
    yield from range(count)
    raise OSError('no more')


def test_an_error_of_the_items_comes_after_the_results_before_it():
    done = []
    results = thread_map(done.append, failing(5), 2)
    given = []
    with pytest.raises(OSError, match='no more'):
        given.extend(1 for _ in results)
    assert done == [0, 1, 2, 3, 4]
    results = thread_map(lambda item: 1 // item, [2, 1, 0, 3], 1)
    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(ZeroDivisionError):
        next(results)


def test_items_are_read_in_a_thread_two_ahead():
    taken = []

    def items():
        for number in range(9):
            taken.append((number, threading.current_thread() is threading.main_thread()))
            yield number

    with contextlib.closing(read_ahead(items())) as ahead:
        assert [next(ahead) for _ in range(3)] == [0, 1, 2]
        deadline = time.monotonic() + 20
        while len(taken) < 4 and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(0.05)
        assert 4 <= len(taken) <= 5 and not any(is_main for _, is_main in taken)
    taken.clear()
    assert list(read_ahead(items())) == list(range(9))
    assert list(read_ahead([])) == []
    ahead = read_ahead(failing(2))
    assert [next(ahead), next(ahead)] == [0, 1]
    with pytest.raises(OSError, match='no more'):
        next(ahead)
