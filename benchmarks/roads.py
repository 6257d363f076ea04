"""Pairs and frames per second from files to fused files, and where the time goes.

    python benchmarks/roads.py
    python benchmarks/roads.py --models tsjnet-light laplacian --pairs 60 --frames 250

It draws scenes of 640x480 into a temporary folder, as PNG files and two videos, and fuses them
as `tsjnet fuse` and `tsjnet video` do. Reader, network and writer overlap, so the steps below,
each timed alone on one pair, add up to more than a pair takes. The latency is that of a live
source from a frame in memory to its fused image, filtered in time. All times are medians, on
the threads that PyTorch takes by default.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import torch

from tsjnet_mm.apis import FusionInferencer, fuse_to_folder
from tsjnet_mm.datasets.toy import write_toy_dataset
from tsjnet_mm.io.images import read_image, write_image
from tsjnet_mm.io.matching import find_pairs
from tsjnet_mm.io.pairs import read_pairs
from tsjnet_mm.video import TemporalFilter, fuse_video


def draw(folder: Path, pairs: int, frames: int) -> None:
    """Write ``ir`` and ``vi``, folders of PNG files, and ``ir.mp4`` and ``vi.mp4``.

    Args:
        folder: Where.
        pairs: Number of pairs; eight scenes are repeated.
        frames: Number of frames; each scene moves by a pixel a frame.
    """
    write_toy_dataset(folder / 'toy', train=8, test=0, size=(640, 480))
    for kind in ('ir', 'vi'):
        scenes = [read_image(path) for path in sorted((folder / 'toy/train' / kind).iterdir())]
        (folder / kind).mkdir()
        for number in range(pairs):
            write_image(scenes[number % 8], folder / kind / f'{number:04d}.png')
        size, codec = (640, 480), cv2.VideoWriter_fourcc(*'mp4v')
        video = cv2.VideoWriter(str(folder / f'{kind}.mp4'), codec, 25, size)
        for number in range(frames):
            frame = np.roll(scenes[number // 25 % 8], number % 25, axis=1)
            code = cv2.COLOR_GRAY2BGR if frame.ndim == 2 else cv2.COLOR_RGB2BGR
            video.write(cv2.cvtColor(frame, code))
        video.release()


def median_ms(function: Callable, repeats: int = 9) -> float:
    """Median time of a call in milliseconds, after one that is not counted."""
    times = []
    for _ in range(repeats + 1):
        started = time.perf_counter()
        function()
        times.append(1000 * (time.perf_counter() - started))
    return statistics.median(times[1:])


def steps_of(fuse: FusionInferencer, folder: Path) -> dict[str, float]:
    """Milliseconds of each step of one pair, alone."""
    sources = find_pairs(folder / 'ir', folder / 'vi')[:1]
    (pair,) = read_pairs(sources)
    ir = torch.from_numpy(pair.ir)[None, None]
    vi = torch.from_numpy(pair.vi)[None].permute(0, 3, 1, 2)
    (fused,) = fuse.fuse_pairs([pair])
    return {
        'read': median_ms(lambda: list(read_pairs(sources))),
        'network': median_ms(lambda: fuse.fuse(ir, vi, grey=True)),
        'with colour': median_ms(lambda: fuse.fuse(ir, vi)),
        'write PNG': median_ms(lambda: write_image(fused.image, folder / 'step.png')),
    }


def latency_ms(fuse: FusionInferencer, folder: Path, rate: float = 5) -> float:
    """Median milliseconds from a pair of a live source to its fused image.

    Args:
        fuse: The model.
        folder: With the PNG files; one pair of them comes again and again.
        rate: Pairs a second, few enough that none waits for another.
    """
    (pair,) = read_pairs(find_pairs(folder / 'ir', folder / 'vi')[:1])
    handed, times = [], []

    def camera():
        for _ in range(16):
            time.sleep(1 / rate)
            handed.append(time.perf_counter())
            yield pair

    for _ in fuse.fuse_pairs(camera(), temporal=TemporalFilter()):
        times.append(1000 * (time.perf_counter() - handed[-1]))
    return statistics.median(times[1:])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--models', nargs='+', default=['tsjnet-light', 'laplacian'])
    parser.add_argument('--pairs', type=int, default=40)
    parser.add_argument('--frames', type=int, default=150)
    parser.add_argument('--repeats', type=int, default=3)
    args = parser.parse_args()
    fusors = {name: FusionInferencer(name, show_progress=False) for name in args.models}
    rates = {name: ([], []) for name in fusors}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        draw(folder, args.pairs, args.frames)
        for repeat in range(args.repeats):
            for name, fuse in fusors.items():
                out = folder / f'{name}_{repeat}'
                started = time.perf_counter()
                fuse_to_folder(fuse, folder / 'ir', folder / 'vi', out)
                rates[name][0].append(args.pairs / (time.perf_counter() - started))
                video = fuse_video(fuse, folder / 'ir.mp4', folder / 'vi.mp4', f'{out}.mp4')
                rates[name][1].append(video.frames / video.seconds)
        steps = {name: steps_of(fuse, folder) for name, fuse in fusors.items()}
        for name, fuse in fusors.items():
            steps[name]['live latency'] = latency_ms(fuse, folder)
    print(f'{torch.get_num_threads()} threads, 640x480, {fusors[args.models[0]].dtype}')
    heads = ['pairs/s', 'frames/s', *(f'{step} ms' for step in steps[args.models[0]])]
    print(f'{"":<16}' + ''.join(f'{head:>16}' for head in heads))
    for name in fusors:
        values = [*map(statistics.median, rates[name]), *steps[name].values()]
        print(f'{name:<16}' + ''.join(f'{value:16.1f}' for value in values))


if __name__ == '__main__':
    main()
