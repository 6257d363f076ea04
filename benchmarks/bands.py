r"""Time one trunk of the ``official`` preset on the CPU with and without bands of rows.

Examples:
    python benchmarks/bands.py                       # CPU seconds, medians of 5 turns
    python benchmarks/bands.py --peak with           # peak memory of one pass: with or without

Both run in one process and take turns. The peak memory is that above Python and torch alone.
"""

import argparse
import resource
import statistics
import time

import torch

from tsjnet_mm.models.layers import ResNeStTrunk, split_attention

WORKS_IN_BANDS = split_attention.works_in_bands


def run(trunk, image, with_bands):
    """CPU seconds of a pass."""
    split_attention.works_in_bands = WORKS_IN_BANDS if with_bands else lambda *_: False
    started = time.process_time()
    with torch.no_grad():
        trunk(image)
    return time.process_time() - started


def main():
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--size', nargs=2, type=int, default=(640, 480), metavar=('W', 'H'))
    parser.add_argument('--repeats', type=int, default=5)
    parser.add_argument('--peak', choices=['with', 'without'])
    args = parser.parse_args()
    trunk, image = ResNeStTrunk(1).eval(), torch.rand(1, 1, *args.size[::-1])
    if args.peak:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        run(trunk, image, args.peak == 'with')
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        print(f'{args.peak} bands: {peak / 1024:.0f} MiB')
        return
    seconds = {True: [], False: []}
    for _ in range(args.repeats):
        for with_bands, found in seconds.items():
            found.append(run(trunk, image, with_bands))
    for with_bands, found in seconds.items():
        print(f'{"with" if with_bands else "without"} bands: {statistics.median(found):.2f} s')


if __name__ == '__main__':
    main()
