"""SeAFusion: two streams of gradient residual dense blocks.

Tang, Yuan and Ma, "Image fusion in the loop of high-level vision tasks: A semantic-aware
real-time infrared and visible image fusion network", Information Fusion 82, 2022.

The fusion network is here; the segmentation network that guided its training is not. Luma in
[0, 1] goes in, luma in [0, 1] comes out, as in the published code. As there, the Sobel filters
are only where training starts: they are weights, which moved. The published decoder carries
batch normalisations that it never computes (456 values); they are left out.

With the published weights the output equals that of the authors' code on real pairs to the
last bit. Their script then puts the fused luma under the visible chroma, and stretches
the RGB image between its extremes. Nothing is stretched here; ``stretch`` of
:class:`FusionInferencer` does so to the luma.
"""

from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tsjnet_mm.models.fusors.base import BaseFusor
from tsjnet_mm.registry import MODELS

from .renaming import converter_for, rename_entries

_SOBEL = ((1.0, 0.0, -1.0), (2.0, 0.0, -2.0), (1.0, 0.0, -1.0))


def _conv3x3(in_channels, out_channels):
    return nn.Sequential(nn.Conv2d(in_channels, out_channels, 3, padding=1), nn.LeakyReLU(0.2))


class GradientResidualDenseBlock(nn.Module):
    """Two densely connected convolutions, plus the features' gradient magnitude.

    Args:
        in_channels (int): Channels of the input.
        out_channels (int): Channels of the output.
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv1 = _conv3x3(in_channels, in_channels)
        self.conv2 = _conv3x3(2 * in_channels, in_channels)
        self.project = nn.Conv2d(3 * in_channels, out_channels, 1)
        depthwise = {'padding': 1, 'groups': in_channels, 'bias': False}
        self.gradient_x = nn.Conv2d(in_channels, in_channels, 3, **depthwise)
        self.gradient_y = nn.Conv2d(in_channels, in_channels, 3, **depthwise)
        self.project_gradient = nn.Conv2d(in_channels, out_channels, 1)
        sobel = torch.tensor(_SOBEL)
        with torch.no_grad():
            self.gradient_x.weight.copy_(sobel)
            self.gradient_y.weight.copy_(sobel.T)

    def forward(self, features: Tensor) -> Tensor:
        """Refine features.

        Args:
            features (Tensor): (B, in_channels, H, W).

        Returns:
            Tensor: (B, out_channels, H, W).
        """
        gradient = self.gradient_x(features).abs() + self.gradient_y(features).abs()
        dense = torch.cat((features, self.conv1(features)), dim=1)
        dense = torch.cat((dense, self.conv2(dense)), dim=1)
        return F.leaky_relu(self.project(dense) + self.project_gradient(gradient), 0.1)


def _encoder():
    return nn.Sequential(
        _conv3x3(1, 16),
        GradientResidualDenseBlock(16, 32),
        GradientResidualDenseBlock(32, 48),
    )


@MODELS.register_module()
class SeAFusion(BaseFusor):
    """Two encoders of gradient residual dense blocks, one plain decoder.

    Args:
        **options: ``data_preprocessor`` and ``init_cfg``, see :class:`BaseFusor`.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.vi_encoder = _encoder()
        self.ir_encoder = _encoder()
        self.decoder = nn.Sequential(
            _conv3x3(96, 64), _conv3x3(64, 32), _conv3x3(32, 16), nn.Conv2d(16, 1, 3, padding=1)
        )

    def fuse_luma(self, ir: Tensor, vi: Tensor) -> Tensor:
        """See :meth:`BaseFusor.fuse_luma`."""
        features = torch.cat((self.vi_encoder(vi), self.ir_encoder(ir)), dim=1)
        return torch.tanh(self.decoder(features)) / 2 + 0.5


def _encoder_rules(published, name):
    block = rf'{published}_rgbd([12])\.'
    return (
        (rf'{published}_conv\.conv\.(.*)', rf'{name}.0.0.\1'),
        (rf'{block}dense\.conv([12])\.conv\.(.*)', rf'{name}.\1.conv\2.0.\3'),
        (rf'{block}convdown\.conv\.(.*)', rf'{name}.\1.project.\2'),
        (rf'{block}convup\.conv\.(.*)', rf'{name}.\1.project_gradient.\2'),
        (rf'{block}sobelconv\.conv([xy])\.(.*)', rf'{name}.\1.gradient_\2.\3'),
    )


_RULES = (
    *_encoder_rules('vis', 'vi_encoder'),
    *_encoder_rules('inf', 'ir_encoder'),
    (r'decode[1-4]\.bn\..*', None),
    (r'decode4\.conv\.(.*)', r'decoder.0.0.\1'),
    (r'decode3\.conv\.(.*)', r'decoder.1.0.\1'),
    (r'decode2\.conv\.(.*)', r'decoder.2.0.\1'),
    (r'decode1\.conv\.(.*)', r'decoder.3.\1'),
)


#: From the authors' state dict to that of :class:`SeAFusion`, see :func:`.rename_entries`.
convert_seafusion = converter_for(SeAFusion)(partial(rename_entries, rules=_RULES))
