"""SHIP, CVPR 2024: interactions of fourth order between the images, in space and in channels.

Zheng, Zhou, Huang, Hou, Li, Xu and Zhao, "Probing Synergistic High-Order Interaction in
Infrared and Visible Image Fusion", CVPR 2024.

The whole published network. Two of its layers are linear, and written there as products. Here
each is one convolution, and the converter multiplies the published weights out:

- The edge convolution: a cross and a diagonal cross of five weights, each less a part of its
  local sum, weighted against each other, plus the identity. It is a 3x3 convolution.
- The invertible 1x1 convolution, kept in triangular factors so that it can be inverted.
  Nothing inverts it.

With the published weights the output equals that of the authors' code on real pairs to 1e-4 in
single precision, in which that code is as far from itself in double precision: the network
multiplies rounding errors. In double precision both are equal to 1e-6. Their script clips the
output and puts it under the visible chroma; nothing is stretched, there or here.

The first interaction is a circular convolution of one image's features with the other's, over
the whole image, and means over the whole image follow: tiles of a large one differ from it.
Give :class:`FusionInferencer` ``tile=0``. Images need two rows and columns, for normalisations
of single channels.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tsjnet_mm.models.fusors.base import BaseFusor
from tsjnet_mm.models.layers import ChannelLayerNorm
from tsjnet_mm.registry import MODELS

from .renaming import converter_for, rename_entries

#: Share of its local sum that is taken from each of the two crosses.
_DIFFERENCE = 0.8
#: Orders that follow the first interaction.
_ORDERS = 3


def _conv3x3(in_channels, out_channels):
    return nn.Conv2d(in_channels, out_channels, 3, padding=1)


def _two_convs(channels):
    return nn.Sequential(_conv3x3(channels, channels), nn.ReLU(), _conv3x3(channels, channels))


def _bottleneck(channels, squeezed):
    return nn.Sequential(
        nn.Conv2d(channels, squeezed, 1), nn.ReLU(), nn.Conv2d(squeezed, channels, 1)
    )


class EdgeBlock(nn.Module):
    """A convolution, then a residual branch parallel to an edge convolution.

    Args:
        channels (int): Channels of input and output.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = _conv3x3(channels, channels)
        self.residual = _two_convs(channels)
        self.edge = nn.Conv2d(channels, channels, 3, padding=1, bias=False)

    def forward(self, features: Tensor) -> Tensor:
        """Refine features.

        Args:
            features (Tensor): (B, C, H, W).

        Returns:
            Tensor: (B, C, H, W).
        """
        features = self.first(features)
        return self.residual(features) + self.edge(features)


def _convolve_circularly(first, second):
    """Each channel with its counterpart, over the whole image; in float32 or more."""
    dtype = torch.promote_types(first.dtype, torch.float32)
    spectrum = torch.fft.rfft2(first.to(dtype)) * torch.fft.rfft2(second.to(dtype))
    return torch.fft.irfft2(spectrum, s=first.shape[-2:])


