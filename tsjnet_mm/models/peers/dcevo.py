"""DCEvo, CVPR 2025: convolutions for low frequencies, couplings for high ones.

Liu, Zhang, Mei, Li, Zou, Jiang, Ma, Liu and Fan, "DCEvo: Discriminative Cross-Dimensional
Evolutionary Learning for Infrared and Visible Image Fusion", CVPR 2025.

The network of the authors' script for fusion alone is here: encoder, fusion layers and decoder.
Their second network, which also attends to the features of a detector (YOLO), is not, and its
checkpoint is refused. With random weights in every place the output equals that of the authors'
code to 3e-7 (1e-5 where random features grow very large), in double precision to 1e-15.

Infrared and visible luma in [0, 1] go in, and nothing tells one from the other: exchanged, they
give the same image. The decoder's result is added to the average of both, and a sigmoid comes
out, which is left as it is: the average alone would come out between 0.5 and 0.73. For a batch
the authors' decoder adds the average of the first two images to all; here each pair gets its
own. Their script reads luma that is rounded to 8 bits, and cuts the fraction of the fused level
off, where this toolbox rounds; another script puts the visible chroma under it. Images of any
size from 2x2 up are taken without padding. Weights are means over the whole image at many
places: tiles of a large one differ from it. Give :class:`FusionInferencer` ``tile=0``.
"""

from typing import Any

import torch
from torch import Tensor, nn

from tsjnet_mm.models.fusors.base import BaseFusor
from tsjnet_mm.registry import MODELS

from .cddfuse import DetailBlock, detail_rules
from .channel_attention import (
    ChannelAttention,
    ChannelTransformer,
    GatedConvolutions,
    conv,
    transformer_rules,
)
from .renaming import converter_for, flatten_networks, rename_entries


def _activated(*sizes):
    return nn.Sequential(conv(*sizes), nn.SiLU(inplace=True))


def emphasise(features: Tensor) -> Tensor:
    """Weigh features by how they stand out of their channel, and activate them.

    Args:
        features (Tensor): (B, C, H, W).

    Returns:
        Tensor: (B, C, H, W).
    """
    share = features.sigmoid()
    weight = (share.square() / share.mean((2, 3), keepdim=True)).sigmoid()
    return nn.functional.silu(features * weight)


class EnergyWeight(nn.Module):
    """Weigh features by their squared distance from the channel's mean, without parameters."""

    def forward(self, features: Tensor) -> Tensor:
        """Weigh.

        Args:
            features (Tensor): (B, C, H, W), more than one position.

        Returns:
            Tensor: (B, C, H, W).
        """
        energy = (features - features.mean((2, 3), keepdim=True)).square()
        variance = energy.sum((2, 3), keepdim=True) / (energy[0, 0].numel() - 1)
        return features * (energy / (4 * (variance + 1e-4)) + 0.5).sigmoid()


class _Step(nn.Module):
    """A convolution, then one for each channel, added to their input."""

    def __init__(self, channels):
        super().__init__()
        self.convs = nn.Sequential(
            *_activated(channels, channels, 3), *_activated(channels, channels, 3, channels)
        )

    def forward(self, features):
        return features + self.convs(features)


class CrossStageBlock(nn.Module):
    """Half of the channels go through a chain of convolutions, and all of its links are joined.

    Args:
        channels (int): Channels of input and output, an even number.
        depth (int): Number of links.
    """

    def __init__(self, channels: int, depth: int = 6) -> None:
        super().__init__()
        half = channels // 2
        self.split = _activated(channels, 2 * half, 1)
        self.steps = nn.ModuleList(_Step(half) for _ in range(depth))
        self.join = _activated((2 + depth) * half, channels, 1)

    def forward(self, features: Tensor) -> Tensor:
        """Refine features.

        Args:
            features (Tensor): (B, C, H, W).

        Returns:
            Tensor: (B, C, H, W).
        """
        links = list(self.split(features).chunk(2, dim=1))
        for step in self.steps:
            links.append(step(links[-1]))
        return features + emphasise(self.join(torch.cat(links, dim=1)))


class _Transformer(ChannelTransformer):
    """Normalised without a factor; what is added is emphasised first."""

    def __init__(self, channels, heads):
        attention = ChannelAttention(channels, heads, groups=3 * channels)
        gated = GatedConvolutions(channels, 2 * channels, groups=4 * channels)
        super().__init__(channels, attention, gated)
        self.norm1.weight = self.norm2.weight = None

    def forward(self, features):
        features = features + emphasise(self.attention(self.norm1(features)))
        return features + emphasise(self.gated(self.norm2(features)))


def _low(channels):
    return nn.Sequential(CrossStageBlock(channels), CrossStageBlock(channels))


def _bottleneck(channels):
    """Of a coupling: four convolutions, two of them over all channels."""
    layers = []
    for _ in range(2):
        layers += [
            conv(channels, channels, 1),
            nn.ReLU6(inplace=True),
            conv(channels, channels, 3, channels, 'reflect'),
            nn.ReLU6(inplace=True),
        ]
    return nn.Sequential(*layers[:-1])


