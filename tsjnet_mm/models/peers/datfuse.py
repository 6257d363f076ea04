"""DATFuse, TCSVT 2023: fusion with channel and position attention, and a transformer.

Tang, He, Liu, Duan and Si, "DATFuse: Infrared and Visible Image Fusion via Dual Attention
Transformer", IEEE Transactions on Circuits and Systems for Video Technology 33(7), 2023.

The whole published network. The raw output equals the authors' code's bit for bit on real
pairs. That code does less than the paper's figures show, and here it is done the same way:

- Its attention windows hold one token each. The softmax over one token is 1, so queries, keys
  and position biases have no effect; what is left are the values and the projection. Only
  these are here, and the converter drops the rest, as well as a normalisation that is never
  used.
- A token is not a pixel's channels but a run of as many values in memory: for the usual 16
  channels, 16 neighbours in a row of one channel, where the width is a multiple of 16. So the
  result depends on how the image lies in that grid, and on its width.
- The convolution of the feature extraction is applied twice, and both attentions are the same
  before and after the transformer.

The authors' script multiplies by 255 and casts to 8 bits: it cuts the fraction off where this
toolbox rounds, and lets negative values wrap around where this toolbox clips them to 0. Since
tokens and attention depend on the whole image, tiles of a large one differ from it: give
:class:`FusionInferencer` ``tile=0``.
"""

from typing import Any

import torch
from torch import Tensor, nn

from tsjnet_mm.models.fusors.base import BaseFusor
from tsjnet_mm.registry import MODELS

from .renaming import converter_for, rename_entries


def _conv_norm(in_channels, out_channels, size):
    conv = nn.Conv2d(
        in_channels, out_channels, size, padding=size // 2, padding_mode='replicate'
    )
    return nn.Sequential(conv, nn.BatchNorm2d(out_channels))


class DualAttentionResidual(nn.Module):
    """Features, weighted by channel and by position.

    Args:
        channels (int): Channels, at least 4.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        squeezed = channels // 4
        self.refine = _conv_norm(channels, channels, 3)
        self.channel_attention = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(channels, squeezed, 1),
            nn.ReLU(inplace=True),
            nn.Conv2d(squeezed, channels, 1),
            nn.Sigmoid(),
        )
        self.position_attention = nn.Sequential(
            nn.Conv2d(channels, squeezed, 3, padding=1),
            nn.BatchNorm2d(squeezed),
            nn.ReLU(inplace=True),
            nn.Conv2d(squeezed, 1, 3, padding=1),
            nn.BatchNorm2d(1),
            nn.Sigmoid(),
        )

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Refine features.

        Args:
            features (Tensor): (B, C, H, W).

        Returns:
            tuple[Tensor, Tensor]: The refined features, and the sum of them weighted by
            channel and weighted by position; each (B, C, H, W).
        """
        refined = self.refine(self.refine(features).relu())
        by_channel = refined * self.channel_attention(refined)
        return refined, by_channel + refined * self.position_attention(refined)


class TokenBlock(nn.Module):
    """A transformer block whose tokens see only themselves.

    Args:
        channels (int): Values of a token.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(channels)
        self.value = nn.Linear(channels, channels)
        self.project = nn.Linear(channels, channels)
        self.norm2 = nn.LayerNorm(channels)
        self.mlp = nn.Sequential(
            nn.Linear(channels, 4 * channels), nn.GELU(), nn.Linear(4 * channels, channels)
        )

    def forward(self, tokens: Tensor) -> Tensor:
        """Transform each token.

        Args:
            tokens (Tensor): (*, C).

        Returns:
            Tensor: (*, C).
        """
        tokens = tokens + self.project(self.value(self.norm1(tokens)))
        return tokens + self.mlp(self.norm2(tokens))


@MODELS.register_module()
class DATFuse(BaseFusor):
    """Convolutions with two attentions, a transformer, and the same convolutions again.

    Args:
        channels (int): Channels of all features, at least 4. Defaults to 16.
        depth (int): Number of transformer blocks. Defaults to 2.
        **options: ``data_preprocessor`` and ``init_cfg``, see :class:`BaseFusor`.
    """

    def __init__(self, channels: int = 16, depth: int = 2, **options: Any) -> None:
        super().__init__(**options)
        self.stem = _conv_norm(2, channels, 5)
        self.residual = DualAttentionResidual(channels)
        self.transformer = nn.Sequential(*(TokenBlock(channels) for _ in range(depth)))
        self.head = nn.Conv2d(channels, 1, 1)

    def fuse_luma(self, ir: Tensor, vi: Tensor) -> Tensor:
        """See :meth:`BaseFusor.fuse_luma`."""
        features = self.stem(torch.cat((ir, vi), dim=1)).relu()
        _, weighted = self.residual(features)
        features = (weighted + features).relu()
        tokens = features.reshape(features.shape[0], -1, features.shape[1])
        features = self.transformer(tokens).reshape(features.shape)
        refined, weighted = self.residual(features)
        return torch.tanh(self.head(weighted + refined))


_BLOCK = r'basicLayer\.blocks\.(\d+)\.'
_RULES = (
    (r'convolutional\.conv\.(.*)', r'stem.0.\1'),
    (r'convolutional\.bn\.(.*)', r'stem.1.\1'),
    (r'fem\.conv\.(.*)', r'residual.refine.0.\1'),
    (r'fem\.bn\.(.*)', r'residual.refine.1.\1'),
    (r'cam\.fc\.0\.(.*)', r'residual.channel_attention.1.\1'),
    (r'cam\.fc\.2\.(.*)', r'residual.channel_attention.3.\1'),
    (r'sam\.body\.(.*)', r'residual.position_attention.\1'),
    (r'patch_embed\.norm\.(?:weight|bias)', None),
    (_BLOCK + r'attn\.relative_position_(?:bias_table|index)', None),
    (_BLOCK + r'(norm[12]\..*)', r'transformer.\1.\2'),
    (_BLOCK + r'attn\.qkv\.(.*)', r'transformer.\1.value.\2'),
    (_BLOCK + r'attn\.proj\.(.*)', r'transformer.\1.project.\2'),
    (_BLOCK + r'mlp\.fc1\.(.*)', r'transformer.\1.mlp.0.\2'),
    (_BLOCK + r'mlp\.fc2\.(.*)', r'transformer.\1.mlp.2.\2'),
    (r'convolutional_out\.conv\.(.*)', r'head.\1'),
)


@converter_for(DATFuse)
def convert_datfuse(state_dict: dict[str, Tensor]) -> dict[str, Tensor]:
    """The authors' state dict for :class:`DATFuse`.

    What has no effect is left out: queries, keys, position biases and an unused normalisation.
    """
    converted = rename_entries(state_dict, _RULES)
    for name, value in converted.items():
        if '.value.' in name:
            # Queries, keys and values lie one below the other.
            converted[name] = value[-(len(value) // 3) :].clone()
    return converted
