"""SwinFusion: windowed attention within each image, then between both.

Ma, Tang, Fan, Huang, Mei and Ma, "SwinFusion: Cross-domain Long-range Learning for General
Image Fusion via Swin Transformer", IEEE/CAA Journal of Automatica Sinica 9(7), 2022.

The network to which the published checkpoints belong, of one channel: four blocks for each
image, twice two blocks within each and two between both, four blocks for the result. No group
of blocks has a residual connection around it. Both images go through one pair of first
convolutions; of the checkpoint's second pair (8430 values) nothing is computed, and it is left
out. With random weights in every place the output equals that of the authors' code to 5e-7, in
double precision to 2e-15.

As in the authors' test script, images are continued below and at the right by mirroring, to the
next multiple of the window that is larger than they are, and cut afterwards; images smaller
than a window, which that script cannot take, are mirrored repeatedly. The output has no bounds
and is clipped to [0, 1], as there. Infrared and visible luma go in and luma comes out; nothing
is stretched.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tsjnet_mm.models.fusors.base import BaseFusor
from tsjnet_mm.registry import MODELS

from .renaming import converter_for, rename_entries


def _mirrored(length, padded, device):
    """Indices of a signal of ``length`` continued by mirroring, its last sample repeated."""
    index = torch.arange(padded, device=device) % (2 * length)
    return torch.minimum(index, 2 * length - 1 - index)


def _pad(image, window):
    for dim in (2, 3):
        length = image.shape[dim]
        padded = (length // window + 1) * window
        image = image.index_select(dim, _mirrored(length, padded, image.device))
    return image


def _relative_positions(window):
    """Of each pair of a window's tokens the row of the table of biases, (N, N)."""
    rows, columns = torch.meshgrid(torch.arange(window), torch.arange(window), indexing='ij')
    down, right = (
        values.flatten()[:, None] - values.flatten() + window - 1 for values in (rows, columns)
    )
    return down * (2 * window - 1) + right


def _apart(window):
    """Token pairs that a window over the image's edge keeps apart, (2, N, N).

    First those in different halves of its rows, then those in different halves of its columns.
    """
    late = torch.arange(window) >= window - window // 2
    rows = late[:, None].expand(window, window).flatten()
    columns = late.expand(window, window).flatten()
    return torch.stack([half[:, None] != half for half in (rows, columns)])


