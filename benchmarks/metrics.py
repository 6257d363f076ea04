r"""Time the fusion metrics, and compare them with CDDFuse's Python evaluator in the same run.

That evaluator is the field's most reused. Get ``utils/Evaluator.py`` of its repository
(Zhaozixiang1228/MMIF-CDDFuse) and ``pip install scikit-learn``, which it imports.

Examples:
    python benchmarks/metrics.py --evaluator ~/MMIF-CDDFuse/utils/Evaluator.py
    python benchmarks/metrics.py --convention tang --repeats 9
    python benchmarks/metrics.py --device cuda --batch-size 16

Both sides get the same images, one pair of 640x480 unless given, and alternate from repeat to
repeat; times are medians, in milliseconds an image. ``difference`` is between the values.
"""

import argparse
import functools
import importlib.util
import statistics
import time

import numpy as np
import torch
from tqdm import tqdm

from tsjnet_mm.datasets.toy import draw_scene
from tsjnet_mm.io.images import read_infrared, read_visible
from tsjnet_mm.metrics import (
    CONVENTIONS,
    FUSION_METRICS,
    METRIC_SETS,
    measure,
    resolve_metrics,
    to_grey,
)

#: Our name -> the evaluator's method.
PUBLIC = {
    name: 'VIFF' if name == 'VIF' else name
    for name in (
        'EN',
        'SD',
        'SF',
        'AG',
        'MI',
        'MSE',
        'CC',
        'PSNR',
        'SCD',
        'VIF',
        'Qabf',
        'SSIM',
    )
}


def parse_args():
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--evaluator', help="CDDFuse's Evaluator.py (default: ours alone)")
    parser.add_argument('--ir', help='infrared image (default: a drawn 640x480 scene)')
    parser.add_argument('--vi', help='visible image of the same size')
    parser.add_argument(
        '--convention',
        choices=CONVENTIONS,
        default='cddfuse',
        help='of ours; with --evaluator it must be cddfuse (default: %(default)s)',
    )
    parser.add_argument('--repeats', type=int, default=5, help='runs (default: %(default)s)')
    parser.add_argument('--threads', type=int, default=2, help='default: %(default)s')
    parser.add_argument('--device', default='cpu', help='of ours (default: %(default)s)')
    parser.add_argument(
        '--batch-size', type=int, default=1, help='of ours (default: %(default)s)'
    )
    args = parser.parse_args()
    if (args.ir is None) != (args.vi is None):
        parser.error('give --ir and --vi, or neither')
    if args.evaluator and args.convention != 'cddfuse':
        parser.error(f"--evaluator has cddfuse's metrics, not {args.convention}'s")
    return parser, args


def load_evaluator(path):
    """The class ``Evaluator`` of a file, as it ran with the scikit-image that it pins.

    Newer versions refuse float images without a data range; 0.19.2, pinned there, took the
    float type's range, -1 to 1.
    """
    spec = importlib.util.spec_from_file_location('public_evaluator', path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.ssim = functools.partial(module.ssim, data_range=2)
    return module.Evaluator


def load_images(args):
    """Fused (the average), ir and vi: (1, 1, H, W) float32, whole levels."""
    if args.ir:
        ir, vi = read_infrared(args.ir) * 255, read_visible(args.vi) * 255
    else:
        scene = draw_scene(seed=0, index=3, size=(640, 480))
        ir, vi = scene.ir.astype(np.float32), scene.vi.astype(np.float32)
    ir = to_grey(torch.from_numpy(ir)[None, None], 'cddfuse')
    vi = to_grey(torch.from_numpy(vi).permute(2, 0, 1)[None], 'cddfuse')
    return torch.round((ir + vi) / 2), ir, vi


def clock(function, *args, device='cpu'):
    """Seconds that a call takes, and its result."""
    start = time.perf_counter()
    result = function(*args)
    if device != 'cpu':
        torch.cuda.synchronize()
    return time.perf_counter() - start, result


def main():
    """Print one line a metric, then the two sets."""
    parser, args = parse_args()
    torch.set_num_threads(args.threads)
    try:
        images = load_images(args)
    except ValueError as error:
        parser.error(str(error))
    arrays = [image[0, 0].numpy() for image in images]
    batch = [
        image.expand(args.batch_size, -1, -1, -1).contiguous().to(args.device)
        for image in images
    ]
    evaluator = load_evaluator(args.evaluator) if args.evaluator else None
    names = resolve_metrics('all', args.convention)
    ours, theirs, values = {}, {}, {}
    # The first repeat warms up and is not counted.
    for repeat in tqdm(range(args.repeats + 1), desc='repeats'):
        for name in names:
            function = FUSION_METRICS[name].function
            spent, value = clock(function, *batch, args.convention, device=args.device)
            values[name] = [value[0].item()]
            if repeat:
                ours.setdefault(name, []).append(spent / args.batch_size)
            if evaluator and name in PUBLIC:
                method = getattr(evaluator, PUBLIC[name])
                inputs = arrays[: method.__func__.__code__.co_argcount - 1]
                spent, value = clock(method, *inputs)
                values[name].append(float(value))
                if repeat:
                    theirs.setdefault(name, []).append(spent)
    height, width = images[0].shape[-2:]
    print(
        f'{width}x{height}, {args.threads} threads, {args.device}, batches of '
        f'{args.batch_size}, convention {args.convention}, medians of {args.repeats}, ms'
    )
    _print_metrics(ours, theirs, values)
    sets = {name: names for name, names in METRIC_SETS.items() if not evaluator}
    for name, metrics in {**sets, 'all': names}.items():
        _time_set(name, metrics, batch, args)


def _print_metrics(ours, theirs, values):
    print('metric          ours  evaluator   ratio  difference')
    totals = [0.0, 0.0]
    for name, times in ours.items():
        spent = 1000 * statistics.median(times)
        if name not in theirs:
            print(f'{name:<10}{spent:10.2f}')
            continue
        other = 1000 * statistics.median(theirs[name])
        totals[0] += spent
        totals[1] += other
        difference = abs(values[name][0] - values[name][1])
        print(f'{name:<10}{spent:10.2f}{other:11.2f}{other / spent:8.1f}{difference:12.1e}')
    if theirs:
        ratio = totals[1] / totals[0]
        print(f'{"together":<10}{totals[0]:10.2f}{totals[1]:11.2f}{ratio:8.1f}')


def _time_set(name, metrics, batch, args):
    spent = [
        clock(measure, *batch, metrics, args.convention, device=args.device)[0]
        for _ in range(args.repeats)
    ]
    milliseconds = 1000 * statistics.median(spent) / args.batch_size
    print(f'set {name!r} ({len(metrics)} metrics): {milliseconds:.1f} ms an image')


if __name__ == '__main__':
    main()