class SpatialInteraction(nn.Module):
    """Features of both images multiplied position by position, again and again.

    Args:
        channels (int): Channels of each image's features.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList(ChannelLayerNorm(channels) for _ in range(_ORDERS + 1))
        self.refine_fused = nn.ModuleList(_two_convs(channels) for _ in range(_ORDERS))
        self.refine_ir = nn.ModuleList(_two_convs(channels) for _ in range(_ORDERS))

    def _attention(self, vi, ir):
        # Sums over the image are too large for half precision until they are normalised.
        convolved = _convolve_circularly(vi, ir).permute(0, 2, 3, 1)
        norm = self.norms[0]
        weight, bias = (value.to(convolved.dtype) for value in (norm.weight, norm.bias))
        attention = F.layer_norm(convolved, norm.normalized_shape, weight, bias, norm.eps)
        return attention.permute(0, 3, 1, 2).to(vi.dtype)

    def forward(self, vi: Tensor, ir: Tensor) -> tuple[Tensor, Tensor]:
        """Interact.

        Args:
            vi (Tensor): (B, C, H, W).
            ir (Tensor): The same.

        Returns:
            tuple[Tensor, Tensor]: Features of the visible image with what was found in both,
            and refined features of the infrared image; each (B, C, H, W).
        """
        fused = self._attention(vi, ir) * ir
        steps = zip(self.refine_fused, self.norms[1:], self.refine_ir, strict=True)
        for refine_fused, norm, refine_ir in steps:
            ir = refine_ir(ir)
            fused = norm(refine_fused(fused)) * ir
        return fused + vi, ir


class _HalfNormBlock(nn.Module):
    """Two convolutions parallel to a 1x1 one; half of the channels are normalised."""

    def __init__(self, in_channels, channels):
        super().__init__()
        self.identity = nn.Conv2d(in_channels, channels, 1)
        self.conv1 = _conv3x3(in_channels, channels)
        self.norm = nn.InstanceNorm2d(channels // 2, affine=True)
        self.conv2 = _conv3x3(channels, channels)

    def forward(self, features):
        first, second = self.conv1(features).chunk(2, dim=1)
        refined = F.leaky_relu(torch.cat((self.norm(first), second), dim=1), 0.1)
        return F.leaky_relu(self.conv2(refined), 0.1) + self.identity(features)


class _DenseBlock(nn.Module):
    """Two blocks and a convolution, densely connected."""

    def __init__(self, channels, growth):
        super().__init__()
        self.block1 = _HalfNormBlock(channels, growth)
        self.block2 = _HalfNormBlock(growth, growth)
        self.project = _conv3x3(channels + 2 * growth, channels)

    def forward(self, features):
        first = F.leaky_relu(self.block1(features), 0.2)
        second = F.leaky_relu(self.block2(first), 0.2)
        return F.leaky_relu(self.project(torch.cat((features, first, second), dim=1)), 0.2)


class CouplingBlock(nn.Module):
    """An affine coupling, as of invertible networks: each half of the channels moves the other.

    Args:
        channels (int): Channels of input and output, an even number.
        growth (int): Channels of the convolutions within, an even number.
    """

    def __init__(self, channels: int, growth: int) -> None:
        super().__init__()
        self.mix = nn.Conv2d(channels, channels, 1, bias=False)
        self.shift_first = _DenseBlock(channels // 2, growth)
        self.scale_second = _DenseBlock(channels // 2, growth)
        self.shift_second = _DenseBlock(channels // 2, growth)

    def forward(self, features: Tensor) -> Tensor:
        """Couple.

        Args:
            features (Tensor): (B, channels, H, W).

        Returns:
            Tensor: (B, channels, H, W).
        """
        first, second = self.mix(features).chunk(2, dim=1)
        first = first + self.shift_first(second)
        # Between -0.8 and 0.8.
        scale = 0.8 * (2 * torch.sigmoid(self.scale_second(first)) - 1)
        return torch.cat((first, second * scale.exp() + self.shift_second(first)), dim=1)


class ChannelInteraction(nn.Module):
    """Features of both images weighted by channel, again and again.

    Args:
        channels (int): Channels of each image's features, an even number.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        both = 2 * channels
        self.attention = nn.ModuleList(_bottleneck(both, channels) for _ in range(_ORDERS + 1))
        self.refine = nn.ModuleList(_two_convs(both) for _ in range(_ORDERS))
        self.couple = CouplingBlock(both, growth=channels)
        self.project = nn.Conv2d(both, channels, 1)

    def forward(self, vi: Tensor, ir: Tensor) -> Tensor:
        """Interact.

        Args:
            vi (Tensor): (B, C, H, W).
            ir (Tensor): The same.

        Returns:
            Tensor: Features of the visible image with what was found in both, (B, C, H, W).
        """
        features = torch.cat((vi, ir), dim=1)
        weights = self.attention[0](features.mean((2, 3), keepdim=True)).softmax(dim=1)
        features = features * weights
        for refine, attention in zip(self.refine, self.attention[1:], strict=True):
            weights = attention(weights).softmax(dim=1)
            features = refine(features) * weights
        return self.project(self.couple(features)) + vi


