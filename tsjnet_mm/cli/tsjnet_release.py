r"""Convert a checkpoint of the authors' TSJNet release to this toolbox's `official` preset.

The release stores four state dicts (DIDF_Encoder, DIDF_Decoder, BaseFuseLayer,
DetailFuseLayer). The result loads with any tool of this project:

    python tools/model_converters/tsjnet_release.py TSJNet.pth tsjnet_official.pth
    python tools/fuse.py --ir IR --vi VI --out OUT --model tsjnet-official \
        --weights tsjnet_official.pth
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from tsjnet_mm.utils.files import whole_file

from .program import ToolParser, tool

if TYPE_CHECKING:
    from torch import Tensor

PARTS = ('DIDF_Encoder', 'DIDF_Decoder', 'BaseFuseLayer', 'DetailFuseLayer')

TRUNK = (
    (r'deep_stem\.([01])\.', lambda m: f'stem.0.{m[1]}.'),
    (r'deep_stem\.([34])\.', lambda m: f'stem.1.{int(m[1]) - 3}.'),
    (r'deep_stem\.([67])\.', lambda m: f'stem.2.{int(m[1]) - 6}.'),
    (r'layer1\.', lambda m: 'blocks.'),
)
NAT = (
    (r'norm1\.body\.', lambda m: 'norm.'),
    (r'attn\.(norm|avgpool|conv_head)\..*', lambda m: None),
    (r'attn\.patch_embed\.proj\.([01])\.', lambda m: f'tokenizer.conv{int(m[1]) + 1}.'),
    (r'attn\.patch_embed\.norm\.', lambda m: 'tokenizer.norm.'),
    (r'attn\.levels\.(\d+)\.downsample\.', lambda m: f'downsamples.{m[1]}.'),
    (
        r'attn\.levels\.(\d+)\.blocks\.(\d+)\.attn\.rpb',
        lambda m: f'levels.{m[1]}.{m[2]}.attention.position_bias',
    ),
    (
        r'attn\.levels\.(\d+)\.blocks\.(\d+)\.attn\.',
        lambda m: f'levels.{m[1]}.{m[2]}.attention.',
    ),
    (
        r'attn\.levels\.(\d+)\.blocks\.(\d+)\.mlp\.fc([12])\.',
        lambda m: f'levels.{m[1]}.{m[2]}.mlp.{2 * int(m[3]) - 2}.',
    ),
    (r'attn\.levels\.(\d+)\.blocks\.(\d+)\.', lambda m: f'levels.{m[1]}.{m[2]}.'),
    (r'attn\.conv([12])\.0\.', lambda m: f'neck.{2 * int(m[1]) - 2}.'),
    (r'attn\.transposed_conv([123])\.', lambda m: f'upsample.{int(m[1]) - 1}.'),
)
DSM = (
    (r'spa\..*', lambda m: None),
    (r'coa\.conv\.0\.', lambda m: 'residual.'),
    (r'convp([12])\.', lambda m: f'conv{m[1]}.'),
    (r'conv1\.1\.', lambda m: 'project.1.'),
    (r'conv4\.', lambda m: 'conv3.'),
    (r'conv_transpose\.', lambda m: 'upsample.'),
    (r'(fc[12]\.)', lambda m: m[1]),
)


def _rename(name, rules, keep=False):
    """Apply the first rule whose pattern starts the name; None drops the entry."""
    for pattern, replace in rules:
        match = re.match(pattern, name)
        if match:
            start = replace(match)
            return None if start is None else start + name[match.end() :]
    if keep:
        return name
    raise KeyError(name)


def _encoder_name(name):
    if name.startswith('patch_embed.proj.'):
        return name.replace('patch_embed.proj.', 'encoder.embed.')
    if name.startswith('ResNest.'):
        return 'encoder.trunk.' + _rename(name[len('ResNest.') :], TRUNK)
    match = re.match(r'conv([123])\.0\.', name)
    if match:
        return f'encoder.refine.{2 * int(match[1]) - 2}.' + name[match.end() :]
    for prefix, target, rules in (
        ('baseFeature.', 'features.local.', NAT),
        ('detailFeature.', 'features.detail.', DSM),
    ):
        if name.startswith(prefix):
            renamed = _rename(name[len(prefix) :], rules)
            return None if renamed is None else target + renamed
    raise KeyError(name)


def _decoder_name(name):
    if name.startswith('ResNest.'):
        return 'decoder.trunk.' + _rename(name[len('ResNest.') :], TRUNK)
    if name.startswith('reduce_channel.'):
        return name.replace('reduce_channel.', 'decoder.reduce.')
    if re.match(r'output\.[02]\.', name):
        return 'decoder.' + name
    raise KeyError(name)


def _fusion_name(name, branch, rules):
    renamed = _rename(name, rules)
    return None if renamed is None else f'fusion_layer.{branch}.{renamed}'


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

    missing = [part for part in PARTS if part not in checkpoint]
    if missing:
        raise ValueError(f'the checkpoint lacks {missing}; it has {sorted(checkpoint)}')
    names = {
        'DIDF_Encoder': _encoder_name,
        'DIDF_Decoder': _decoder_name,
        'BaseFuseLayer': lambda name: _fusion_name(name, 'local', NAT),
        'DetailFuseLayer': lambda name: _fusion_name(name, 'detail', DSM),
    }
    state_dict = {}
    for part, rename in names.items():
        entries = {name.removeprefix('module.'): v for name, v in checkpoint[part].items()}
        if part == 'DIDF_Decoder':
            for kind in ('weight', 'bias'):
                heads = [entries.pop(f'spa.conv.{head}.{kind}') for head in range(8)]
                state_dict[f'decoder.attention.conv.{kind}'] = torch.cat(heads)
        for name, value in entries.items():
            try:
                renamed = rename(name)
            except KeyError:
                raise ValueError(f'unknown entry {name} in {part}') from None
            if renamed is not None:
                state_dict[renamed] = value
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
