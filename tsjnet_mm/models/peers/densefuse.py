"""DenseFuse: an autoencoder of grey images, whose features are averaged.

Li and Wu, "DenseFuse: A Fusion Approach to Infrared and Visible Images", IEEE Transactions on
Image Processing 28(5), 2019.

The network of the authors' PyTorch code for grey images is here, with the fusion that this
code runs: the mean of the features, where the paper has their sum. The paper's second
strategy, weights by the l1 norm, is not here, nor are the networks for RGB images. As in that
code, the last convolution too is followed by a ReLU. Images need two rows and columns, for
reflected borders.

With the published weights the output equals that of the authors' code on real pairs to the
last bit. The network works on levels from 0 to 255, and so inputs are multiplied by 255 and
the output divided. The authors' script clips and cuts the fraction of a level off, where this
toolbox rounds.
"""

from typing import Any

import torch
from torch import Tensor, nn

from tsjnet_mm.models.fusors.base import BaseFusor
from tsjnet_mm.registry import MODELS

from .renaming import converter_for, rename_entries


def _conv3x3(in_channels, out_channels):
    conv = nn.Conv2d(in_channels, out_channels, 3, padding=1, padding_mode='reflect')
    return nn.Sequential(conv, nn.ReLU(inplace=True))


@MODELS.register_module()
class DenseFuse(BaseFusor):
    """A densely connected encoder for both images, the mean of features, a plain decoder.

    Args:
        **options: ``data_preprocessor`` and ``init_cfg``, see :class:`BaseFusor`.
    """

    #: Reflection needs a second row and column.
    min_size = 2

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.stem = _conv3x3(1, 16)
        self.dense = nn.ModuleList(_conv3x3(channels, 16) for channels in (16, 32, 48))
        self.decoder = nn.Sequential(
            _conv3x3(64, 64), _conv3x3(64, 32), _conv3x3(32, 16), _conv3x3(16, 1)
        )

    def encode(self, image: Tensor) -> Tensor:
        """Features of one image.

        Args:
            image (Tensor): (B, 1, H, W), levels from 0 to 255.

        Returns:
            Tensor: (B, 64, H, W), not negative.
        """
        features = self.stem(image)
        for layer in self.dense:
            features = torch.cat((features, layer(features)), dim=1)
        return features

    def fuse_luma(self, ir: Tensor, vi: Tensor) -> Tensor:
        """See :meth:`BaseFusor.fuse_luma`."""
        features = (self.encode(255 * ir) + self.encode(255 * vi)) / 2
        return self.decoder(features) / 255


_RULES = (
    (r'conv1\.conv2d\.(.*)', r'stem.0.\1'),
    (r'DB1\.denseblock\.([0-2])\.dense_conv\.conv2d\.(.*)', r'dense.\1.0.\2'),
    (r'conv2\.conv2d\.(.*)', r'decoder.0.0.\1'),
    (r'conv3\.conv2d\.(.*)', r'decoder.1.0.\1'),
    (r'conv4\.conv2d\.(.*)', r'decoder.2.0.\1'),
    (r'conv5\.conv2d\.(.*)', r'decoder.3.0.\1'),
)


@converter_for(DenseFuse)
def convert_densefuse(state_dict: dict[str, Tensor]) -> dict[str, Tensor]:
    """The authors' state dict for grey images for :class:`DenseFuse`; refuses that for RGB."""
    converted = rename_entries(state_dict, _RULES)
    first = converted.get('stem.0.weight')
    if first is not None and first.shape[1] == 3:
        raise ValueError('these weights are for RGB images, those for grey ones are needed')
    return converted
