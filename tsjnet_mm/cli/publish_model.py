r"""Extract the fusor's weights from a checkpoint of the Runner, for publishing.

    python tools/model_converters/publish_model.py work_dirs/NAME/epoch_40.pth --out mine
    python tools/model_converters/publish_model.py work_dirs/DRIVEN/epoch_3.pth --out driven \
        --start tsjnet-light --share 0.7

The file has only the fusor's weights, without optimiser and drivers. Its name has the checksum:
OUT-<first 8 digits of its SHA-256>.safetensors. It cannot contain code. It has a digest of the
weights, which every tool checks. --half stores half
precision, which halves the file and rounds the weights. --start and --share go back a part of
the way of a further training: they average its weights with those that it started from, which
keeps more of what these could do.
"""

import hashlib
from pathlib import Path

from tsjnet_mm.io.text import shorten
from tsjnet_mm.utils.files import whole_file

from .program import ToolParser, tool


def fusor_weights(source: str) -> dict:
    """Weights of a fusor, sorted by their names.

    Args:
        source (str): A checkpoint, also of a joint model, or a model with published weights.

    Returns:
        dict: Name to tensor.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It has no weights of a fusor.
    """
    from tsjnet_mm.models.fusors.hub import published_weights
    from tsjnet_mm.utils.checkpoints import load_state_dict
    from tsjnet_mm.utils.model_index import model_index
    from tsjnet_mm.utils.tensors import entries_below

    weights = load_state_dict(published_weights(source) if source in model_index() else source)
    weights = dict(sorted((entries_below('fusor.', weights) or weights).items()))
    if not weights:
        raise ValueError(f'{source}: expected the weights of a fusor, found none')
    return weights


@tool()
def main() -> None:
    """Command line."""
    parser = ToolParser(__doc__)
    parser.add_argument('checkpoint', metavar='CHECKPOINT', help='of the Runner')
    parser.add_argument(
        '--out', required=True, type=Path, metavar='OUT', help='file to write, without ending'
    )
    parser.add_argument(
        '--start', metavar='MODEL', help='model or checkpoint that the training started from'
    )
    parser.add_argument(
        '--share',
        type=float,
        metavar='S',
        help='weights are S of the checkpoint and 1 - S of --start; from 0 to 1',
    )
    parser.add_argument('--half', action='store_true', help='store half precision')
    args = parser.parse_args()
    if (args.start is None) != (args.share is None):
        parser.error('give --start and --share together')
    if args.share is not None and not 0 <= args.share <= 1:
        parser.error(f'--share must be from 0 to 1, got {args.share}')

    import torch
    from safetensors import SafetensorError
    from safetensors.torch import save

    from tsjnet_mm.io.outputs import check_outputs
    from tsjnet_mm.utils.checkpoints import DIGEST_KEY
    from tsjnet_mm.utils.tensors import digest_tensors

    weights = fusor_weights(args.checkpoint)
    if args.start is not None:
        start = fusor_weights(args.start)
        shapes, expected = ({n: v.shape for n, v in w.items()} for w in (weights, start))
        if shapes != expected:
            raise ValueError(
                f'{args.start} and {args.checkpoint} are weights of different networks: give '
                '--start what the training of the checkpoint started from'
            )
        weights = {
            name: torch.lerp(start[name].to(value.dtype), value, args.share)
            if value.is_floating_point()
            else value
            for name, value in weights.items()
        }
    if args.half:
        weights = {
            name: value.half() if value.is_floating_point() else value
            for name, value in weights.items()
        }
    # Copies, as safetensors takes no two tensors that share their values.
    weights = {name: value.clone().contiguous() for name, value in weights.items()}
    try:
        content = save(weights, {DIGEST_KEY: digest_tensors(weights)})
    except (KeyError, RuntimeError, SafetensorError) as error:
        raise ValueError(
            f'{args.checkpoint}: expected tensors that .safetensors holds, found '
            f'{shorten(repr(error))}'
        ) from error
    checksum = hashlib.sha256(content).hexdigest()
    path = args.out.parent / f'{args.out.name}-{checksum[:8]}.safetensors'
    check_outputs([path], [args.checkpoint], overwrite=True)  # Its name is its content's.
    with whole_file(path) as partial:
        partial.write_bytes(content)
    count = sum(value.numel() for value in weights.values() if torch.is_floating_point(value))
    print(f'wrote {path}: {count:,} values, {len(content):,} bytes\nSHA-256 {checksum}')
