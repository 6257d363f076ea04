"""SuperFusion, JAS 2022: two encoders, mixed by a mask from recurrences along rows and columns.

Tang, Deng, Ma, Huang and Ma, "SuperFusion: A Versatile Image Registration and Fusion Network
with Semantic Awareness", IEEE/CAA Journal of Automatica Sinica 9(12), 2022.

The fusion network is here; the network that estimates deformations before it, and the
segmentation that guided training, are not: pairs must be registered. With random weights the
output equals that of the authors' code, their CUDA kernel compiled for the CPU, to 3e-7. That
code does less than the paper's figures show, and here it is done the same way:

- It computes an attention over the four directions, and drops the product. Those convolutions
  have no effect, and the converter drops them.
- The mask is meant to be a sigmoid, but the name of it is misspelt and nothing is applied: the
  mask has no bounds.

The published file holds both networks, of which the converter takes the entry ``FN``. The
authors' script puts the fused luma under the visible chroma, and rounds; both is done here too.
Since sums run over whole rows and columns, tiles of a large image differ from it: give
:class:`FusionInferencer` ``tile=0``.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from tsjnet_mm.models.fusors.base import BaseFusor
from tsjnet_mm.registry import MODELS

from .renaming import converter_for, rename_entries

#: Axis along which each direction goes, and whether it goes from the last to the first.
_DIRECTIONS = {'up': (2, True), 'right': (3, False), 'down': (2, False), 'left': (3, True)}


def _conv3x3(in_channels, out_channels):
    return nn.Conv2d(in_channels, out_channels, 3, padding=1)


def _convs(channels, last):
    layers = []
    for in_channels, out_channels in pairwise(channels):
        layers += [_conv3x3(in_channels, out_channels), nn.LeakyReLU(inplace=True)]
    return nn.Sequential(*layers[:-1], last)


class Sweep(nn.Module):
    """A recurrence along one axis: each row gets the state of the row before it.

    Args:
        channels (int): Channels, each with its own weight and bias.
        dim (int): The axis along which to go, 2 or 3.
        backward (bool): Whether to start at the last row.
    """

    def __init__(self, channels: int, dim: int, backward: bool) -> None:
        super().__init__()
        self.dim = dim
        self.backward = backward
        self.weight = nn.Parameter(torch.full((channels, 1), 0.2))
        self.bias = nn.Parameter(torch.zeros(channels, 1))

    def forward(self, features: Tensor) -> Tensor:
        """Gather.

        Args:
            features (Tensor): (B, C, H, W).

        Returns:
            Tensor: (B, C, H, W), not negative.
        """
        # Rows that lie together are read many times faster than strided ones.
        rows = features.movedim(self.dim, 0).contiguous().unbind()
        if self.backward:
            rows = rows[::-1]
        gathered = [rows[0].relu()]
        for row in rows[1:]:
            gathered.append((torch.addcmul(self.bias, gathered[-1], self.weight) + row).relu())
        if self.backward:
            gathered.reverse()
        return torch.stack(gathered).movedim(0, self.dim)


class SpatialMask(nn.Module):
    """A mask whose pixels depend on the whole image: two rounds in four directions.

    Args:
        channels (int): Channels of one image's features, and of the mask.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.reduce = _conv3x3(2 * channels, channels)
        self.sweeps1 = self._sweeps(channels)
        self.join1 = _conv3x3(4 * channels, channels)
        self.sweeps2 = self._sweeps(channels)
        self.join2 = nn.Sequential(_conv3x3(4 * channels, channels), nn.LeakyReLU(inplace=True))
        self.project = _conv3x3(channels, channels)

    @staticmethod
    def _sweeps(channels):
        return nn.ModuleDict({name: Sweep(channels, *way) for name, way in _DIRECTIONS.items()})

    def forward(self, features: Tensor) -> Tensor:
        """Compute the mask.

        Args:
            features (Tensor): (B, 2 * channels, H, W), those of both images.

        Returns:
            Tensor: (B, channels, H, W), of any sign.
        """
        features = self.reduce(features)
        features = self.join1(torch.cat([go(features) for go in self.sweeps1.values()], dim=1))
        features = self.join2(torch.cat([go(features) for go in self.sweeps2.values()], dim=1))
        return self.project(features)


@MODELS.register_module()
class SuperFusion(BaseFusor):
    """The fusion network: plain encoders and decoder, between them a mask for infrared.

    Args:
        channels (Sequence[int]): Channels of the encoder's convolutions; the decoder has them
            in reverse. Defaults to (8, 16, 16, 32).
        **options: ``data_preprocessor`` and ``init_cfg``, see :class:`BaseFusor`.
    """

    def __init__(self, channels: Sequence[int] = (8, 16, 16, 32), **options: Any) -> None:
        super().__init__(**options)
        widths = (1, *channels)
        self.ir_encoder = _convs(widths, nn.LeakyReLU(inplace=True))
        self.vi_encoder = _convs(widths, nn.LeakyReLU(inplace=True))
        self.mask = SpatialMask(channels[-1])
        self.decoder = _convs((*reversed(channels), 1), nn.Tanh())

    def fuse_luma(self, ir: Tensor, vi: Tensor) -> Tensor:
        """See :meth:`BaseFusor.fuse_luma`."""
        ir, vi = self.ir_encoder(ir), self.vi_encoder(vi)
        mask = self.mask(torch.cat((ir, vi), dim=1))
        return (self.decoder(ir * mask + vi * (1 - mask)) + 1) / 2


# The authors' modules have one convolution each, here a sequence holds them all.
_RULES = (
    *(
        (rf'{published}\.{layer}\.model\.0\.(.*)', rf'{name}.{2 * layer}.\1')
        for published, name in (
            ('encoder_ir', 'ir_encoder'),
            ('encoder_vi', 'vi_encoder'),
            ('decoder', 'decoder'),
        )
        for layer in range(4)
    ),
    (r'SAM\.attention_layer\..*', None),
    (r'SAM\.irnn([12])\.(up|right|down|left)_weight\.(.*)', r'mask.sweeps\1.\2.\3'),
    (r'SAM\.conv_in\.model\.0\.(.*)', r'mask.reduce.\1'),
    (r'SAM\.conv2\.model\.0\.(.*)', r'mask.join1.\1'),
    (r'SAM\.conv3\.model\.0\.(.*)', r'mask.join2.0.\1'),
    (r'SAM\.conv_out\.model\.0\.(.*)', r'mask.project.\1'),
)


@converter_for(SuperFusion)
def convert_superfusion(checkpoint: dict) -> dict[str, Tensor]:
    """The state dict of the fusion network, alone or under ``'FN'``, for :class:`SuperFusion`.

    The attention over directions, which has no effect, is left out.
    """
    if isinstance(checkpoint, dict):
        checkpoint = checkpoint.get('FN', checkpoint)
    converted = rename_entries(checkpoint, _RULES)
    for name, value in converted.items():
        if '.sweeps' in name:
            converted[name] = value.reshape(-1, 1)
    return converted
