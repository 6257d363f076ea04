r"""Extract the fusor's weights from a checkpoint of the Runner, for publishing.

    python tools/model_converters/publish_model.py work_dirs/NAME/epoch_40.pth --out mine

The file has only the fusor's weights, without optimiser and drivers. Its name has the checksum:
OUT-<first 8 digits of its SHA-256>.safetensors. It cannot contain code. It has a digest of the
weights, which every tool checks. --half stores half
precision, which halves the file and rounds the weights.
"""

import hashlib
from pathlib import Path

from tsjnet_mm.io.text import shorten
from tsjnet_mm.utils.files import whole_file

from .program import ToolParser, tool


@tool()
def main() -> None:
    """Command line."""
    parser = ToolParser(__doc__)
    parser.add_argument('checkpoint', metavar='CHECKPOINT', help='of the Runner')
    parser.add_argument(
        '--out', required=True, type=Path, metavar='OUT', help='file to write, without ending'
    )
    parser.add_argument('--half', action='store_true', help='store half precision')
    args = parser.parse_args()

    import torch
    from safetensors import SafetensorError
    from safetensors.torch import save

    from tsjnet_mm.io.outputs import check_outputs
    from tsjnet_mm.utils.checkpoints import DIGEST_KEY, load_state_dict
    from tsjnet_mm.utils.tensors import digest_tensors, entries_below

    weights = load_state_dict(args.checkpoint)
    weights = dict(sorted((entries_below('fusor.', weights) or weights).items()))
    if not weights:
        raise ValueError(f'{args.checkpoint}: expected the weights of a fusor, found none')
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
