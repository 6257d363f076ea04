"""SAGE, CVPR 2025: a U-shaped network of three scales, distilled from one that uses SAM.

Wu, Liu, Fu, Peng, Liu, Fan and Liu, "Every SAM Drop Counts: Embracing Semantic Priors for
Multi-Modality Image Fusion and Beyond", CVPR 2025.

The whole published sub-network is here, which alone fuses. The main network and SAM, which only
helped to train it, are not. The paper draws the sub-network as dense blocks; the published code
has plain convolutions at three scales, and so has this one. Luma in [0, 1] goes in, a
hyperbolic tangent comes out, which is clipped to [0, 1] and not rescaled. Images of any size
from 4x4 up are taken without padding: odd rows and columns are dropped when features are
pooled, and features are enlarged to the size that they had.

With the published weights the output equals that of the authors' code on real pairs to the
last bit. Their script reads luma that is rounded to 8 bits, and puts the fused luma under the
visible chroma before it clips the RGB image; nothing is stretched. It takes 0.5 for the neutral
chroma that OpenCV stores as 128/255, so its red and blue are 0.7 and 0.9 levels off.
"""

from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tsjnet_mm.models.fusors.base import BaseFusor
from tsjnet_mm.registry import MODELS

from .renaming import converter_for, rename_entries


def _convs(in_channels, channels, size=3, count=3):
    layers = []
    for width in (in_channels, *[channels] * (count - 1)):
        conv = nn.Conv2d(width, channels, size, padding=size // 2)
        layers += [conv, nn.BatchNorm2d(channels), nn.LeakyReLU(0.01)]
    return nn.Sequential(*layers)


class ResizeAndJoin(nn.Module):
    """Coarse features, enlarged, joined with those of the next finer scale.

    Args:
        channels (int): Channels of each.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.project = _convs(2 * channels, channels, size=1, count=1)
        self.refine = _convs(channels, channels)

    def forward(self, coarse: Tensor, fine: Tensor) -> Tensor:
        """Join.

        Args:
            coarse (Tensor): (B, C, h, w).
            fine (Tensor): (B, C, H, W).

        Returns:
            Tensor: (B, C, H, W).
        """
        coarse = F.interpolate(coarse, fine.shape[2:], mode='bilinear', align_corners=False)
        return self.refine(self.project(torch.cat((coarse, fine), dim=1)))


@MODELS.register_module()
class SAGE(BaseFusor):
    """Convolutions at full, half and quarter size, and back by way of skip connections.

    Args:
        channels (int): Channels of all features. Defaults to 32.
        **options: ``data_preprocessor`` and ``init_cfg``, see :class:`BaseFusor`.
    """

    #: Halved twice, one row and column must be left.
    min_size = 4

    def __init__(self, channels: int = 32, **options: Any) -> None:
        super().__init__(**options)
        self.fine = _convs(2, channels)
        self.middle = _convs(channels, channels)
        self.coarse = _convs(channels, channels)
        self.join_middle = ResizeAndJoin(channels)
        self.join_fine = ResizeAndJoin(channels)
        self.head = nn.Conv2d(channels, 1, 3, padding=1)

    def fuse_luma(self, ir: Tensor, vi: Tensor) -> Tensor:
        """See :meth:`BaseFusor.fuse_luma`."""
        fine = self.fine(torch.cat((vi, ir), dim=1))
        middle = self.middle(F.max_pool2d(fine, 2))
        coarse = self.coarse(F.max_pool2d(middle, 2))
        features = self.join_fine(self.join_middle(coarse, middle), fine)
        return torch.tanh(self.head(features))


_RULES = (
    (r'module1\.(.*)', r'fine.\1'),
    (r'module2\.(.*)', r'middle.\1'),
    (r'module3\.(.*)', r'coarse.\1'),
    (r'adjust_channels4\.(.*)', r'join_middle.project.\1'),
    (r'module4\.(.*)', r'join_middle.refine.\1'),
    (r'adjust_channels5\.(.*)', r'join_fine.project.\1'),
    (r'module5\.(.*)', r'join_fine.refine.\1'),
    (r'final_decoder\.0\.(.*)', r'head.\1'),
)


#: From the authors' state dict to that of :class:`SAGE`, see :func:`.rename_entries`.
convert_sage = converter_for(SAGE)(partial(rename_entries, rules=_RULES))
