"""CDDFuse, CVPR 2023: base features by attention, detail features by invertible couplings.

Zhao, Bai, Zhang, Zhang, Xu, Lin, Timofte and Van Gool, "CDDFuse: Correlation-Driven Dual-Branch
Feature Decomposition for Multi-Modality Image Fusion", CVPR 2023.

The whole network that fuses: encoder, fusion layers and decoder. With random weights in every
place the output equals that of the authors' code to 6e-7, in double precision to 2e-15.
Attention is between channels, over the whole image: tiles of a large one differ from it. Give
:class:`FusionInferencer` ``tile=0``. Images need two rows and columns, for reflected borders.

The output is a sigmoid, trained against the images' levels, and is left as it is. The authors'
script then stretches each fused image between its own extremes. ``stretch`` of
:class:`FusionInferencer` does so here. The script also rounds the visible luma to 8 bits first.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tsjnet_mm.models.fusors.base import BaseFusor
from tsjnet_mm.models.layers import ChannelLayerNorm
from tsjnet_mm.registry import MODELS

from .renaming import converter_for, rename_entries


def _conv(in_channels, out_channels, size, groups=1):
    return nn.Conv2d(
        in_channels, out_channels, size, padding=size // 2, groups=groups, bias=False
    )


class ChannelAttention(nn.Module):
    """Attention whose tokens are channels, each as large as the image.

    Args:
        channels (int): Channels of input and output.
        heads (int): Number of heads; divides ``channels``.
        groups (int): Groups of the 3x3 convolution over queries, keys and values.
    """

    def __init__(self, channels: int, heads: int, groups: int) -> None:
        super().__init__()
        self.temperature = nn.Parameter(torch.ones(heads, 1, 1))
        self.qkv = nn.Sequential(
            _conv(channels, 3 * channels, 1), _conv(3 * channels, 3 * channels, 3, groups)
        )
        self.project = _conv(channels, channels, 1)

    def forward(self, features: Tensor) -> Tensor:
        """Attend.

        Args:
            features (Tensor): (B, C, H, W).

        Returns:
            Tensor: (B, C, H, W).
        """
        batch, channels, height, width = features.shape
        tokens = (batch, len(self.temperature), channels // len(self.temperature), -1)
        query, key, value = (
            part.reshape(tokens) for part in self.qkv(features).chunk(3, dim=1)
        )
        query, key = F.normalize(query, dim=-1), F.normalize(key, dim=-1)
        weights = (query @ key.transpose(-2, -1) * self.temperature).softmax(dim=-1)
        return self.project((weights @ value).reshape(batch, channels, height, width))


class GatedConvolutions(nn.Module):
    """Two halves of features, one multiplied by an activation of the other.

    Args:
        channels (int): Channels of input and output.
        hidden (int): Channels of each half.
        groups (int): Groups of the 3x3 convolution over both halves.
    """

    def __init__(self, channels: int, hidden: int, groups: int) -> None:
        super().__init__()
        self.halves = nn.Sequential(
            _conv(channels, 2 * hidden, 1), _conv(2 * hidden, 2 * hidden, 3, groups)
        )
        self.project = _conv(hidden, channels, 1)

    def forward(self, features: Tensor) -> Tensor:
        """Refine features.

        Args:
            features (Tensor): (B, C, H, W).

        Returns:
            Tensor: (B, C, H, W).
        """
        gate, value = self.halves(features).chunk(2, dim=1)
        return self.project(F.gelu(gate) * value)


class _Transformer(nn.Module):
    """Attention and gated convolutions, each after a normalisation and added to its input."""

    def __init__(self, channels, attention, gated):
        super().__init__()
        self.norm1 = ChannelLayerNorm(channels)
        self.attention = attention
        self.norm2 = ChannelLayerNorm(channels)
        self.gated = gated

    def forward(self, features):
        features = features + self.attention(self.norm1(features))
        return features + self.gated(self.norm2(features))


def _shared_block(channels, heads):
    attention = ChannelAttention(channels, heads, groups=3 * channels)
    gated = GatedConvolutions(channels, 2 * channels, groups=4 * channels)
    return _Transformer(channels, attention, gated)


def _base_block(channels, heads):
    attention = ChannelAttention(channels, heads, groups=1)
    gated = GatedConvolutions(channels, channels, groups=channels)
    return _Transformer(channels, attention, gated)


def _inverted_bottleneck(channels):
    hidden = 2 * channels
    return nn.Sequential(
        _conv(channels, hidden, 1),
        nn.ReLU6(inplace=True),
        nn.Conv2d(
            hidden, hidden, 3, padding=1, padding_mode='reflect', groups=hidden, bias=False
        ),
        nn.ReLU6(inplace=True),
        _conv(hidden, channels, 1),
    )


class DetailBlock(nn.Module):
    """An affine coupling, as of invertible networks: each half of the channels moves the other.

    Args:
        channels (int): Channels of input and output, an even number.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.mix = nn.Conv2d(channels, channels, 1)
        self.shift_second = _inverted_bottleneck(channels // 2)
        self.scale_first = _inverted_bottleneck(channels // 2)
        self.shift_first = _inverted_bottleneck(channels // 2)

    def forward(self, features: Tensor) -> Tensor:
        """Couple.

        Args:
            features (Tensor): (B, C, H, W).

        Returns:
            Tensor: (B, C, H, W).
        """
        first, second = self.mix(features).chunk(2, dim=1)
        second = second + self.shift_second(first)
        first = first * self.scale_first(second).exp() + self.shift_first(second)
        return torch.cat((first, second), dim=1)


class DualBranchEncoder(nn.Module):
    """Features of one image, split into a base and details.

    Args:
        channels (int): Channels of all features.
        heads (int): Number of heads of each attention.
        depth (int): Number of transformer blocks that both branches share.
    """

    def __init__(self, channels: int, heads: int, depth: int) -> None:
        super().__init__()
        self.stem = _conv(1, channels, 3)
        self.shared = nn.Sequential(*(_shared_block(channels, heads) for _ in range(depth)))
        self.base = _base_block(channels, heads)
        self.detail = nn.Sequential(*(DetailBlock(channels) for _ in range(3)))

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Encode.

        Args:
            image (Tensor): (B, 1, H, W).

        Returns:
            tuple[Tensor, Tensor]: Base and details, (B, channels, H, W) each.
        """
        features = self.shared(self.stem(image))
        return self.base(features), self.detail(features)


@MODELS.register_module()
class CDDFuse(BaseFusor):
    """One encoder for both images, a fusion layer for each of two branches, a decoder.

    Args:
        channels (int): Channels of all features, a multiple of 2 and of ``heads``. Defaults to
            64.
        heads (int): Number of heads of each attention. Defaults to 8.
        depth (int): Number of transformer blocks of the encoder, and of the decoder. Defaults
            to 4.
        **options: ``data_preprocessor`` and ``init_cfg``, see :class:`BaseFusor`.
    """

    #: Reflection needs a second row and column.
    min_size = 2

    def __init__(
        self,
        channels: int = 64,
        heads: int = 8,
        depth: int = 4,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.encoder = DualBranchEncoder(channels, heads, depth)
        self.fuse_base = _base_block(channels, heads)
        self.fuse_detail = DetailBlock(channels)
        self.join = _conv(2 * channels, channels, 1)
        self.decoder = nn.Sequential(*(_shared_block(channels, heads) for _ in range(depth)))
        self.head = nn.Sequential(
            _conv(channels, channels // 2, 3), nn.LeakyReLU(), _conv(channels // 2, 1, 3)
        )

    def fuse_luma(self, ir: Tensor, vi: Tensor) -> Tensor:
        """See :meth:`BaseFusor.fuse_luma`."""
        ir_base, ir_detail = self.encoder(ir)
        vi_base, vi_detail = self.encoder(vi)
        base = self.fuse_base(vi_base + ir_base)
        detail = self.fuse_detail(vi_detail + ir_detail)
        features = self.decoder(self.join(torch.cat((base, detail), dim=1)))
        return torch.sigmoid(self.head(features) + vi)


def _transformer_rules(published, name):
    """Two kinds of blocks, whose layers have different names."""
    return (
        (rf'{published}norm(?P<n>[12])\.body\.(?P<entry>.*)', rf'{name}norm\g<n>.\g<entry>'),
        (rf'{published}attn\.(?:temperature|scale)', f'{name}attention.temperature'),
        (rf'{published}attn\.(?:qkv|qkv1)\.weight', f'{name}attention.qkv.0.weight'),
        (rf'{published}attn\.(?:qkv_dwconv|qkv2)\.weight', f'{name}attention.qkv.1.weight'),
        (rf'{published}attn\.(?:project_out|proj)\.weight', f'{name}attention.project.weight'),
        (rf'{published}(?:ffn|mlp)\.project_in\.weight', f'{name}gated.halves.0.weight'),
        (rf'{published}(?:ffn|mlp)\.dwconv\.weight', f'{name}gated.halves.1.weight'),
        (rf'{published}(?:ffn|mlp)\.project_out\.weight', f'{name}gated.project.weight'),
    )


def _detail_rules(published, name):
    yield rf'{published}shffleconv\.(?P<entry>.*)', rf'{name}mix.\g<entry>'
    roles = {'phi': 'shift_second', 'rho': 'scale_first', 'eta': 'shift_first'}
    for letter, role in roles.items():
        # Padding counts there as a layer.
        for source, target in ((0, 0), (3, 2), (5, 4)):
            yield (
                rf'{published}theta_{letter}\.bottleneckBlock\.{source}\.weight',
                f'{name}{role}.{target}.weight',
            )


_INDEX = r'(?P<index>\d+)\.'
_RULES = (
    (r'DIDF_Encoder\.patch_embed\.proj\.(.*)', r'encoder.stem.\1'),
    *_transformer_rules(
        rf'DIDF_Encoder\.encoder_level1\.{_INDEX}', r'encoder.shared.\g<index>.'
    ),
    *_transformer_rules(r'DIDF_Encoder\.baseFeature\.', 'encoder.base.'),
    *_detail_rules(
        rf'DIDF_Encoder\.detailFeature\.net\.{_INDEX}', r'encoder.detail.\g<index>.'
    ),
    *_transformer_rules(r'BaseFuseLayer\.', 'fuse_base.'),
    *_detail_rules(r'DetailFuseLayer\.net\.0\.', 'fuse_detail.'),
    (r'DIDF_Decoder\.reduce_channel\.(.*)', r'join.\1'),
    *_transformer_rules(rf'DIDF_Decoder\.encoder_level2\.{_INDEX}', r'decoder.\g<index>.'),
    (r'DIDF_Decoder\.output\.(.*)', r'head.\1'),
)


@converter_for(CDDFuse)
def convert_cddfuse(checkpoint: dict[str, dict[str, Tensor]]) -> dict[str, Tensor]:
    """The authors' checkpoint, state dicts of four networks by name, for :class:`CDDFuse`."""
    if not isinstance(checkpoint, dict):
        raise ValueError(f'expected state dicts by name, found {type(checkpoint).__name__}')
    flat = {}
    for network, state_dict in checkpoint.items():
        if not isinstance(state_dict, dict):
            raise ValueError(f'expected a state dict in {network!r}')
        for name, value in state_dict.items():
            flat[f'{network}.{name.removeprefix("module.")}'] = value
    return rename_entries(flat, _RULES)
