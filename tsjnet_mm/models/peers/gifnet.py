"""GIFNet, CVPR 2025: one network for many kinds of fusion, from two tasks that interact.

Cheng, Xu, Feng, Wu, Tang, Li, Zhang, Atito, Awais and Kittler, "One Model for ALL: Low-Level
Task Interaction Is a Key to Task-Agnostic Image Fusion", CVPR 2025.

Of the published network the part that fuses is here: common features of both images, a block of
attention in windows for each of the two tasks (images of two sensors, images of two focal
lengths), one more block, and the decoder. For each kind of images the authors' script runs the
branch of the second task, which asks the features of the first in between, and so does this
class. What has no effect on the fused image is left out: the decoder that reconstructs the
input, the first task's queries and second block, and the mixing weights of the other direction
(170 104 of 822 780 parameters, and two tables of constants).

Infrared and visible luma in [0, 1] go in. The output is a hyperbolic tangent, mapped to [0, 1].
As in the authors' code, features are mirrored below and at the right to multiples of 4, then of
the window, and the normalisation sees all of the image, its mirrored border too: so tiles of a
large image differ from it, and :class:`FusionInferencer` has ``tile=0`` against it. Images need
five rows and columns, for reflected borders.

With the published weights the output equals that of the authors' code on real pairs to 3e-7.
Their script for infrared and colour images cuts the fraction of the visible luma off, puts the
fused luma under the visible chroma, clips and rounds. For two grey images it cuts the fraction
of the fused level off, where this toolbox rounds.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tsjnet_mm.models.fusors.base import BaseFusor
from tsjnet_mm.registry import MODELS

from .renaming import converter_for, rename_entries


def _conv(in_channels, out_channels, size=3, groups=1):
    return nn.Conv2d(
        in_channels,
        out_channels,
        size,
        padding=size // 2,
        padding_mode='reflect',
        groups=groups,
    )


def _mirror(features, multiple, before=0):
    """Continue by ``before`` rows and columns at the start, and to a multiple at the end."""
    down, right = (-(side + before) % multiple for side in features.shape[2:])
    return F.pad(features, (before, right, before, down), mode='reflect')


class CommonEncoder(nn.Module):
    """Three densely connected convolutions over both images.

    Args:
        channels (int): Channels of each convolution.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.convs = nn.ModuleList(_conv(2 + n * channels, channels) for n in range(3))

    def forward(self, images: Tensor) -> Tensor:
        """Encode.

        Args:
            images (Tensor): (B, 2, H, W), infrared and visible.

        Returns:
            Tensor: (B, 2 + 3 * channels, H, W): the images, and what each convolution adds.
        """
        for conv in self.convs:
            images = torch.cat((images, conv(images).relu()), dim=1)
        return images


class RescaledNorm(nn.Module):
    """Normalisation over all of an image's features, which can be undone later.

    Args:
        channels (int): Channels of the features.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels, 1, 1))
        self.bias = nn.Parameter(torch.zeros(channels, 1, 1))
        self.scale = nn.Conv2d(1, channels, 1)
        self.shift = nn.Conv2d(1, channels, 1)
        for layer, start in ((self.scale, 1), (self.shift, 0)):
            nn.init.trunc_normal_(layer.weight, std=0.02)
            nn.init.constant_(layer.bias, start)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Normalise.

        Args:
            features (Tensor): (B, C, H, W).

        Returns:
            tuple[Tensor, Tensor, Tensor]: The normalised features (B, C, H, W), and the factor
            and the summand for what is computed of them, (B, C, 1, 1) each.
        """
        mean = features.mean((1, 2, 3), keepdim=True)
        centred = features - mean
        deviation = (centred.square().mean((1, 2, 3), keepdim=True) + 1e-5).sqrt()
        normed = centred / deviation * self.weight + self.bias
        return normed, self.scale(deviation), self.shift(mean)


