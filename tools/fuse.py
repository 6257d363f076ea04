r"""Fuse infrared and visible images: two files, or two folders whose files pair by name.

Examples:
    python tools/fuse.py --ir ir.png --vi vi.png --out fused/
    python tools/fuse.py --ir data/MSRS/test/ir --vi data/MSRS/test/vi --out fused/ \
        --model tsjnet-light --weights work_dirs/tsjnet_light_joint_40e_msrs/epoch_40.pth
    python tools/fuse.py --ir IR --vi VI --out OUT --grey      # luma only

Models: tsjnet-official and tsjnet-light (both need --weights), average, max, laplacian (a tuned
Laplacian pyramid, no weights), or a config file with --weights.
"""

import argparse
from pathlib import Path

import torch
from tqdm import tqdm

from tsjnet_mm.apis import CLASSICAL_FUSORS, find_pairs, fuse_files, init_fusor, save_image


def parse_args():
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--ir', required=True, help='infrared image, or folder of images')
    parser.add_argument('--vi', required=True, help='visible image, or folder of images')
    parser.add_argument('--out', required=True, type=Path, help='folder for fused PNG files')
    parser.add_argument(
        '--model', default='laplacian', help='name or config file (default: laplacian)'
    )
    parser.add_argument('--weights', help='checkpoint of the model')
    parser.add_argument(
        '--grey', action='store_true', help='write the fused luma instead of a colour image'
    )
    parser.add_argument(
        '--device',
        default='cuda' if torch.cuda.is_available() else 'cpu',
        help='where to compute (default: %(default)s)',
    )
    args = parser.parse_args()
    if args.weights is None and args.model not in CLASSICAL_FUSORS:
        parser.error(f'--model {args.model} needs --weights CHECKPOINT')
    return parser, args


def main():
    """Fuse all pairs; stop with a message at the first that cannot be fused."""
    parser, args = parse_args()
    try:
        pairs = find_pairs(args.ir, args.vi)
        fusor = init_fusor(args.model, args.weights, args.device)
        args.out.mkdir(parents=True, exist_ok=True)
        for stem, ir_path, vi_path in tqdm(pairs, desc='fusing', unit='pair'):
            image = fuse_files(fusor, ir_path, vi_path, colour=not args.grey)
            save_image(image, args.out / f'{stem}.png')
    except (OSError, ValueError) as error:
        parser.exit(1, f'error: {error}\n')
    print(f'{len(pairs)} fused images in {args.out}')


if __name__ == '__main__':
    main()
