"""MMDRFuse, ACM MM 2024: two convolutions, distilled from a larger network.

Deng, Xu, Cheng, Wu and Kittler, "MMDRFuse: Distilled Mini-Model with Dynamic Refresh for
Multi-Modality Image Fusion", ACM Multimedia 2024.

The whole student network is here, which alone fuses; the teacher, which only helped to train
it, is not. Images need two rows and columns, for reflected borders.

The output is a hyperbolic tangent, clipped to [0, 1] and not rescaled. With the published
weights it equals that of the authors' code on real pairs to the last bit. Their script rounds
the visible luma to 8 bits first, and its way of saving stretches the grey image between its
extremes. Nothing is stretched here; ``stretch`` of :class:`FusionInferencer` does so.
"""

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from tsjnet_mm.models.fusors.base import BaseFusor
from tsjnet_mm.registry import MODELS

from .renaming import converter_for, rename_entries


def _conv3x3(in_channels, out_channels):
    return nn.Conv2d(in_channels, out_channels, 3, padding=1, padding_mode='reflect')


@MODELS.register_module()
class MMDRFuse(BaseFusor):
    """Both images to a few features, and these to the fused image.

    Args:
        channels (int): Number of features. Defaults to 4.
        **options: ``data_preprocessor`` and ``init_cfg``, see :class:`BaseFusor`.
    """

    #: Reflection needs a second row and column.
    min_size = 2

    def __init__(self, channels: int = 4, **options: Any) -> None:
        super().__init__(**options)
        self.encoder = nn.Sequential(_conv3x3(2, channels), nn.ReLU(inplace=True))
        self.decoder = nn.Sequential(_conv3x3(channels, 1), nn.Tanh())

    def fuse_luma(self, ir: Tensor, vi: Tensor) -> Tensor:
        """See :meth:`BaseFusor.fuse_luma`."""
        return self.decoder(self.encoder(torch.cat((ir, vi), dim=1)))


_RULES = (
    (r'conv1\.1\.(.*)', r'encoder.0.\1'),
    (r'conv2\.1\.(.*)', r'decoder.0.\1'),
)


#: From the authors' state dict to that of :class:`MMDRFuse`, see :func:`.rename_entries`.
convert_mmdrfuse = converter_for(MMDRFuse)(partial(rename_entries, rules=_RULES))