class WindowAttention(nn.Module):
    """Attention in square windows, with a bias that a small network finds for each offset.

    Args:
        heads (int): Number of heads.
        window (int): Side of a window, an even number.
        shifted (bool): The windows' grid is half a window off.
    """

    def __init__(self, heads: int, window: int, shifted: bool) -> None:
        super().__init__()
        self.heads, self.window = heads, window
        self.offset = window // 2 if shifted else 0
        self.bias = nn.Sequential(nn.Linear(2, 256), nn.ReLU(), nn.Linear(256, heads))
        index = torch.arange(window)
        places = torch.cartesian_prod(index, index)
        distances = (places[:, None] - places).float()
        distances = distances.sign() * distances.abs().log1p()
        self.register_buffer('distances', distances, persistent=False)

    def _split(self, features):
        """(B, C, H, W) to (B, H / window, W / window, heads, N, C / heads)."""
        grid = (-1, self.window)
        features = _mirror(features, self.window, self.offset)
        features = features.unflatten(3, grid).unflatten(2, grid).unflatten(1, (self.heads, -1))
        return features.permute(0, 3, 5, 1, 4, 6, 2).flatten(4, 5)

    def forward(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """Attend.

        Args:
            query (Tensor): (B, C, H, W).
            key (Tensor): The same.
            value (Tensor): The same.

        Returns:
            Tensor: (B, C, H, W).
        """
        height, width = query.shape[2:]
        bias = self.bias(self.distances).permute(2, 0, 1)
        tokens = (self._split(features).flatten(0, 2) for features in (query, key, value))
        found = F.scaled_dot_product_attention(*tokens, attn_mask=bias[None])
        # Rounded up without a negative number: ONNX divides such ones towards 0.
        ends = (side + self.offset + self.window - 1 for side in (height, width))
        rows, columns = (end // self.window for end in ends)
        found = found.unflatten(0, (-1, rows, columns)).unflatten(4, (self.window, -1))
        found = found.permute(0, 3, 6, 1, 4, 2, 5).flatten(5, 6).flatten(3, 4).flatten(1, 2)
        return found[..., self.offset :, self.offset :][..., :height, :width]


class TaskBlock(nn.Module):
    """A task's layers in a block of attention; the attention itself is not among them.

    Args:
        channels (int): Channels of input and output.
        has_query (bool): The task asks by itself.
    """

    def __init__(self, channels: int, has_query: bool = True) -> None:
        super().__init__()
        self.norm = RescaledNorm(channels)
        if has_query:
            self.query = nn.Conv2d(channels, channels, 1)
        self.key = nn.Conv2d(channels, channels, 1)
        self.value = nn.Conv2d(channels, channels, 1)
        self.local = _conv(channels, channels, 5, groups=channels)
        self.project = nn.Conv2d(channels, channels, 1)
        self.mlp = nn.Sequential(
            nn.Conv2d(channels, 2 * channels, 1),
            nn.ReLU(inplace=True),
            nn.Conv2d(2 * channels, channels, 1),
        )

    def forward(
        self, features: Tensor, attention: WindowAttention, query: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Refine features.

        Args:
            features (Tensor): (B, C, H, W).
            attention (WindowAttention): Of the block.
            query (Tensor, optional): (B, C, H, W), of the other task. Defaults to its own.

        Returns:
            tuple[Tensor, Tensor]: The features and the query, (B, C, H, W) each.
        """
        normed, scale, shift = self.norm(features)
        query = self.query(normed) if query is None else query
        value = self.value(normed)
        change = self.local(value) + attention(query, self.key(normed), value)
        features = features + (self.project(change) * scale + shift)
        return features + self.mlp(features), query


@MODELS.register_module()
class GIFNet(BaseFusor):
    """Common features, attention of two tasks, and a decoder of what is common and specific.

    Args:
        channels (int): Channels of each convolution of the encoder. The attention has three
            times as many and 2, a multiple of ``heads``. Defaults to 32.
        heads (int): Number of heads of each attention. Defaults to 2.
        window (int): Side of a window in pixels, a multiple of 4. Defaults to 8.
        decoder_channels (tuple[int, ...]): Channels of the decoder's convolutions but the
            last. Defaults to (128, 64, 32, 16).
        **options: ``data_preprocessor`` and ``init_cfg``, see :class:`BaseFusor`.
    """

    #: To reflect to a multiple of 8, with half a window before, five rows and columns must be.
    min_size = 5

    def __init__(
        self,
        channels: int = 32,
        heads: int = 2,
        window: int = 8,
        decoder_channels: tuple[int, ...] = (128, 64, 32, 16),
        **options: Any,
    ) -> None:
        super().__init__(**options)
        width = 2 + 3 * channels
        self.encoder = CommonEncoder(channels)
        self.sensor_embed = _conv(width, width)
        self.focus_embed = _conv(width, width)
        self.attention1 = WindowAttention(heads, window, shifted=False)
        self.attention2 = WindowAttention(heads, window, shifted=True)
        self.sensor = TaskBlock(width, has_query=False)
        self.focus1 = TaskBlock(width)
        self.focus2 = TaskBlock(width)
        self.share = nn.Parameter(torch.rand(1))
        self.unembed = _conv(width, width)
        self.join = nn.Sequential(
            nn.Conv2d(2 * width, width, 1, bias=False),
            nn.ReLU(inplace=True),
            nn.Conv2d(width, decoder_channels[0], 1, bias=False),
        )
        layers = []
        for sizes in zip(decoder_channels, (*decoder_channels[1:], 1), strict=True):
            layers += [_conv(*sizes), nn.ReLU(inplace=True)]
        self.decoder = nn.Sequential(*layers[:-1], nn.Tanh())

    def fuse_luma(self, ir: Tensor, vi: Tensor) -> Tensor:
        """See :meth:`BaseFusor.fuse_luma`."""
        height, width = ir.shape[2:]
        common = self.encoder(torch.cat((ir, vi), dim=1))
        padded = _mirror(common, 4)
        focus, query = self.focus1(self.focus_embed(padded), self.attention1)
        sensor, _ = self.sensor(self.sensor_embed(padded), self.attention1, query)
        focus, _ = self.focus2(focus + self.share * sensor, self.attention2)
        specific = self.unembed(focus)[..., :height, :width]
        return self.decoder(self.join(torch.cat((common, specific), dim=1))) / 2 + 0.5


_LAYER = r'extractor_multask\.SwinTransformerSpecific\.layer1\.'


def _task_rules(block, task, name):
    """``task``: what the names of the task's layers end with there."""
    block = rf'{_LAYER}blocks\.{block}\.'
    return (
        (rf'{block}norm1{task}\.meta1\.(.*)', rf'{name}.norm.scale.\1'),
        (rf'{block}norm1{task}\.meta2\.(.*)', rf'{name}.norm.shift.\1'),
        (rf'{block}norm1{task}\.(weight|bias)', rf'{name}.norm.\1'),
        (rf'{block}attn\.conv{task}\.(.*)', rf'{name}.local.\1'),
        (rf'{block}attn\.V{task}\.(.*)', rf'{name}.value.\1'),
        (rf'{block}attn\.proj{task}\.(.*)', rf'{name}.project.\1'),
        (rf'{block}attn\.QK{task}\.(.*)', rf'{name}.query_key.\1'),
        (rf'{block}mlp{task}\.mlp\.(.*)', rf'{name}.mlp.\1'),
    )


_RULES = (
    # Constants, and what has no effect.
    (r'.*\.relative_positions', None),
    (r'decoder_rec\..*', None),
    (_LAYER + r'weights\.[01]', None),
    (_LAYER + r'weights_mfif\.1', None),
    *((pattern, None) for pattern, _ in _task_rules(1, '', '')),
    (r'getSharedFeatures\.conv_1\.conv2d\.(.*)', r'encoder.convs.0.\1'),
    (r'getSharedFeatures\.conv_2\.conv2d\.(.*)', r'encoder.convs.1.\1'),
    (r'getSharedFeatures\.conv_3\.conv2d\.(.*)', r'encoder.convs.2.\1'),
    (r'.*\.patch_embed_ivif\.proj\.(.*)', r'sensor_embed.\1'),
    (r'.*\.patch_embed_mfif\.proj\.(.*)', r'focus_embed.\1'),
    (_LAYER + r'blocks\.0\.attn\.attn\.meta\.(.*)', r'attention1.bias.\1'),
    (_LAYER + r'blocks\.1\.attn\.attn\.meta\.(.*)', r'attention2.bias.\1'),
    *_task_rules(0, '', 'sensor'),
    *_task_rules(0, '_mfif', 'focus1'),
    *_task_rules(1, '_mfif', 'focus2'),
    (_LAYER + r'weights_mfif\.0', 'share'),
    (r'.*\.patch_unembed\.proj\.0\.(.*)', r'unembed.\1'),
    (r'cnnDecoder\.fuseComplementFeatures\.mlp\.(.*)', r'join.\1'),
    (r'cnnDecoder\.decoder\.1\.(.*)', r'decoder.0.\1'),
    (r'cnnDecoder\.decoder\.4\.(.*)', r'decoder.2.\1'),
    (r'cnnDecoder\.decoder\.7\.(.*)', r'decoder.4.\1'),
    (r'cnnDecoder\.decoder\.10\.(.*)', r'decoder.6.\1'),
)


@converter_for(GIFNet)
def convert_gifnet(state_dict: dict[str, Tensor]) -> dict[str, Tensor]:
    """The authors' state dict for :class:`GIFNet`.

    What has no effect is left out. Queries and keys, which lie one below the other, are parted.
    """
    converted = {}
    for name, value in rename_entries(state_dict, _RULES).items():
        if '.query_key.' in name:
            query, key = (half.clone() for half in value.chunk(2))
            converted[name.replace('query_key', 'key')] = key
            if not name.startswith('sensor.'):
                converted[name.replace('query_key', 'query')] = query
        elif '.norm.' in name and value.dim() == 4 and len(value) == 1:
            converted[name] = value[0]
        else:
            converted[name] = value
    return converted
