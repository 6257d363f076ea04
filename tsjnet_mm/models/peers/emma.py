"""EMMA, CVPR 2024: a U-shaped network of attention and convolutions side by side.

Zhao, Bai, Zhang, Zhang, Zhang, Xu, Chen, Timofte and Van Gool, "Equivariant Multi-Modality
Image Fusion", CVPR 2024.

The network that fuses is here, which the paper calls U-Fuser. The two networks that guess both
sources from a fused image, and so train it without supervision, are not. With random weights in
every place the output equals that of the authors' code to 2e-6, in double precision to 1e-15.

Infrared and visible luma in [0, 1] go in, a sigmoid comes out. The network takes sides that are
multiples of 8. As in the authors' script, another image is fused in up to four windows, one at
each corner, whose sides are the largest multiples of 32 that fit: the first one counts, the
others fill what is left at the right and below, and a seam may be seen there. An image with a
side below 32, which that script cannot take, gets multiples of 8 on that side. Images have 16
rows and columns or more, for reflected borders of the coarsest features.

The script then stretches each fused image between its own extremes, and writes it grey.
``stretch`` of :class:`FusionInferencer` does so here. The script reads luma that is rounded to
8 bits. Attention is between channels, over the whole image: tiles of a large one differ from
it. Give :class:`FusionInferencer` ``tile=0``.
"""

from functools import partial
from itertools import pairwise
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
from .renaming import converter_for, rename_entries

_reflecting = partial(conv, size=3, padding_mode='reflect')


class _Residual(nn.Module):
    """Two convolutions, added to their input."""

    def __init__(self, channels):
        super().__init__()
        self.convs = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1, padding_mode='reflect'),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels, channels, 3, padding=1, padding_mode='reflect'),
        )

    def forward(self, features):
        return features + self.convs(features)


class GlobalLocalBlock(nn.Module):
    """Attention between channels and residual convolutions, of the same features.

    Args:
        in_channels (int): Channels of the input.
        channels (int): Channels of the output, a multiple of ``heads``.
        heads (int): Number of heads.
    """

    def __init__(self, in_channels: int, channels: int, heads: int) -> None:
        super().__init__()
        self.embed = _reflecting(in_channels, channels)
        self.attending = ChannelTransformer(
            channels,
            ChannelAttention(channels, heads, groups=1),
            GatedConvolutions(channels, channels, channels, padding_mode='reflect'),
        )
        self.local = nn.Sequential(_Residual(channels), _Residual(channels))
        self.join = _reflecting(2 * channels, channels)

    def forward(self, features: Tensor) -> Tensor:
        """Refine features.

        Args:
            features (Tensor): (B, in_channels, H, W).

        Returns:
            Tensor: (B, channels, H, W).
        """
        features = self.embed(features)
        return self.join(torch.cat((self.attending(features), self.local(features)), dim=1))


