"""Attention between channels and gated convolutions, parts of several published networks."""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tsjnet_mm.models.layers import ChannelLayerNorm


def conv(
    in_channels: int, out_channels: int, size: int, groups: int = 1, padding_mode: str = 'zeros'
) -> nn.Conv2d:
    """A convolution without bias that keeps the image's size.

    Args:
        in_channels (int): Channels of the input.
        out_channels (int): Channels of the output.
        size (int): Side of the kernel, an odd number.
        groups (int): Groups of channels. Defaults to 1.
        padding_mode (str): Of :class:`torch.nn.Conv2d`. Defaults to ``'zeros'``.

    Returns:
        nn.Conv2d: The layer.
    """
    return nn.Conv2d(
        in_channels,
        out_channels,
        size,
        padding=size // 2,
        padding_mode=padding_mode,
        groups=groups,
        bias=False,
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
            conv(channels, 3 * channels, 1), conv(3 * channels, 3 * channels, 3, groups)
        )
        self.project = conv(channels, channels, 1)

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
        padding_mode (str): Of that convolution. Defaults to ``'zeros'``.
    """

    def __init__(
        self, channels: int, hidden: int, groups: int, padding_mode: str = 'zeros'
    ) -> None:
        super().__init__()
        self.halves = nn.Sequential(
            conv(channels, 2 * hidden, 1),
            conv(2 * hidden, 2 * hidden, 3, groups, padding_mode),
        )
        self.project = conv(hidden, channels, 1)

    def forward(self, features: Tensor) -> Tensor:
        """Refine features.

        Args:
            features (Tensor): (B, C, H, W).

        Returns:
            Tensor: (B, C, H, W).
        """
        gate, value = self.halves(features).chunk(2, dim=1)
        return self.project(F.gelu(gate) * value)


class ChannelTransformer(nn.Module):
    """Attention and gated convolutions, each after a normalisation and added to its input.

    Args:
        channels (int): Channels of input and output.
        attention (ChannelAttention): Of as many channels.
        gated (GatedConvolutions): The same.
    """

    def __init__(
        self, channels: int, attention: ChannelAttention, gated: GatedConvolutions
    ) -> None:
        super().__init__()
        self.norm1 = ChannelLayerNorm(channels)
        self.attention = attention
        self.norm2 = ChannelLayerNorm(channels)
        self.gated = gated

    def forward(self, features: Tensor) -> Tensor:
        """Transform.

        Args:
            features (Tensor): (B, C, H, W).

        Returns:
            Tensor: (B, C, H, W).
        """
        features = features + self.attention(self.norm1(features))
        return features + self.gated(self.norm2(features))


def transformer_rules(published: str, name: str) -> Iterator[tuple[str, str]]:
    """Rules of :func:`.rename_entries` for a transformer, by either name that is in use.

    Args:
        published (str): Pattern of what comes before the names of its layers.
        name (str): What takes that place.

    Yields:
        tuple[str, str]: A pattern and the new name.
    """
    yield rf'{published}norm(?P<n>[12])\.body\.(?P<entry>.*)', rf'{name}norm\g<n>.\g<entry>'
    for source, target in (
        (r'attn\.(?:temperature|scale)', 'attention.temperature'),
        (r'attn\.(?:qkv|qkv1)\.weight', 'attention.qkv.0.weight'),
        (r'attn\.(?:qkv_dwconv|qkv2)\.weight', 'attention.qkv.1.weight'),
        (r'attn\.(?:project_out|proj)\.weight', 'attention.project.weight'),
        (r'(?:ffn|mlp)\.project_in\.weight', 'gated.halves.0.weight'),
        (r'(?:ffn|mlp)\.dwconv\.weight', 'gated.halves.1.weight'),
        (r'(?:ffn|mlp)\.project_out\.weight', 'gated.project.weight'),
    ):
        yield published + source, name + target
