r"""Time neighbourhood attention beside gathering the window of every query.

Examples:
    python benchmarks/neighborhood_attention.py
    python benchmarks/neighborhood_attention.py --sizes 60x80 120x160 --windows 3 7 --heads 2 4
    python benchmarks/neighborhood_attention.py --device cuda --natten

Gathering is what one writes without a special operation: the keys and values of each query's
window are copied side by side and attended to. Sizes are tokens, HEIGHTxWIDTH; one image,
float32. Both take turns; times are medians, in milliseconds, forward alone and with backward.
"""

import argparse
import itertools
import statistics
import time

import torch
from tqdm import tqdm

from tsjnet_mm.models.layers import neighborhood_attention


def gathered_attention(query, key, value, kernel_size):
    """Neighbourhood attention by gathering; (B, H, W, heads, dim) each."""
    batch, height, width, heads, dim = query.shape
    rows, columns = (
        (torch.arange(side, device=query.device) - kernel_size // 2).clamp(
            0, side - kernel_size
        )[:, None]
        + torch.arange(kernel_size, device=query.device)
        for side in (height, width)
    )
    index = (rows[:, None, :, None] * width + columns[None, :, None, :]).flatten()
    keys, values = (
        tensor.flatten(1, 2)[:, index].view(batch, height * width, -1, heads, dim)
        for tensor in (key, value)
    )
    scores = torch.einsum('bqhd,bqkhd->bqhk', query.flatten(1, 2) * dim**-0.5, keys)
    out = torch.einsum('bqhk,bqkhd->bqhd', scores.softmax(-1), values)
    return out.view(query.shape)


def clock(function, inputs, backward):
    """Seconds of one call."""
    inputs = [tensor.detach().requires_grad_(backward) for tensor in inputs]
    start = time.perf_counter()
    with torch.set_grad_enabled(backward):
        out = function(*inputs)
        if backward:
            out.sum().backward()
    if out.is_cuda:
        torch.cuda.synchronize()
    return time.perf_counter() - start


def parse_args():
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        '--sizes', nargs='+', default=['30x40', '60x80', '120x160'], metavar='HxW',
        help='default: %(default)s',
    )  # fmt: skip
    parser.add_argument('--windows', nargs='+', type=int, default=[3, 7, 13])
    parser.add_argument('--heads', nargs='+', type=int, default=[2, 4, 8])
    parser.add_argument('--dim', type=int, default=16, help='of a head (default: %(default)s)')
    parser.add_argument('--repeats', type=int, default=5, help='default: %(default)s')
    parser.add_argument('--threads', type=int, default=2, help='default: %(default)s')
    parser.add_argument('--device', default='cpu', help='default: %(default)s')
    parser.add_argument('--natten', action='store_true', help="time natten's kernels too")
    return parser.parse_args()


def main():
    """Print a line for each size, window and number of heads."""
    args = parse_args()
    torch.set_num_threads(args.threads)
    candidates = {'tiled': 'tiled', **({'natten': 'natten'} if args.natten else {})}
    print(
        f'{args.device}, {args.threads} threads, heads of {args.dim}, medians of '
        f'{args.repeats}, ms: forward / forward and backward (times faster than gathering)'
    )
    cases = list(itertools.product(args.sizes, args.windows, args.heads))
    for size, window, heads in tqdm(cases):
        height, width = (int(side) for side in size.split('x'))
        inputs = torch.randn(3, 1, height, width, heads, args.dim, device=args.device).unbind(0)
        functions = {'gathered': lambda *x, k=window: gathered_attention(*x, k)}
        for name, backend in candidates.items():
            functions[name] = lambda *x, k=window, b=backend: neighborhood_attention(
                *x, k, backend=b
            )
        expected = gathered_attention(*inputs, window)
        for name in candidates:
            difference = (functions[name](*inputs) - expected).abs().max().item()
            if difference > 1e-4:
                raise RuntimeError(f'{name} differs from gathering by {difference:.1e}')
        times = {}
        for _, backward, (name, function) in itertools.product(
            range(args.repeats + 1), (False, True), functions.items()
        ):
            times.setdefault((name, backward), []).append(clock(function, inputs, backward))
        medians = {key: 1000 * statistics.median(rounds[1:]) for key, rounds in times.items()}
        line = f'{size:>8} window {window:<3} heads {heads:<3}'
        for name in functions:
            forward, both = medians[name, False], medians[name, True]
            line += f'  {name} {forward:.1f} / {both:.1f}'
            if name != 'gathered':
                ratios = (
                    medians['gathered', backward] / medians[name, backward]
                    for backward in (False, True)
                )
                line += ' ({:.1f}, {:.1f})'.format(*ratios)
        tqdm.write(line)


if __name__ == '__main__':
    main()