class _Interaction(nn.Module):
    """Both interactions, first in space."""

    def __init__(self, channels):
        super().__init__()
        self.spatial = SpatialInteraction(channels)
        self.channel = ChannelInteraction(channels)

    def forward(self, vi, ir):
        vi, ir = self.spatial(vi, ir)
        return self.channel(vi, ir), ir


class _MeanResidual(nn.Module):
    """Adds one value for each channel: the mean of two convolutions, gated by itself."""

    def __init__(self, channels):
        super().__init__()
        self.convs = _two_convs(channels)
        self.gate = _bottleneck(channels, channels // 4)

    def forward(self, features):
        mean = self.convs(features).mean((2, 3), keepdim=True)
        return features + torch.sigmoid(self.gate(mean)) * mean


def _encoder(channels):
    return nn.Sequential(nn.Conv2d(1, channels, 1), EdgeBlock(channels), EdgeBlock(channels))


@MODELS.register_module()
class SHIP(BaseFusor):
    """Two encoders, three interactions in space and in channels, a decoder over all three.

    Args:
        channels (int): Channels of each image's features, a multiple of 4. Defaults to 16.
        **options: ``data_preprocessor`` and ``init_cfg``, see :class:`BaseFusor`.
    """

    #: There is no deviation of a single value.
    min_size = 2

    def __init__(self, channels: int = 16, **options: Any) -> None:
        super().__init__(**options)
        self.vi_encoder = _encoder(channels)
        self.ir_encoder = _encoder(channels)
        self.interactions = nn.ModuleList(_Interaction(channels) for _ in range(3))
        self.decoder = nn.Sequential(
            CouplingBlock(3 * channels, growth=channels),
            nn.Conv2d(3 * channels, channels, 1),
            _conv3x3(channels, channels),
            _MeanResidual(channels),
            _MeanResidual(channels),
            _conv3x3(channels, 1),
        )

    def fuse_luma(self, ir: Tensor, vi: Tensor) -> Tensor:
        """See :meth:`BaseFusor.fuse_luma`."""
        vi, ir = self.vi_encoder(vi), self.ir_encoder(ir)
        fused = []
        for interact in self.interactions:
            vi, ir = interact(vi, ir)
            fused.append(vi)
        return self.decoder(torch.cat(fused, dim=1))


def _encoder_rules(published, name):
    block = rf'{published}\.block([12])\.'
    return (
        (rf'{published}\.conv\.(.*)', rf'{name}.0.\1'),
        (rf'{block}process\.(.*)', rf'{name}.\1.first.\2'),
        (rf'{block}Res\.(.*)', rf'{name}.\1.residual.\2'),
        (rf'{block}CDC\.HP_branch', rf'{name}.\1.edge.balance'),
        (rf'{block}CDC\.h_conv\.conv\.weight', rf'{name}.\1.edge.cross'),
        (rf'{block}CDC\.d_conv\.conv\.weight', rf'{name}.\1.edge.diagonal'),
    )


def _coupling_rules(published, name):
    roles = {'F': 'shift_first', 'G': 'shift_second', 'H': 'scale_second'}
    for letter, role in roles.items():
        dense, target = rf'{published}\.{letter}\.', f'{name}.{role}.'
        yield rf'{dense}conv3\.(.*)', rf'{target}project.\1'
        yield rf'{dense}conv([12])\.conv_([12])\.(.*)', rf'{target}block\1.conv\2.\3'
        yield rf'{dense}conv([12])\.(.*)', rf'{target}block\1.\2'
    yield rf'{published}\.invconv\.(.*)', rf'{name}.mix.\1'


def _interaction_rules(order):
    published, name = rf'interaction{order}\.', f'interactions.{order - 1}.'
    yield rf'{published}channel\.chaAtten\.(.*)', rf'{name}channel.attention.0.\1'
    for step in range(1, _ORDERS + 1):
        for source, target in (
            (rf'spatial\.reflashFused{step}', f'spatial.refine_fused.{step - 1}'),
            (rf'spatial\.reflashInfrared{step}', f'spatial.refine_ir.{step - 1}'),
            (rf'channel\.reflashFused{step}', f'channel.refine.{step - 1}'),
            (rf'channel\.reflashChaAtten{step}', f'channel.attention.{step}'),
        ):
            yield rf'{published}{source}\.(.*)', rf'{name}{target}.\1'
    for step in range(_ORDERS + 1):
        yield (
            rf'{published}spatial\.norm{step + 1}\.body\.(.*)',
            rf'{name}spatial.norms.{step}.\1',
        )
    yield from _coupling_rules(rf'{published}channel\.postprocess\.0', f'{name}channel.couple')
    yield rf'{published}channel\.postprocess\.1\.(.*)', rf'{name}channel.project.\1'


_RULES = (
    *_encoder_rules('vis', 'vi_encoder'),
    *_encoder_rules('inf', 'ir_encoder'),
    *(rule for order in (1, 2, 3) for rule in _interaction_rules(order)),
    *_coupling_rules(r'postprocess\.0', 'decoder.0'),
    (r'postprocess\.1\.(.*)', r'decoder.1.\1'),
    (r'reconstruction\.conv_in\.(.*)', r'decoder.2.\1'),
    (r'reconstruction\.process\.0\.process\.(.*)', r'decoder.3.convs.\1'),
    (r'reconstruction\.process\.0\.conv_du\.(.*)', r'decoder.3.gate.\1'),
    (r'reconstruction\.process\.1\.process\.(.*)', r'decoder.4.convs.\1'),
    (r'reconstruction\.process\.1\.conv_du\.(.*)', r'decoder.4.gate.\1'),
    (r'reconstruction\.conv_last\.(.*)', r'decoder.5.\1'),
)


def _edge_kernel(balance, cross, diagonal):
    """The 3x3 kernel of two crosses of five weights each, from top left to bottom right."""
    kernels = []
    for weights, places in ((cross, (1, 3, 4, 5, 7)), (diagonal, (0, 2, 4, 6, 8))):
        weights = weights.flatten(2)
        kernel = weights.new_zeros(*weights.shape[:2], 9)
        kernel[..., places] = weights
        kernel[..., 4] -= _DIFFERENCE * weights.sum(-1)
        kernels.append(kernel)
    share = torch.sigmoid(balance)
    kernel = share * kernels[0] + (1 - share) * kernels[1]
    kernel[..., 4] += torch.eye(len(kernel), dtype=kernel.dtype)
    return kernel.unflatten(-1, (3, 3))


def _mixing_matrix(p, lower, upper, log_s, sign_s):
    """The product of a permutation, a lower and an upper triangle of their own diagonals."""
    lower = lower.tril(-1) + torch.eye(len(lower), dtype=lower.dtype)
    upper = upper.triu(1) + torch.diag(sign_s * log_s.exp())
    return (p @ lower @ upper)[..., None, None]


@converter_for(SHIP)
def convert_ship(checkpoint: dict) -> dict[str, Tensor]:
    """The authors' state dict, alone or under ``'params'``, for :class:`SHIP`.

    Edge and invertible convolutions are multiplied out.
    """
    if isinstance(checkpoint, dict):
        checkpoint = checkpoint.get('params', checkpoint)
    converted, factors = {}, {}
    for name, value in rename_entries(checkpoint, _RULES).items():
        layer, _, entry = name.rpartition('.')
        if layer.endswith(('.edge', '.mix')):
            factors.setdefault(layer, {})[entry] = value.double()
        else:
            converted[name] = value
    for layer, entries in factors.items():
        multiply = _edge_kernel if layer.endswith('.edge') else _mixing_matrix
        try:
            converted[f'{layer}.weight'] = multiply(**entries).float()
        except (TypeError, RuntimeError, IndexError) as error:
            raise ValueError(f'cannot multiply out {layer}: {error}') from error
    return converted