class WindowAttention(nn.Module):
    """Attention in square windows, by default from features to themselves.

    Args:
        channels (int): Channels of input and output.
        heads (int): Number of heads; divides ``channels``.
        window (int): Side of a window.
        shifted (bool): The windows' grid is half a window off. At the border are parts of
            windows then, which attend each to itself.
    """

    def __init__(self, channels: int, heads: int, window: int, shifted: bool) -> None:
        super().__init__()
        self.window = window
        self.shift = window // 2 if shifted else 0
        self.query = nn.Linear(channels, channels)
        self.key_value = nn.Linear(channels, 2 * channels)
        self.project = nn.Linear(channels, channels)
        self.position_bias = nn.Parameter(torch.empty((2 * window - 1) ** 2, heads))
        nn.init.trunc_normal_(self.position_bias, std=0.02)
        self.register_buffer('positions', _relative_positions(window), persistent=False)
        self.register_buffer('apart', _apart(window), persistent=False)

    def _split(self, features):
        """(B, H, W, C) to (B, H / window, W / window, heads, N, C / heads)."""
        batch, height, width, channels = features.shape
        side, heads = self.window, self.position_bias.shape[1]
        grid = (batch, height // side, side, width // side, side, heads, channels // heads)
        return features.reshape(grid).permute(0, 1, 3, 5, 2, 4, 6).flatten(4, 5)

    def _join(self, windows):
        batch, rows, columns, heads, _, channels = windows.shape
        side = self.window
        windows = windows.unflatten(4, (side, side)).permute(0, 1, 4, 2, 5, 3, 6)
        return windows.reshape(batch, rows * side, columns * side, heads * channels)

    def _regions(self):
        """Windows of one kind, by row and column, and the bias of their token pairs."""
        bias = self.position_bias[self.positions].permute(2, 0, 1)
        if not self.shift:
            yield (slice(None), slice(None)), bias
            return
        inside, edge = slice(None, -1), slice(-1, None)
        below, right = self.apart
        yield (inside, inside), bias
        # Not infinity: -100 is what the weights were trained with.
        yield (edge, inside), bias - 100 * below
        yield (inside, edge), bias - 100 * right
        yield (edge, edge), bias - 100 * (below | right)

    def forward(self, features: Tensor, other: Tensor | None = None) -> Tensor:
        """Attend.

        Args:
            features (Tensor): (B, H, W, C), sides multiples of the window.
            other (Tensor, optional): The same, of what is attended to. Defaults to
                ``features``.

        Returns:
            Tensor: (B, H, W, C).
        """
        other = features if other is None else other
        if self.shift:
            offset = (-self.shift, -self.shift)
            features, other = (value.roll(offset, (1, 2)) for value in (features, other))
        query = self._split(self.query(features))
        key, value = (self._split(part) for part in self.key_value(other).chunk(2, dim=-1))
        attended = torch.empty_like(query)
        for (rows, columns), bias in self._regions():
            part = query[:, rows, columns]
            tokens = (part, key[:, rows, columns], value[:, rows, columns])
            found = F.scaled_dot_product_attention(
                *(values.flatten(0, 2) for values in tokens),
                attn_mask=bias[None].to(part.dtype),
            )
            attended[:, rows, columns] = found.view(part.shape)
        attended = self.project(self._join(attended))
        return attended.roll((self.shift, self.shift), (1, 2)) if self.shift else attended


class SwinBlock(nn.Module):
    """Attention and two linear layers, each after a normalisation and added to its input.

    Args:
        channels (int): Channels of input and output.
        heads (int): See :class:`WindowAttention`.
        window (int): The same.
        shifted (bool): The same.
    """

    def __init__(self, channels: int, heads: int, window: int, shifted: bool) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(channels)
        self.attention = WindowAttention(channels, heads, window, shifted)
        self.norm2 = nn.LayerNorm(channels)
        self.mlp = nn.Sequential(
            nn.Linear(channels, 2 * channels), nn.GELU(), nn.Linear(2 * channels, channels)
        )

    def forward(self, features: Tensor, other: Tensor | None = None) -> Tensor:
        """Transform.

        Args:
            features (Tensor): (B, H, W, C), sides multiples of the window.
            other (Tensor, optional): Normalised features that are attended to. Defaults to
                ``features``.

        Returns:
            Tensor: (B, H, W, C).
        """
        features = features + self.attention(self.norm1(features), other)
        return features + self.mlp(self.norm2(features))


class CrossBlock(nn.Module):
    """A block for each image; each attends to the other image.

    Args:
        channels (int): Channels of each image's features.
        heads (int): See :class:`WindowAttention`.
        window (int): The same.
        shifted (bool): The same.
    """

    def __init__(self, channels: int, heads: int, window: int, shifted: bool) -> None:
        super().__init__()
        self.ir = SwinBlock(channels, heads, window, shifted)
        self.vi = SwinBlock(channels, heads, window, shifted)

    def forward(self, ir: Tensor, vi: Tensor) -> tuple[Tensor, Tensor]:
        """Transform.

        Args:
            ir (Tensor): (B, H, W, C), sides multiples of the window.
            vi (Tensor): The same.

        Returns:
            tuple[Tensor, Tensor]: (B, H, W, C) each.
        """
        ir_normed, vi_normed = self.ir.norm1(ir), self.vi.norm1(vi)
        return self.ir(ir, vi_normed), self.vi(vi, ir_normed)


def _blocks(count, channels, heads, window, block=SwinBlock):
    return [block(channels, heads, window, shifted=index % 2 == 1) for index in range(count)]


class FusionStage(nn.Module):
    """Blocks within each image, then blocks between both.

    Args:
        depth (int): Number of each.
        channels (int): Channels of each image's features.
        heads (int): See :class:`WindowAttention`.
        window (int): The same.
    """

    def __init__(self, depth: int, channels: int, heads: int, window: int) -> None:
        super().__init__()
        self.ir = nn.Sequential(*_blocks(depth, channels, heads, window))
        self.vi = nn.Sequential(*_blocks(depth, channels, heads, window))
        self.cross = nn.ModuleList(_blocks(depth, channels, heads, window, CrossBlock))

    def forward(self, ir: Tensor, vi: Tensor) -> tuple[Tensor, Tensor]:
        """Transform.

        Args:
            ir (Tensor): (B, H, W, C), sides multiples of the window.
            vi (Tensor): The same.

        Returns:
            tuple[Tensor, Tensor]: (B, H, W, C) each.
        """
        ir, vi = self.ir(ir), self.vi(vi)
        for block in self.cross:
            ir, vi = block(ir, vi)
        return ir, vi


def _conv3x3(in_channels, out_channels):
    return nn.Sequential(nn.Conv2d(in_channels, out_channels, 3, padding=1), nn.LeakyReLU(0.2))


@MODELS.register_module()
class SwinFusion(BaseFusor):
    """Attention in windows, within each image, between both, and within what is fused.

    Args:
        channels (int): Channels of all features, a multiple of 4 and of ``heads``. Defaults to
            60.
        heads (int): Number of heads of each attention. Defaults to 6.
        depth (int): Number of blocks for each image, and for the result, an even number.
            Defaults to 4.
        stages (int): Number of stages between the images; of each sort of blocks they have
            half of ``depth``. Defaults to 2.
        window (int): Side of a window in pixels, an even number. Defaults to 8.
        **options: ``data_preprocessor`` and ``init_cfg``, see :class:`BaseFusor`.
    """

    def __init__(
        self,
        channels: int = 60,
        heads: int = 6,
        depth: int = 4,
        stages: int = 2,
        window: int = 8,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.window = window

        def trunk():
            blocks = _blocks(depth, channels, heads, window)
            return nn.Sequential(*blocks, nn.LayerNorm(channels))

        self.stem = nn.Sequential(_conv3x3(1, channels // 2), _conv3x3(channels // 2, channels))
        # The same one stands in front of encoders, stages and decoder.
        self.norm = nn.LayerNorm(channels)
        self.ir_encoder = trunk()
        self.vi_encoder = trunk()
        self.stages = nn.ModuleList(
            FusionStage(depth // 2, channels, heads, window) for _ in range(stages)
        )
        self.ir_norm = nn.LayerNorm(channels)
        self.vi_norm = nn.LayerNorm(channels)
        self.join = _conv3x3(2 * channels, channels)
        self.decoder = trunk()
        self.head = nn.Sequential(
            _conv3x3(channels, channels // 2),
            _conv3x3(channels // 2, channels // 4),
            nn.Conv2d(channels // 4, 1, 3, padding=1),
        )

    def fuse_luma(self, ir: Tensor, vi: Tensor) -> Tensor:
        """See :meth:`BaseFusor.fuse_luma`."""
        height, width = ir.shape[2:]
        ir, vi = (
            encoder(self.norm(self.stem(_pad(image, self.window)).permute(0, 2, 3, 1)))
            for encoder, image in ((self.ir_encoder, ir), (self.vi_encoder, vi))
        )
        ir, vi = self.norm(ir), self.norm(vi)
        for stage in self.stages:
            ir, vi = stage(ir, vi)
        both = torch.cat((self.ir_norm(ir), self.vi_norm(vi)), dim=-1).permute(0, 3, 1, 2)
        features = self.decoder(self.norm(self.join(both).permute(0, 2, 3, 1)))
        return self.head(features.permute(0, 3, 1, 2))[..., :height, :width]


def _block_rules(published, name, image=''):
    """``image``: what the names of one image's layers end with in a block of both."""
    layers = (
        (f'norm1{image}', 'norm1'),
        (f'norm2{image}', 'norm2'),
        (rf'attn{image}\.q', 'attention.query'),
        (rf'attn{image}\.kv', 'attention.key_value'),
        (rf'attn{image}\.qkv', 'attention.query_key_value'),
        (rf'attn{image}\.proj', 'attention.project'),
        (rf'mlp{image}\.fc1', 'mlp.0'),
        (rf'mlp{image}\.fc2', 'mlp.2'),
    )
    for source, target in layers:
        yield rf'{published}{source}\.(?P<entry>.*)', rf'{name}{target}.\g<entry>'
    table = rf'{published}attn{image}\.relative_position_bias_table'
    yield table, f'{name}attention.position_bias'


_BLOCK = r'\.blocks\.(?P<index>\d+)\.'
_STAGE = r'layers_Fusion\.(?P<stage>\d+)\.residual_group'
_RULES = (
    # Constants, and the pair of convolutions without use.
    (r'.*\.(?:attn_mask|relative_position_index)', None),
    (r'conv_first[12]_B\.(?:weight|bias)', None),
    (r'conv_first1_A\.(.*)', r'stem.0.0.\1'),
    (r'conv_first2_A\.(.*)', r'stem.1.0.\1'),
    (r'patch_embed\.norm\.(.*)', r'norm.\1'),
    *_block_rules(rf'layers_Ex_A\.0\.residual_group{_BLOCK}', r'ir_encoder.\g<index>.'),
    *_block_rules(rf'layers_Ex_B\.0\.residual_group{_BLOCK}', r'vi_encoder.\g<index>.'),
    *_block_rules(rf'layers_Re\.0\.residual_group{_BLOCK}', r'decoder.\g<index>.'),
    (r'norm_Ex_A\.(.*)', r'ir_encoder.4.\1'),
    (r'norm_Ex_B\.(.*)', r'vi_encoder.4.\1'),
    (r'norm_Re\.(.*)', r'decoder.4.\1'),
    *_block_rules(rf'{_STAGE}_A{_BLOCK}', r'stages.\g<stage>.ir.\g<index>.'),
    *_block_rules(rf'{_STAGE}_B{_BLOCK}', r'stages.\g<stage>.vi.\g<index>.'),
    *_block_rules(_STAGE + _BLOCK, r'stages.\g<stage>.cross.\g<index>.ir.', '_A'),
    *_block_rules(_STAGE + _BLOCK, r'stages.\g<stage>.cross.\g<index>.vi.', '_B'),
    (r'norm_Fusion_A\.(.*)', r'ir_norm.\1'),
    (r'norm_Fusion_B\.(.*)', r'vi_norm.\1'),
    (r'conv_after_body_Fusion\.(.*)', r'join.0.\1'),
    (r'conv_last1\.(.*)', r'head.0.0.\1'),
    (r'conv_last2\.(.*)', r'head.1.0.\1'),
    (r'conv_last3\.(.*)', r'head.2.\1'),
)


@converter_for(SwinFusion)
def convert_swinfusion(state_dict: dict[str, Tensor]) -> dict[str, Tensor]:
    """The authors' state dict for :class:`SwinFusion`.

    Masks, position indices and convolutions that have no use are left out.
    """
    converted = {}
    for name, value in rename_entries(state_dict, _RULES).items():
        if '.query_key_value.' in name:
            # Queries, keys and values lie one below the other.
            count = len(value) // 3
            converted[name.replace('query_key_value', 'query')] = value[:count].clone()
            converted[name.replace('query_key_value', 'key_value')] = value[count:].clone()
        else:
            converted[name] = value
    return converted
