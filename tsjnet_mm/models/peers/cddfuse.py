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

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from tsjnet_mm.models.fusors.base import BaseFusor
from tsjnet_mm.registry import MODELS

from .channel_attention import (
    ChannelAttention,
    ChannelTransformer,
    GatedConvolutions,
    conv,
    transformer_rules,
)
from .renaming import converter_for, flatten_networks, rename_entries


def _shared_block(channels, heads):
    attention = ChannelAttention(channels, heads, groups=3 * channels)
    gated = GatedConvolutions(channels, 2 * channels, groups=4 * channels)
    return ChannelTransformer(channels, attention, gated)


def _base_block(channels, heads):
    attention = ChannelAttention(channels, heads, groups=1)
    gated = GatedConvolutions(channels, channels, groups=channels)
    return ChannelTransformer(channels, attention, gated)


def _inverted_bottleneck(channels):
    hidden = 2 * channels
    return nn.Sequential(
        conv(channels, hidden, 1),
        nn.ReLU6(inplace=True),
        conv(hidden, hidden, 3, hidden, 'reflect'),
        nn.ReLU6(inplace=True),
        conv(hidden, channels, 1),
    )


class DetailBlock(nn.Module):
    """An affine coupling, as of invertible networks: each half of the channels moves the other.

    Args:
        channels (int): Channels of input and output, an even number.
        bottleneck (Callable[[int], nn.Module]): From a number of channels to the network from
            one half to the other. Defaults to that of CDDFuse.
    """

    def __init__(
        self, channels: int, bottleneck: Callable[[int], nn.Module] = _inverted_bottleneck
    ) -> None:
        super().__init__()
        self.mix = nn.Conv2d(channels, channels, 1)
        self.shift_second = bottleneck(channels // 2)
        self.scale_first = bottleneck(channels // 2)
        self.shift_first = bottleneck(channels // 2)

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
        self.stem = conv(1, channels, 3)
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
        self.join = conv(2 * channels, channels, 1)
        self.decoder = nn.Sequential(*(_shared_block(channels, heads) for _ in range(depth)))
        self.head = nn.Sequential(
            conv(channels, channels // 2, 3), nn.LeakyReLU(), conv(channels // 2, 1, 3)
        )

    def fuse_luma(self, ir: Tensor, vi: Tensor) -> Tensor:
        """See :meth:`BaseFusor.fuse_luma`."""
        ir_base, ir_detail = self.encoder(ir)
        vi_base, vi_detail = self.encoder(vi)
        base = self.fuse_base(vi_base + ir_base)
        detail = self.fuse_detail(vi_detail + ir_detail)
        features = self.decoder(self.join(torch.cat((base, detail), dim=1)))
        return torch.sigmoid(self.head(features) + vi)


def detail_rules(published: str, name: str) -> Iterator[tuple[str, str]]:
    """Rules of :func:`.rename_entries` for a :class:`DetailBlock`.

    Args:
        published (str): Pattern of what comes before the names of its layers.
        name (str): What takes that place.

    Yields:
        tuple[str, str]: A pattern and the new name.
    """
    yield rf'{published}shffleconv\.(?P<entry>.*)', rf'{name}mix.\g<entry>'
    roles = {'phi': 'shift_second', 'rho': 'scale_first', 'eta': 'shift_first'}
    for letter, role in roles.items():
        # Padding counts there as a layer.
        for source, target in ((0, 0), (3, 2), (5, 4), (8, 6)):
            yield (
                rf'{published}theta_{letter}\.bottleneckBlock\.{source}\.weight',
                f'{name}{role}.{target}.weight',
            )


_INDEX = r'(?P<index>\d+)\.'
_RULES = (
    (r'DIDF_Encoder\.patch_embed\.proj\.(.*)', r'encoder.stem.\1'),
    *transformer_rules(
        rf'DIDF_Encoder\.encoder_level1\.{_INDEX}', r'encoder.shared.\g<index>.'
    ),
    *transformer_rules(r'DIDF_Encoder\.baseFeature\.', 'encoder.base.'),
    *detail_rules(rf'DIDF_Encoder\.detailFeature\.net\.{_INDEX}', r'encoder.detail.\g<index>.'),
    *transformer_rules(r'BaseFuseLayer\.', 'fuse_base.'),
    *detail_rules(r'DetailFuseLayer\.net\.0\.', 'fuse_detail.'),
    (r'DIDF_Decoder\.reduce_channel\.(.*)', r'join.\1'),
    *transformer_rules(rf'DIDF_Decoder\.encoder_level2\.{_INDEX}', r'decoder.\g<index>.'),
    (r'DIDF_Decoder\.output\.(.*)', r'head.\1'),
)


@converter_for(CDDFuse)
def convert_cddfuse(checkpoint: dict[str, dict[str, Tensor]]) -> dict[str, Tensor]:
    """The authors' checkpoint, state dicts of four networks by name, for :class:`CDDFuse`."""
    return rename_entries(flatten_networks(checkpoint), _RULES)
