"""TarDAL, CVPR 2022: fusion of infrared and visible images by an adversarial generator.

Liu, Fan, Huang, Wu, Liu, Zhong and Luo, "Target-aware Dual Adversarial Learning and a
Multi-scenario Multi-Modality Benchmark to Fuse Infrared and Visible for Object Detection",
CVPR 2022.

The generator is here, which alone makes the fused image; the two discriminators and the
detector that train with it are not. The network is that of the authors' first release, to
which the checkpoints ``tardal.pt``, ``tardal+.pt`` and ``tardal++.pt`` belong; with each of
them the raw output equals that code's bit for bit on real pairs.

The output is a hyperbolic tangent, clipped to [0, 1] and not rescaled, as in the authors'
script; much of what the second and third checkpoint give is below 0 and so comes out black.
That script normalises by the statistics of each image unless it is given ``--eval``; the
authors' examples leave ``--eval`` out for ``tardal.pt``, whose images are then brighter, and
give it for the other two. Here evaluation always uses the statistics of training. The script
rounds the visible luma to 8 bits first; with that, its images with ``--eval`` come out again
exactly.
"""

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from tsjnet_mm.models.fusors.base import BaseFusor
from tsjnet_mm.registry import MODELS

from .renaming import converter_for, rename_entries


def _conv3x3(in_channels, out_channels):
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, 3, padding=1),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(inplace=True),
    )


@MODELS.register_module()
class TarDAL(BaseFusor):
    """Densely connected convolutions over both images, then a plain decoder.

    Args:
        channels (int): Channels of the first and of each dense convolution. Defaults to 32.
        depth (int): Number of dense convolutions. Defaults to 3.
        **options: ``data_preprocessor`` and ``init_cfg``, see :class:`BaseFusor`.
    """

    def __init__(self, channels: int = 32, depth: int = 3, **options: Any) -> None:
        super().__init__(**options)
        self.stem = _conv3x3(2, channels)
        self.dense = nn.ModuleList(
            _conv3x3(channels * count, channels) for count in range(1, depth + 1)
        )
        self.decoder = nn.Sequential(
            # The one layer of the decoder without normalisation, but for the last.
            nn.Sequential(
                nn.Conv2d(channels * (depth + 1), channels * 4, 3, padding=1),
                nn.ReLU(inplace=True),
            ),
            _conv3x3(channels * 4, channels * 2),
            _conv3x3(channels * 2, channels),
            nn.Conv2d(channels, 1, 3, padding=1),
        )

    def fuse_luma(self, ir: Tensor, vi: Tensor) -> Tensor:
        """See :meth:`BaseFusor.fuse_luma`."""
        features = self.stem(torch.cat((ir, vi), dim=1))
        for layer in self.dense:
            features = torch.cat((features, layer(features)), dim=1)
        return torch.tanh(self.decoder(features))


_RULES = (
    (r'encoder\.(.*)', r'stem.\1'),
    (r'dense\.(.*)', r'dense.\1'),
    (r'fuse\.3\.0\.(.*)', r'decoder.3.\1'),
    (r'fuse\.([0-2]\..*)', r'decoder.\1'),
)


#: From the authors' state dict to that of :class:`TarDAL`, see :func:`.rename_entries`.
convert_tardal = converter_for(TarDAL)(partial(rename_entries, rules=_RULES))
