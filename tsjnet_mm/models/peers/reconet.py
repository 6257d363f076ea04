"""ReCoNet, ECCV 2022: a small fusion network, applied to its own result.

Huang, Liu, Fan, Liu, Zhong and Luo, "ReCoNet: Recurrent Correction Network for Fast and
Efficient Multi-modality Image Fusion", ECCV 2022.

The recurrent fusion network is here; the network that undoes deformations between the images
is not: pairs must be registered. The network is that of the authors' first version (folder
``archive`` of their repository), to which the checkpoint ``params.pth`` belongs; the raw output
equals that code's bit for bit on real pairs.

The output is a hyperbolic tangent, clipped to [0, 1] and not rescaled, as in the authors'
script, which writes grey images. It rounds the visible luma to 8 bits first; with that, its
images come out again exactly.
"""

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from tsjnet_mm.models.fusors.base import BaseFusor
from tsjnet_mm.registry import MODELS

from .renaming import converter_for, rename_entries


def _branch(channels, dilation):
    conv = nn.Conv2d(3, channels, 3, padding=dilation, dilation=dilation)
    return nn.Sequential(conv, nn.BatchNorm2d(channels), nn.ReLU(inplace=True))


@MODELS.register_module()
class ReCoNet(BaseFusor):
    """One small network applied repeatedly, each time to its last result and both images.

    Each step weights either image by a map made from it and the last result, then joins
    convolutions of three dilations into the next result. The first is the brighter image.

    Args:
        channels (int): Channels of each of the three convolutions. Defaults to 64.
        steps (int): Number of steps. Defaults to 3.
        **options: ``data_preprocessor`` and ``init_cfg``, see :class:`BaseFusor`.
    """

    def __init__(self, channels: int = 64, steps: int = 3, **options: Any) -> None:
        super().__init__(**options)
        self.steps = steps
        self.ir_attention = nn.Conv2d(2, 1, 3, padding=1, bias=False)
        self.vi_attention = nn.Conv2d(2, 1, 3, padding=1, bias=False)
        self.branches = nn.ModuleList(_branch(channels, dilation) for dilation in (1, 2, 3))
        self.project = nn.Sequential(
            nn.Conv2d(3 * channels, 1, 3, padding=1), nn.BatchNorm2d(1), nn.Tanh()
        )

    @staticmethod
    def _attend(attention, image, fused):
        summary = torch.cat((torch.maximum(image, fused), (image + fused) / 2), dim=1)
        return image * torch.sigmoid(attention(summary))

    def fuse_luma(self, ir: Tensor, vi: Tensor) -> Tensor:
        """See :meth:`BaseFusor.fuse_luma`."""
        fused = torch.maximum(ir, vi)
        for _ in range(self.steps):
            attended_ir = self._attend(self.ir_attention, ir, fused)
            attended_vi = self._attend(self.vi_attention, vi, fused)
            images = torch.cat((attended_ir, fused, attended_vi), dim=1)
            features = torch.cat([branch(images) for branch in self.branches], dim=1)
            fused = self.project(features)
        return fused


_RULES = (
    (r'att_a_conv\.(.*)', r'ir_attention.\1'),
    (r'att_b_conv\.(.*)', r'vi_attention.\1'),
    (r'dil_conv_1\.(.*)', r'branches.0.\1'),
    (r'dil_conv_2\.(.*)', r'branches.1.\1'),
    (r'dil_conv_3\.(.*)', r'branches.2.\1'),
    (r'fus_conv\.(.*)', r'project.\1'),
)


#: From the authors' state dict to that of :class:`ReCoNet`, see :func:`.rename_entries`.
convert_reconet = converter_for(ReCoNet)(partial(rename_entries, rules=_RULES))
