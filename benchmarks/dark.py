r"""Measure what ``--denoise`` does to the colours of dark pairs.

Examples:
    python benchmarks/dark.py --ir MSRS/test/ir --vi MSRS/test/vi --names '*N' --every 3
    python benchmarks/dark.py --ir MSRS/test/ir --vi MSRS/test/vi --names '*N' --noise 6

Noise is the standard deviation of Cb and Cr of the fused image, in grey levels, over blocks of
16x16 pixels that are dark (luma below 0.12) and flat. Coloured regions are connected pixels of
the visible image with a chroma above 0.06 and a brightest channel above 0.25, at least 6 of
them: signs and lamps. Of each the angle between its mean chroma with and without the option is
taken. --noise adds noise of so many grey levels to the visible images.
"""

import argparse
import fnmatch
import statistics
import time

import cv2
import numpy as np
import torch

from tsjnet_mm.apis import FusionInferencer
from tsjnet_mm.io.matching import find_pairs
from tsjnet_mm.io.pairs import read_pairs
from tsjnet_mm.utils import recolour, rgb_to_luma, rgb_to_ycbcr
from tsjnet_mm.utils.denoising import denoise_chroma

SIDE = 16


def chroma(rgb):
    """Cb and Cr around 0."""
    return (rgb_to_ycbcr(rgb)[0, 1:] - 0.5).numpy()


def flat_blocks(visible):
    """Corners of dark, flat blocks."""
    luma = cv2.GaussianBlur(rgb_to_luma(visible)[0, 0].numpy(), (0, 0), 3)
    edges = np.hypot(cv2.Sobel(luma, -1, 1, 0), cv2.Sobel(luma, -1, 0, 1))
    for top in range(0, luma.shape[0] - SIDE + 1, SIDE):
        for left in range(0, luma.shape[1] - SIDE + 1, SIDE):
            block = slice(top, top + SIDE), slice(left, left + SIDE)
            if luma[block].max() < 0.12 and edges[block].max() < 0.04:
                yield block


def hue_changes(visible, before, after):
    """Degrees between the hues of each coloured region."""
    strong = np.hypot(*chroma(visible)) > 0.06
    bright = visible[0].amax(0).numpy() > 0.25
    count, labels, stats, _ = cv2.connectedComponentsWithStats(
        (strong & bright).astype(np.uint8)
    )
    for number in range(1, count):
        if stats[number, cv2.CC_STAT_AREA] >= 6:
            region = labels == number
            angles = [np.arctan2(*values[:, region].mean(1)) for values in (before, after)]
            yield abs((np.degrees(angles[1] - angles[0]) + 180) % 360 - 180)


def main():
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--ir', required=True)
    parser.add_argument('--vi', required=True)
    parser.add_argument('--names', default='*', help='pattern of the names that are taken')
    parser.add_argument('--every', type=int, default=1, help='take each so many-th of them')
    parser.add_argument('--noise', type=float, default=0, help='grey levels that are added')
    args = parser.parse_args()
    found = [
        each for each in find_pairs(args.ir, args.vi) if fnmatch.fnmatch(each[0], args.names)
    ]
    fuse = FusionInferencer(device='cpu', show_progress=False).fuse
    noise, hues, seconds = {'before': [], 'after': []}, [], []
    torch.manual_seed(0)
    for pair in read_pairs(found[:: args.every]):
        ir = torch.from_numpy(pair.ir)[None, None]
        clean = torch.from_numpy(pair.vi).permute(2, 0, 1)[None]
        visible = (clean + torch.randn(clean.shape) * args.noise / 255).clamp(0, 1)
        luma = fuse(ir, visible, grey=True)
        started = time.perf_counter()
        calm = denoise_chroma(visible)
        seconds.append(time.perf_counter() - started)
        images = {
            key: chroma((recolour(luma, each) * 255).round() / 255)
            for key, each in (('before', visible), ('after', calm))
        }
        blocks = [*flat_blocks(clean)]
        for key, values in noise.items():
            if blocks:
                deviations = [
                    images[key][(slice(None), *block)].std((1, 2)) for block in blocks
                ]
                values.append(255 * float(np.mean(deviations)))
        hues += hue_changes(clean, images['before'], images['after'])
    ratios = [one / other for one, other in zip(*noise.values(), strict=True)]
    print(
        f'{len(seconds)} pairs, chroma noise in grey levels: '
        f'{statistics.mean(noise["before"]):.2f} before, {statistics.mean(noise["after"]):.2f} '
        f'after; ratio {statistics.median(ratios):.2f}, least {min(ratios):.2f}'
    )
    print(
        f'{len(hues)} coloured regions: hue changes by {np.percentile(hues, 50):.2f} degrees '
        f'(median), {np.percentile(hues, 99):.2f} (99 %), {max(hues):.2f} (most); '
        f'{sum(hue > 3 for hue in hues)} by more than 3'
    )
    print(f'{statistics.median(seconds) * 1000:.0f} ms for an image')


if __name__ == '__main__':
    main()
