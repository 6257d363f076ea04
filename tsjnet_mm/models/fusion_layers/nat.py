"""Neighbourhood attention transformer branch (TSJNet, section 3.3.2; NAT, CVPR 2023).

A pyramid of neighbourhood attention blocks as in NAT-Mini (whose head is left out), then
convolutions and transposed convolutions back to the input's resolution, around which a
residual connection runs. Layers as in the authors' release; new here: inputs of any size,
padded by reflection to a multiple of ``size_divisor`` and cropped back.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from tsjnet_mm.models.layers import (
    ChannelLayerNorm,
    DropPath,
    NeighborhoodAttention,
    checkpoint,
    pad_to_multiple,
)
from tsjnet_mm.registry import MODELS


class _Tokenizer(nn.Module):
    """Two 3x3 stride-2 convolutions and a layer normalisation; to channels last."""

    def __init__(self, in_channels, channels):
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, channels // 2, 3, stride=2, padding=1)
        self.conv2 = nn.Conv2d(channels // 2, channels, 3, stride=2, padding=1)
        self.norm = nn.LayerNorm(channels)

    def forward(self, x):
        return self.norm(self.conv2(self.conv1(x)).permute(0, 2, 3, 1))


class _Downsample(nn.Module):
    """3x3 stride-2 convolution to twice the channels and a layer normalisation."""

    def __init__(self, channels):
        super().__init__()
        self.reduction = nn.Conv2d(channels, 2 * channels, 3, stride=2, padding=1, bias=False)
        self.norm = nn.LayerNorm(2 * channels)

    def forward(self, x):
        return self.norm(self.reduction(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1))


class NeighborhoodAttentionBlock(nn.Module):
    """Pre-norm transformer block with neighbourhood attention; features are channels last.

    Args:
        channels (int): Channels of input and output.
        num_heads (int): Attention heads.
        kernel_size (int): Side of the attention window. Defaults to 7.
        mlp_ratio (float): Hidden channels of the MLP over ``channels``. Defaults to 3.
        drop_path (float): Stochastic depth. Defaults to 0.
        position_bias (bool): Relative position bias. Defaults to False.
        backend (str): See :func:`neighborhood_attention`. Defaults to ``'auto'``.
    """

    def __init__(
        self,
        channels: int,
        num_heads: int,
        kernel_size: int = 7,
        mlp_ratio: float = 3,
        drop_path: float = 0.0,
        position_bias: bool = False,
        backend: str = 'auto',
    ) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(channels)
        self.attention = NeighborhoodAttention(
            channels, num_heads, kernel_size, position_bias=position_bias, backend=backend
        )
        self.norm2 = nn.LayerNorm(channels)
        hidden = int(channels * mlp_ratio)
        self.mlp = nn.Sequential(
            nn.Linear(channels, hidden), nn.GELU(), nn.Linear(hidden, channels)
        )
        self.drop_path = DropPath(drop_path)

    def forward(self, x: Tensor) -> Tensor:
        """Transform (B, H, W, C) tokens to (B, H, W, C)."""
        x = x + self.drop_path(self.attention(self.norm1(x)))
        return x + self.drop_path(self.mlp(self.norm2(x)))


@MODELS.register_module()
class NeighborhoodAttentionTransformer(nn.Module):
    """NAT branch: ``x + up(pyramid(layer_norm(x)))``.

    Args:
        channels (int): Channels of input and output. Defaults to 64.
        embed_channels (int): Channels of the first level, doubled by each further one.
            Defaults to 64.
        depths (Sequence[int]): Blocks of each level. Defaults to (3, 4, 6, 5).
        num_heads (Sequence[int]): Heads of each level. Defaults to (2, 4, 8, 16).
        kernel_size (int): Side of the attention window. Defaults to 7.
        mlp_ratio (float): Hidden over input channels of the MLPs. Defaults to 3.
        drop_path_rate (float): Largest stochastic depth, reached linearly. Defaults to 0.2.
        neck_channels (int): Channels between the two convolutions behind the pyramid.
            Defaults to 128.
        upsample (str): ``'transposed'`` convolutions (the release), or ``'bilinear'``
            interpolation, which cannot draw a grid. Defaults to ``'transposed'``.
        position_bias (bool): Relative position bias. Defaults to False.
        backend (str): See :func:`neighborhood_attention`. Defaults to ``'auto'``.
        with_cp (bool): Recompute activations in the backward pass. Defaults to False.

    Raises:
        ValueError: ``depths`` and ``num_heads`` differ in length, or ``upsample`` is unknown.
    """

    def __init__(
        self,
        channels: int = 64,
        embed_channels: int = 64,
        depths: Sequence[int] = (3, 4, 6, 5),
        num_heads: Sequence[int] = (2, 4, 8, 16),
        kernel_size: int = 7,
        mlp_ratio: float = 3,
        drop_path_rate: float = 0.2,
        neck_channels: int = 128,
        upsample: str = 'transposed',
        position_bias: bool = False,
        backend: str = 'auto',
        with_cp: bool = False,
    ) -> None:
        super().__init__()
        if len(depths) != len(num_heads):
            raise ValueError(f'depths {depths} and num_heads {num_heads} must have one length')
        if upsample not in ('transposed', 'bilinear'):
            raise ValueError(f"upsample must be 'transposed' or 'bilinear', got {upsample!r}")
        self.size_divisor = 4 * 2 ** (len(depths) - 1)
        self.with_cp = with_cp
        self.norm = ChannelLayerNorm(channels)
        self.tokenizer = _Tokenizer(channels, embed_channels)
        rates = iter(torch.linspace(0, drop_path_rate, sum(depths)).tolist())
        self.levels = nn.ModuleList()
        self.downsamples = nn.ModuleList()
        for level, (depth, heads) in enumerate(zip(depths, num_heads, strict=True)):
            width = embed_channels * 2**level
            if level:
                self.downsamples.append(_Downsample(width // 2))
            self.levels.append(
                nn.Sequential(
                    *(
                        NeighborhoodAttentionBlock(
                            width,
                            heads,
                            kernel_size,
                            mlp_ratio,
                            next(rates),
                            position_bias,
                            backend,
                        )
                        for _ in range(depth)
                    )
                )
            )
        self.neck = nn.Sequential(
            nn.Conv2d(width, neck_channels, 3, padding=1),
            nn.ReLU6(inplace=True),
            nn.Conv2d(neck_channels, channels, 3, padding=1),
            nn.ReLU6(inplace=True),
        )
        self.upsample = self._make_upsample(channels, upsample)
        self.apply(self._init_linear)

    def _make_upsample(self, channels, kind):
        if kind == 'bilinear':
            return nn.Upsample(
                scale_factor=self.size_divisor, mode='bilinear', align_corners=False
            )
        factors = []
        remaining = self.size_divisor
        while remaining > 1:
            factors.append(min(4, remaining))
            remaining //= factors[-1]
        layers = [
            nn.ConvTranspose2d(channels, channels, factor, stride=factor, bias=False)
            for factor in factors
        ]
        return nn.Sequential(*layers, nn.ReLU6(inplace=True))

    @staticmethod
    def _init_linear(module):
        if isinstance(module, nn.Linear):
            nn.init.trunc_normal_(module.weight, std=0.02)
            if module.bias is not None:
                nn.init.zeros_(module.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Extract local features.

        Args:
            x (Tensor): (B, C, H, W), any size.

        Returns:
            Tensor: (B, C, H, W).
        """
        height, width = x.shape[2:]
        tokens = self.tokenizer(pad_to_multiple(self.norm(x), self.size_divisor))
        for index, level in enumerate(self.levels):
            if index:
                tokens = self.downsamples[index - 1](tokens)
            for block in level:
                tokens = checkpoint(block, tokens) if self.with_cp else block(tokens)
        local = self.upsample(self.neck(tokens.permute(0, 3, 1, 2)))
        return x + local[:, :, :height, :width]
