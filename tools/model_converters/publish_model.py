r"""Take the fusor's weights out of a checkpoint of the Runner, for publishing.

    python tools/model_converters/publish_model.py work_dirs/NAME/epoch_40.pth --out mine
    python tools/model_converters/publish_model.py a.pth b.pth --shares 0.4 0.6 --out mine

Of several checkpoints of one training the weights are averaged. Optimiser, drivers and
everything else but the fusor's weights are left behind. The file is named by its checksum,
OUT-<first 8 digits of its SHA-256>.safetensors, and holds nothing that could run. --half stores
half precision, which halves the file and rounds the weights.
"""

import argparse
import hashlib
from pathlib import Path

import torch
from safetensors.torch import save

from tsjnet_mm.utils import whole_file
from tsjnet_mm.utils.checkpoints import load_state_dict

_PREFIX = 'fusor.'


def fusor_weights(state_dict):
    """The fusor's entries of a state dict.

    Args:
        state_dict (dict[str, Tensor]): Of a fusor, or of a joint model.

    Returns:
        dict[str, Tensor]: By the fusor's own names, sorted.
    """
    if any(name.startswith(_PREFIX) for name in state_dict):
        state_dict = {
            name[len(_PREFIX) :]: value
            for name, value in state_dict.items()
            if name.startswith(_PREFIX)
        }
    return dict(sorted(state_dict.items()))


def average(state_dicts, shares):
    """Weighted mean of the floating point entries; others are the last's.

    Args:
        state_dicts (Sequence[dict[str, Tensor]]): With the same entries.
        shares (Sequence[float]): Of each.

    Returns:
        dict[str, Tensor]: The mean.

    Raises:
        ValueError: The shares do not sum to 1, one each.
    """
    if len(shares) != len(state_dicts) or abs(sum(shares) - 1) > 1e-6:
        raise ValueError(f'{len(state_dicts)} shares must sum to 1, got {list(shares)}')
    mean = dict(state_dicts[-1])
    for name, value in mean.items():
        if value.is_floating_point():
            parts = zip(shares, state_dicts, strict=True)
            mean[name] = sum(share * one[name] for share, one in parts)
    return mean


def main():
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        'checkpoints', nargs='+', type=Path, metavar='CHECKPOINT', help='of the Runner'
    )
    parser.add_argument(
        '--out',
        required=True,
        type=Path,
        metavar='OUT',
        help='file to write, without ending',
    )
    parser.add_argument(
        '--shares',
        nargs='+',
        type=float,
        metavar='SHARE',
        help='of each checkpoint in the mean (default: equal)',
    )
    parser.add_argument('--half', action='store_true', help='store half precision')
    args = parser.parse_args()
    try:
        parts = [fusor_weights(load_state_dict(path)) for path in args.checkpoints]
        shapes = [{name: value.shape for name, value in part.items()} for part in parts]
        for path, other in zip(args.checkpoints, shapes, strict=True):
            if other != shapes[0]:
                raise ValueError(f'{path} is of another model than {args.checkpoints[0]}')
        shares = args.shares or [1 / len(parts)] * len(parts)
        weights = average(parts, shares)
        if args.half:
            weights = {
                name: value.half() if value.is_floating_point() else value
                for name, value in weights.items()
            }
        content = save({name: value.contiguous() for name, value in weights.items()})
        checksum = hashlib.sha256(content).hexdigest()
        path = args.out.parent / f'{args.out.name}-{checksum[:8]}.safetensors'
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as partial:
            Path(partial).write_bytes(content)
    except (OSError, ValueError) as error:
        parser.exit(1, f'error: {error}\n')
    count = sum(value.numel() for value in weights.values() if torch.is_floating_point(value))
    print(f'wrote {path}: {count:,} values, {len(content):,} bytes\nSHA-256 {checksum}')


if __name__ == '__main__':
    main()
