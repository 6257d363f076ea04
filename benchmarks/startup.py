"""How long commands take to start, beside Python itself and ``import torch``.

    python benchmarks/startup.py
    python benchmarks/startup.py --repeats 9 --model laplacian

Each line is measured several times in turn, so that what else the machine does falls on all of
them alike, and shown as its median. The pair is drawn, 320x240. Fusing is to end within 1.5 s
of ``import torch``, and ``--help`` within 0.3 s of bare Python.
"""

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image


def draw_pair(folder: Path) -> None:
    """Write ``ir.png`` and ``vi.png``, 320x240, with edges and a gradient.

    Args:
        folder: Where.
    """
    y, x = np.mgrid[:240, :320]
    warm = 255 * np.exp(-((x - 200) ** 2 + (y - 120) ** 2) / 800)
    Image.fromarray(np.uint8(warm)).save(folder / 'ir.png')
    colour = np.stack([x * 0.7, y, 128 + 100 * np.sin(x / 6)], -1)
    Image.fromarray(np.uint8(colour)).save(folder / 'vi.png')


class Seconds(NamedTuple):
    """Medians of one command.

    Attributes:
        wall: By the clock.
        cpu: Of all cores together, which other work on the machine hardly changes.
    """

    wall: float
    cpu: float


def cpu_seconds() -> float:
    """CPU time of the processes that were started here and have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def measure(commands: dict[str, list[str]], folder: Path, repeats: int) -> dict[str, Seconds]:
    """Median seconds of each command, after a first run that fills the disk's cache.

    Args:
        commands: Name to arguments of Python.
        folder: Where they run.
        repeats: How often.

    Returns:
        dict[str, Seconds]: Name to medians.
    """
    times = {name: [] for name in commands}
    for repeat in range(repeats + 1):
        for name, arguments in commands.items():
            out = f'out{repeat}'
            words = [sys.executable, *(word.replace('OUT', out) for word in arguments)]
            started, used = time.perf_counter(), cpu_seconds()
            subprocess.run(words, cwd=folder, check=True, capture_output=True)
            if repeat:
                times[name].append((time.perf_counter() - started, cpu_seconds() - used))
    return {
        name: Seconds(*map(statistics.median, zip(*found, strict=True)))
        for name, found in times.items()
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--repeats', type=int, default=5)
    parser.add_argument('--model', default='tsjnet-light')
    args = parser.parse_args()
    fuse = ['-m', 'tsjnet_mm', 'fuse', '--ir', 'ir.png', '--vi', 'vi.png', '--device', 'cpu']
    commands = {
        'bare python': ['-c', ''],
        'import torch': ['-c', 'import torch'],
        'import tsjnet_mm': ['-c', 'import tsjnet_mm'],
        'tsjnet --help': ['-m', 'tsjnet_mm', '--help'],
        'tsjnet fuse --help': ['-m', 'tsjnet_mm', 'fuse', '--help'],
        'one pair fused': [*fuse, '--out', 'OUT', '--model', args.model],
    }
    with tempfile.TemporaryDirectory() as folder:
        draw_pair(Path(folder))
        times = measure(commands, Path(folder), args.repeats)
    bare, torch = times['bare python'], times['import torch']
    print(f'{"":<20} {"wall":>6} {"- python":>9} {"- torch":>8}   {"cpu":>6} {"- torch":>8}')
    for name, (wall, cpu) in times.items():
        print(
            f'{name:<20} {wall:6.2f} {wall - bare.wall:9.2f} {wall - torch.wall:8.2f}   '
            f'{cpu:6.2f} {cpu - torch.cpu:8.2f}'
        )


if __name__ == '__main__':
    main()
