"""Compare the time of functions: each has its own process, and they run in turn."""

import argparse
import contextlib
import math
import multiprocessing
import statistics
import sys
import time
from typing import NamedTuple

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode
from tqdm import tqdm

from tsjnet_mm.utils.moved import moved_names


class Result(NamedTuple):
    """Time, memory and size of one network for one input.

    Attributes:
        parameters (int): Of its network.
        gmacs (float): Multiply-accumulates, in 1e9, by torch's counter.
        gigabytes (float): Peak of its process, or of the GPU's memory; NaN on Windows.
        seconds (float): Median.
        output (Tensor): What it returned, float32 on the CPU.
    """

    parameters: int
    gmacs: float
    gigabytes: float
    seconds: float
    output: torch.Tensor


def smooth_pair(size: tuple[int, int], device: str = 'cpu') -> list[Tensor]:
    """An infrared and a visible image of smooth noise.

    Args:
        size (tuple[int, int]): Width and height.
        device (str): Of the images.

    Returns:
        list[Tensor]: Two of (1, 1, H, W) in [0, 1].
    """
    width, height = size
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand(2, 1, height // 8, width // 8, generator=generator)
    images = torch.nn.functional.interpolate(coarse, (height, width), mode='bilinear')
    return [image.to(device) for image in images.split(1)]


def _synchronise(device):
    if device.startswith('cuda'):
        torch.cuda.synchronize()


def _gigabytes(device):
    if device.startswith('cuda'):
        return torch.cuda.max_memory_allocated() / 1e9
    if sys.platform == 'linux':
        # Not getrusage, which begins with the peak of the process that started this one.
        with contextlib.suppress(OSError, KeyError), open('/proc/self/status') as status:
            lines = dict(line.split(':', 1) for line in status)
            return int(lines['VmHWM'].split()[0]) * 1024 / 1e9
    try:
        import resource
    except ModuleNotFoundError:  # Windows
        return math.nan
    unit = 1 if sys.platform == 'darwin' else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e9


def _serve(build, arguments, device, threads, flush_denormal, pipe):
    """Answer each size that arrives by seconds, memory, and, if asked, MACs and the output."""
    torch.set_num_threads(threads)
    torch.set_flush_denormal(flush_denormal)
    try:
        network, fuse = build(*arguments)
    except Exception as error:
        pipe.send(f'{type(error).__name__}: {error}')
        return
    pipe.send(sum(weight.numel() for weight in network.parameters()))
    with torch.inference_mode():
        while True:
            job = pipe.recv()
            if job is None:
                return
            size, count = job
            pair = smooth_pair(size, device)
            if count:
                with FlopCounterMode(display=False) as counter:
                    output = fuse(*pair).float().cpu().numpy()
                pipe.send((counter.get_total_flops() / 2e9, output))
                continue
            start = time.perf_counter()
            fuse(*pair)
            _synchronise(device)
            pipe.send((time.perf_counter() - start, _gigabytes(device)))


class SideBySideTimer:
    """Times networks in turns, each in a process of its own.

    Args:
        candidates (dict[str, tuple]): Name to a function, and its arguments, that returns a
            network and a function of ir and vi (1, 1, H, W). It is called in a new process.
        device (str): Where they compute.
        threads (int): Of each process.
        flush_denormal (bool): Count denormal numbers as zero. Defaults to False.

    Attributes:
        parameters (dict[str, int]): Contender to number of its weights.
        absent (dict[str, str]): Contender that could not be built to the reason.
    """

    def __init__(
        self,
        candidates: dict[str, tuple],
        device: str,
        threads: int,
        flush_denormal: bool = False,
    ) -> None:
        context = multiprocessing.get_context('spawn')
        self.pipes, self.parameters, self.absent = {}, {}, {}
        for name, (build, *arguments) in candidates.items():
            pipe, end = context.Pipe()
            job = (build, arguments, device, threads, flush_denormal, end)
            context.Process(target=_serve, args=job, daemon=True).start()
            answer = pipe.recv()
            if isinstance(answer, str):
                self.absent[name] = answer
                continue
            self.pipes[name], self.parameters[name] = pipe, answer

    def _ask(self, name, size, count=False):
        self.pipes[name].send((size, count))
        return self.pipes[name].recv()

    def run(self, size: tuple[int, int], repeats: int) -> dict[str, Result]:
        """Measure all on one size; the first round warms up and is not counted.

        Args:
            size (tuple[int, int]): Width and height of the pair.
            repeats (int): Rounds.

        Returns:
            dict[str, Result]: By candidate.
        """
        answers = {name: [] for name in self.pipes}
        for _ in tqdm(range(repeats + 1), desc='rounds'):
            for name in self.pipes:
                answers[name].append(self._ask(name, size))
        results = {}
        for name, (_, *rounds) in answers.items():
            gmacs, output = self._ask(name, size, count=True)
            seconds = statistics.median(seconds for seconds, _ in rounds)
            output = torch.from_numpy(output)
            results[name] = Result(self.parameters[name], gmacs, rounds[-1][1], seconds, output)
        return results

    def close(self) -> None:
        """Let the processes end."""
        for pipe in self.pipes.values():
            pipe.send(None)


def size_of(text: str) -> tuple[int, int]:
    """``'640x480'`` to (640, 480), for argparse.

    Args:
        text (str): Width and height.

    Returns:
        tuple[int, int]: The two.

    Raises:
        ValueError: The text is no width and height.
    """
    width, height = text.split('x')
    return int(width), int(height)


def add_arguments(parser: argparse.ArgumentParser, repeats: int) -> None:
    """Add the options of every comparison.

    Args:
        parser (argparse.ArgumentParser): Gets ``--sizes``, ``--repeats``, ``--threads``,
            ``--device``, ``--flush-denormal``.
        repeats (int): Default of ``--repeats``.
    """
    parser.add_argument(
        '--sizes', nargs='+', type=size_of, default=[(640, 480)], metavar='WIDTHxHEIGHT',
        help='default: 640x480',
    )  # fmt: skip
    parser.add_argument('--repeats', type=int, default=repeats, help='default: %(default)s')
    parser.add_argument('--threads', type=int, default=2, help='default: %(default)s')
    parser.add_argument('--device', default='cpu', help='default: %(default)s')
    parser.add_argument(
        '--flush-denormal', action='store_true', help='count denormal numbers as zero'
    )


__getattr__ = moved_names(
    __name__, {'Contest': (f'{__name__}.SideBySideTimer', lambda: SideBySideTimer)}
)