def _high(channels):
    return nn.Sequential(
        *(nn.Sequential(DetailBlock(channels, _bottleneck), EnergyWeight()) for _ in range(3))
    )


class FrequencyEncoder(nn.Module):
    """Features of one image, split into low and high frequencies.

    Args:
        channels (int): Channels of all features.
        depth (int): Number of pairs of blocks that both branches share.
    """

    def __init__(self, channels: int, depth: int) -> None:
        super().__init__()
        self.stem = conv(1, channels, 3)
        self.shared = nn.Sequential(*(_low(channels) for _ in range(depth)))
        self.low = _low(channels)
        self.high = _high(channels)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Encode.

        Args:
            image (Tensor): (B, 1, H, W).

        Returns:
            tuple[Tensor, Tensor]: Low and high frequencies, (B, channels, H, W) each.
        """
        features = self.shared(self.stem(image))
        return self.low(features), self.high(features)


@MODELS.register_module()
class DCEvo(BaseFusor):
    """One encoder for both images, a fusion layer for each of two branches, a decoder.

    Args:
        channels (int): Channels of all features, an even multiple of ``heads``. Defaults to 64.
        heads (int): Number of heads of the attention. Defaults to 8.
        depth (int): Number of pairs of blocks of the encoder, and of the decoder. Defaults to
            5.
        **options: ``data_preprocessor`` and ``init_cfg``, see :class:`BaseFusor`.
    """

    #: Reflection needs a second row and column.
    min_size = 2

    def __init__(
        self, channels: int = 64, heads: int = 8, depth: int = 5, **options: Any
    ) -> None:
        super().__init__(**options)
        self.encoder = FrequencyEncoder(channels, depth)
        self.fuse_low = _low(channels)
        self.fuse_high = _high(channels)
        self.join = conv(2 * channels, channels, 1)
        self.decoder = nn.Sequential(*(_low(channels) for _ in range(depth)))
        self.head = nn.Sequential(
            _Transformer(channels, heads),
            conv(channels, channels // 2, 3, padding_mode='reflect'),
            nn.LeakyReLU(0.01),
            conv(channels // 2, 1, 3, padding_mode='reflect'),
        )

    def fuse_luma(self, ir: Tensor, vi: Tensor) -> Tensor:
        """See :meth:`BaseFusor.fuse_luma`."""
        ir_low, ir_high = self.encoder(ir)
        vi_low, vi_high = self.encoder(vi)
        low, high = self.fuse_low(ir_low + vi_low), self.fuse_high(ir_high + vi_high)
        features = self.decoder(self.join(torch.cat((low, high), dim=1)))
        return torch.sigmoid(self.head(features) + (vi * 0.5 + ir * 0.5))


def _low_rules(published, name):
    for number in (1, 2):
        block, target = rf'{published}net{number}\.', f'{name}{number - 1}.'
        yield rf'{block}cv1\.conv\.weight', f'{target}split.0.weight'
        yield rf'{block}cv2\.conv\.weight', f'{target}join.0.weight'
        for layer, place in ((1, 0), (2, 2)):
            source = rf'{block}m\.(?P<step>\d+)\.cv{layer}\.conv\.weight'
            yield source, rf'{target}steps.\g<step>.convs.{place}.weight'


_INDEX = r'(?P<index>\d+)\.'
_RULES = (
    (r'DE_Encoder\.patch_embed\.proj\.(.*)', r'encoder.stem.\1'),
    *_low_rules(rf'DE_Encoder\.encoder_level1\.{_INDEX}', r'encoder.shared.\g<index>.'),
    *_low_rules(r'DE_Encoder\.baseFeature\.', 'encoder.low.'),
    *detail_rules(rf'DE_Encoder\.detailFeature\.net\.{_INDEX}', r'encoder.high.\g<index>.0.'),
    *_low_rules(r'LowFreqExtractor\.', 'fuse_low.'),
    *detail_rules(rf'HighFreqExtractor\.net\.{_INDEX}', r'fuse_high.\g<index>.0.'),
    (r'DE_Decoder\.reduce_channel\.(.*)', r'join.\1'),
    *_low_rules(rf'DE_Decoder\.encoder_level2\.{_INDEX}', r'decoder.\g<index>.'),
    *transformer_rules(r'DE_Decoder\.output\.0\.', 'head.0.'),
    (r'DE_Decoder\.output\.2\.(.*)', r'head.1.\1'),
    (r'DE_Decoder\.output\.5\.(.*)', r'head.3.\1'),
)


@converter_for(DCEvo)
def convert_dcevo(checkpoint: dict[str, dict[str, Tensor]]) -> dict[str, Tensor]:
    """The authors' checkpoint, state dicts of four networks by name, for :class:`DCEvo`."""
    return rename_entries(flatten_networks(checkpoint), _RULES)
