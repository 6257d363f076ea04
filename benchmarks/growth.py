"""Does fusing many pairs slow down or fill the memory, and what does one huge pair take?

    python benchmarks/growth.py
    python benchmarks/growth.py --pairs 2000 --side 6000 --models laplacian

It draws scenes of 160x120 into a temporary folder, fuses them in one call of `fuse_to_folder`,
and prints the pairs per second and the memory of the process after each tenth. Then one pair of
``--side`` squared pixels is fused in tiles by `tsjnet fuse`, in a process of its own.
"""

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import torch

from tsjnet_mm.apis import FusionInferencer, fuse_to_folder
from tsjnet_mm.datasets.toy import write_toy_dataset
from tsjnet_mm.io.images import read_image, write_image


def memory_mb() -> float:
    """Megabytes of memory that this process holds now (Linux)."""
    pages = int(Path('/proc/self/statm').read_text().split()[1])
    return pages * os.sysconf('SC_PAGE_SIZE') / 1e6


def fuse_many(model: str, folder: Path, pairs: int) -> list[tuple[int, float, float]]:
    """Fuse ``pairs`` small pairs in one call.

    Args:
        model: Name of the model.
        folder: With ``ir`` and ``vi``; the outputs go to ``fused``.
        pairs: Number of pairs.

    Returns:
        For each tenth: pairs fused so far, pairs per second of this tenth, megabytes.
    """
    fuse, out, rows = FusionInferencer(model, show_progress=False), folder / 'fused', []
    done = threading.Event()

    def watch():
        last, started = 0, time.perf_counter()
        while not done.wait(0.2):
            count = sum(1 for _ in os.scandir(out)) if out.exists() else 0
            if count - last >= pairs / 10:
                now = time.perf_counter()
                rows.append((count, (count - last) / (now - started), memory_mb()))
                last, started = count, now

    watcher = threading.Thread(target=watch)
    watcher.start()
    fuse_to_folder(fuse, folder / 'ir', folder / 'vi', out)
    done.set()
    watcher.join()
    shutil.rmtree(out)
    return rows


def fuse_huge(model: str, folder: Path) -> tuple[float, float]:
    """Fuse the pair of ``huge_ir.png`` and ``huge_vi.png`` as a user does.

    Args:
        model: Name of the model.
        folder: Where they are.

    Returns:
        Seconds, and the largest memory of the process in gigabytes.
    """
    command = [sys.executable, '-m', 'tsjnet_mm', 'fuse', '--model', model]
    sources = ['--ir', folder / 'huge_ir.png', '--vi', folder / 'huge_vi.png']
    started = time.perf_counter()
    subprocess.run([*command, *sources, '--out', folder / f'{model}.png'], check=True)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return time.perf_counter() - started, peak / 1e6


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--models', nargs='+', default=['tsjnet-light'])
    parser.add_argument('--pairs', type=int, default=10000)
    parser.add_argument('--side', type=int, default=10000, help='pixels; 0 leaves it out')
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        write_toy_dataset(folder / 'toy', train=8, test=0, size=(160, 120))
        for kind in ('ir', 'vi'):
            scenes = sorted((folder / 'toy/train' / kind).iterdir())
            (folder / kind).mkdir()
            for number in range(args.pairs):
                os.link(scenes[number % 8], folder / kind / f'{number:06d}.png')
            if args.side:
                scene = read_image(scenes[0])
                repeats = (-(-args.side // 120), -(-args.side // 160)) + (1,) * (scene.ndim - 2)
                huge = np.tile(scene, repeats)[: args.side, : args.side]
                write_image(huge, folder / f'huge_{kind}.png')
        print(f'{torch.get_num_threads()} threads, float32')
        for model in args.models:
            print(f'\n{model}\n{"pairs":>8}{"pairs/s":>10}{"MB":>8}')
            for count, rate, memory in fuse_many(model, folder, args.pairs):
                print(f'{count:8d}{rate:10.1f}{memory:8.0f}')
            if args.side:
                seconds, peak = fuse_huge(model, folder)
                print(f'{args.side}x{args.side}: {seconds:.0f} s, {peak:.1f} GB at most')


if __name__ == '__main__':
    main()