class PyramidEncoder(nn.Module):
    """Features of one image at several scales.

    Args:
        channels (tuple[int, ...]): Channels at each scale, the finest first.
        heads (int): See :class:`GlobalLocalBlock`.
    """

    def __init__(self, channels: tuple[int, ...], heads: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(
            GlobalLocalBlock(before, count, heads)
            for before, count in zip((1, *channels), channels, strict=False)
        )
        self.down = nn.ModuleList(
            nn.Conv2d(n, n, 3, stride=2, padding=1, padding_mode='reflect', bias=False)
            for n in channels[:-1]
        )

    def forward(self, image: Tensor) -> list[Tensor]:
        """Encode.

        Args:
            image (Tensor): (B, 1, H, W).

        Returns:
            list[Tensor]: (B, channels, h, w) of each scale, the finest first.
        """
        features = [self.blocks[0](image)]
        for down, block in zip(self.down, self.blocks[1:], strict=True):
            features.append(block(down(features[-1])))
        return features


def _spans(length):
    """Of one or two windows along a side: its slice, and the part of the window that counts."""
    step = 32 if length >= 32 else 8
    rest = length % step
    size = length - rest
    yield slice(0, size), slice(0, size)
    if rest:
        yield slice(rest, length), slice(size - rest, size)


@MODELS.register_module()
class EMMA(BaseFusor):
    """An encoder for each image, a fusion block at each scale, a decoder of all scales.

    Args:
        channels (tuple[int, int, int, int]): Channels at each of four scales, the finest
            first, multiples of ``heads``. Defaults to (8, 16, 32, 32).
        heads (int): Number of heads of each attention. Defaults to 8.
        **options: ``data_preprocessor`` and ``init_cfg``, see :class:`BaseFusor`.
    """

    #: At an eighth of it, reflection needs a second row and column.
    min_size = 16

    def __init__(
        self,
        channels: tuple[int, int, int, int] = (8, 16, 32, 32),
        heads: int = 8,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.ir_encoder = PyramidEncoder(channels, heads)
        self.vi_encoder = PyramidEncoder(channels, heads)
        self.fuse_scales = nn.ModuleList(GlobalLocalBlock(2 * n, n, heads) for n in channels)
        inputs = (*(2 * n for n in channels[:-1]), channels[-1])
        self.decoder = nn.ModuleList(
            GlobalLocalBlock(many, n, heads) for many, n in zip(inputs, channels, strict=True)
        )
        self.up = nn.ModuleList(
            nn.Sequential(
                nn.ConvTranspose2d(coarse, fine, 4, stride=2, padding=1, bias=False),
                nn.ReLU(inplace=True),
            )
            for fine, coarse in pairwise(channels)
        )
        self.head = nn.Conv2d(channels[0], 1, 3, padding=1, padding_mode='reflect')

    def fuse_window(self, ir: Tensor, vi: Tensor) -> Tensor:
        """The network alone.

        Args:
            ir (Tensor): (B, 1, H, W) in [0, 1], sides multiples of 8.
            vi (Tensor): The same.

        Returns:
            Tensor: (B, 1, H, W) in [0, 1].
        """
        both = zip(self.ir_encoder(ir), self.vi_encoder(vi), strict=True)
        fused = [
            block(torch.cat(pair, dim=1))
            for block, pair in zip(self.fuse_scales, both, strict=True)
        ]
        features = self.decoder[-1](fused[-1])
        for scale in reversed(range(len(self.up))):
            features = torch.cat((self.up[scale](features), fused[scale]), dim=1)
            features = self.decoder[scale](features)
        return torch.sigmoid(self.head(features))

    def fuse_luma(self, ir: Tensor, vi: Tensor) -> Tensor:
        """See :meth:`BaseFusor.fuse_luma`."""
        height, width = ir.shape[2:]
        rows = []
        for down, kept_rows in _spans(height):
            row = []
            for right, kept_columns in _spans(width):
                window = self.fuse_window(ir[..., down, right], vi[..., down, right])
                row.append(window[..., kept_rows, kept_columns])
            rows.append(torch.cat(row, dim=3))
        return torch.cat(rows, dim=2)


def _block_rules(published, name):
    yield rf'{published}\.embed\.(.*)', rf'{name}.embed.\1'
    yield from transformer_rules(rf'{published}\.GlobalFeature\.', f'{name}.attending.')
    local = rf'{published}\.LocalFeature\.Extraction\.([01])\.conv\.(.*)'
    yield local, rf'{name}.local.\1.convs.\2'
    yield rf'{published}\.FFN\.(.*)', rf'{name}.join.\1'


def _rules():
    for scale in range(4):
        for published, name in (
            ('I_en', 'ir_encoder.blocks'),
            ('V_en', 'vi_encoder.blocks'),
            ('f', 'fuse_scales'),
            ('de', 'decoder'),
        ):
            yield from _block_rules(f'{published}_{scale + 1}', f'{name}.{scale}')
        yield rf'I_down{scale + 1}\.(.*)', rf'ir_encoder.down.{scale}.\1'
        yield rf'V_down{scale + 1}\.(.*)', rf'vi_encoder.down.{scale}.\1'
        yield rf'up{scale + 2}\.(.*)', rf'up.{scale}.\1'
    yield r'last\.0\.(.*)', r'head.\1'


#: From the authors' state dict to that of :class:`EMMA`, see :func:`.rename_entries`.
convert_emma = converter_for(EMMA)(partial(rename_entries, rules=tuple(_rules())))
