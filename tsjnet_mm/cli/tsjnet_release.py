r"""Convert a checkpoint of the authors' TSJNet release to this toolbox's `official` preset.

The release stores four state dicts (DIDF_Encoder, DIDF_Decoder, BaseFuseLayer,
DetailFuseLayer). The result loads with any tool of this project:

    python tools/model_converters/tsjnet_release.py TSJNet.pth tsjnet_official.pth
    python tools/fuse.py --ir IR --vi VI --out OUT --model tsjnet-official \
        --weights tsjnet_official.pth
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tsjnet_mm.utils.files import whole_file
from tsjnet_mm.utils.words import name_some

from .program import ToolParser, tool

if TYPE_CHECKING:
    from torch import Tensor

# The start of a name, and what takes its place: None for what the forward pass never reads.
_TRUNK = (
    (r'deep_stem\.([01])\.', r'stem.0.\1.'),
    (r'deep_stem\.3\.', 'stem.1.0.'),
    (r'deep_stem\.4\.', 'stem.1.1.'),
    (r'deep_stem\.6\.', 'stem.2.0.'),
    (r'deep_stem\.7\.', 'stem.2.1.'),
    (r'layer1\.', 'blocks.'),
)
_BLOCK = r'attn\.levels\.(\d+)\.blocks\.(\d+)\.'
_NAT = (
    (r'norm1\.body\.', 'norm.'),
    (r'attn\.(?:norm|avgpool|conv_head)\.', None),
    (r'attn\.patch_embed\.proj\.0\.', 'tokenizer.conv1.'),
    (r'attn\.patch_embed\.proj\.1\.', 'tokenizer.conv2.'),
    (r'attn\.patch_embed\.norm\.', 'tokenizer.norm.'),
    (r'attn\.levels\.(\d+)\.downsample\.', r'downsamples.\1.'),
    (_BLOCK + r'attn\.rpb', r'levels.\1.\2.attention.position_bias'),
    (_BLOCK + r'attn\.', r'levels.\1.\2.attention.'),
    (_BLOCK + r'mlp\.fc1\.', r'levels.\1.\2.mlp.0.'),
    (_BLOCK + r'mlp\.fc2\.', r'levels.\1.\2.mlp.2.'),
    (_BLOCK, r'levels.\1.\2.'),
    (r'attn\.conv1\.0\.', 'neck.0.'),
    (r'attn\.conv2\.0\.', 'neck.2.'),
    (r'attn\.transposed_conv1\.', 'upsample.0.'),
    (r'attn\.transposed_conv2\.', 'upsample.1.'),
    (r'attn\.transposed_conv3\.', 'upsample.2.'),
)
_DSM = (
    (r'spa\.', None),
    (r'coa\.conv\.0\.', 'residual.'),
    (r'convp([12])\.', r'conv\1.'),
    (r'conv1\.1\.', 'project.1.'),
    (r'conv4\.', 'conv3.'),
    (r'conv_transpose\.', 'upsample.'),
    (r'(fc[12])\.', r'\1.'),
)
_ENCODER = (
    (r'patch_embed\.proj\.', 'embed.'),
    (r'conv1\.0\.', 'refine.0.'),
    (r'conv2\.0\.', 'refine.2.'),
    (r'conv3\.0\.', 'refine.4.'),
)
_DECODER = ((r'reduce_channel\.', 'reduce.'), (r'output\.([02])\.', r'output.\1.'))


def _rules(start, target, rules):
    """Rules of :func:`.rename_entries` for names that begin with ``start``."""
    return [
        (rf'{start}{old}(?P<rest>.*)', new and rf'{target}{new}\g<rest>') for old, new in rules
    ]


#: Part of the release to the rules for its entries.
PARTS = {
    'DIDF_Encoder': [
        *_rules('', 'encoder.', _ENCODER),
        *_rules(r'ResNest\.', 'encoder.trunk.', _TRUNK),
        *_rules(r'baseFeature\.', 'features.local.', _NAT),
        *_rules(r'detailFeature\.', 'features.detail.', _DSM),
    ],
    'DIDF_Decoder': [
        *_rules('', 'decoder.', _DECODER),
        *_rules(r'ResNest\.', 'decoder.trunk.', _TRUNK),
    ],
    'BaseFuseLayer': _rules('', 'fusion_layer.local.', _NAT),
    'DetailFuseLayer': _rules('', 'fusion_layer.detail.', _DSM),
}


def convert(checkpoint: dict[str, dict[str, Tensor]]) -> dict[str, Tensor]:
    """Names of the release to names of :class:`TSJNet` with the `official` preset.

    Args:
        checkpoint (dict[str, dict[str, Tensor]]): The release's four state dicts.

    Returns:
        dict[str, Tensor]: State dict. Entries that the release's forward pass never reads are
        left out. Relative position biases, where there are any, are kept.

    Raises:
        ValueError: A part is missing, or an entry's name is unknown.
    """
    import torch

    from tsjnet_mm.models.peers.renaming import rename_entries

    missing = [part for part in PARTS if part not in checkpoint]
    if missing:
        found = name_some(sorted(checkpoint))
        raise ValueError(f'the checkpoint lacks {", ".join(missing)}; it has {found}')
    state_dict = {}
    for part, rules in PARTS.items():
        entries = {name.removeprefix('module.'): v for name, v in checkpoint[part].items()}
        if part == 'DIDF_Decoder':
            for kind in ('weight', 'bias'):
                heads = [entries.pop(f'spa.conv.{head}.{kind}') for head in range(8)]
                state_dict[f'decoder.attention.conv.{kind}'] = torch.cat(heads)
        try:
            state_dict |= rename_entries(entries, rules)
        except ValueError as error:
            raise ValueError(f'{error} in {part}') from error
    return state_dict


@tool()
def main() -> None:
    """Command line."""
    parser = ToolParser(__doc__)
    parser.add_argument('release', type=Path, help="the authors' checkpoint")
    parser.add_argument('out', type=Path, help='the checkpoint to write')
    parser.add_argument('--overwrite', action='store_true', help='overwrite an existing file')
    args = parser.parse_args()

    import torch

    from tsjnet_mm.io.outputs import check_outputs
    from tsjnet_mm.utils.checkpoints import add_digest, read_checkpoint

    check_outputs([args.out], [args.release], args.overwrite)
    state_dict = convert(read_checkpoint(args.release))
    checkpoint = {'meta': {'source': args.release.name}, 'state_dict': state_dict}
    add_digest(checkpoint)
    with whole_file(args.out) as partial:
        torch.save(checkpoint, partial)
    parameters = sum(value.numel() for value in state_dict.values())
    print(f'wrote {args.out}: {len(state_dict)} tensors, {parameters / 1e6:.2f} M values')
