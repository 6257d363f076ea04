"""U2Fusion: one densely connected network for several fusion tasks.

Xu, Ma, Jiang, Guo and Ling, "U2Fusion: A Unified Unsupervised Image Fusion Network", IEEE
Transactions on Pattern Analysis and Machine Intelligence 44(1), 2022.

The whole fusion network is here; the VGG-16 that weighs the images' losses in training is not.
Luma in [0, 1] goes in, luma in [0, 1] comes out, as in the published code. Images need two rows
and columns, for reflected borders.

The published code is for TensorFlow 1. Its checkpoint's data file is nothing but the weights as
float32, the variables in the order of their names. One line makes a file of it that this
toolbox reads::

    torch.save(torch.from_file('model.ckpt.data-00000-of-00001', size=659217), 'u2fusion.pth')

Where TensorFlow is at hand, the variables by name will do as well::

    names = [name for name, _ in tf.train.list_variables('model.ckpt')]
    weights = {name: torch.tensor(tf.train.load_variable('model.ckpt', name)) for name in names}
    torch.save(weights, 'u2fusion.pth')

With the published weights the output equals that of the authors' graph on real pairs to 5e-7.
Their script then puts the fused luma under the visible chroma and divides the image by
its largest value. Nothing is stretched here.
"""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from tsjnet_mm.models.fusors.base import BaseFusor
from tsjnet_mm.registry import MODELS

from .renaming import converter_for, rename_entries


def _conv3x3(in_channels, out_channels):
    conv = nn.Conv2d(in_channels, out_channels, 3, padding=1, padding_mode='reflect')
    return nn.Sequential(conv, nn.LeakyReLU(0.2, inplace=True))


@MODELS.register_module()
class U2Fusion(BaseFusor):
    """Densely connected convolutions over both images, then a plain decoder.

    Args:
        channels (int): Channels of the first and of each dense convolution. Defaults to 44.
        depth (int): Number of dense convolutions. Defaults to 5.
        decoder_channels (Sequence[int]): Channels of the decoder's layers but the last, which
            has 1. Defaults to (128, 64, 32).
        **options: ``data_preprocessor`` and ``init_cfg``, see :class:`BaseFusor`.
    """

    #: Reflection needs a second row and column.
    min_size = 2

    def __init__(
        self,
        channels: int = 44,
        depth: int = 5,
        decoder_channels: Sequence[int] = (128, 64, 32),
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.stem = _conv3x3(2, channels)
        self.dense = nn.ModuleList(
            _conv3x3(channels * count, channels) for count in range(1, depth + 1)
        )
        widths = (channels * (depth + 1), *decoder_channels)
        layers = [_conv3x3(*pair) for pair in pairwise(widths)]
        last = nn.Conv2d(widths[-1], 1, 3, padding=1, padding_mode='reflect')
        self.decoder = nn.Sequential(*layers, last)

    def fuse_luma(self, ir: Tensor, vi: Tensor) -> Tensor:
        """See :meth:`BaseFusor.fuse_luma`."""
        features = self.stem(torch.cat((vi, ir), dim=1))
        for layer in self.dense:
            features = torch.cat((layer(features), features), dim=1)
        return torch.tanh(self.decoder(features)) / 2 + 0.5


def _convolutions():
    """TensorFlow's name of each convolution, and its channels, in the checkpoint's order."""
    for index in range(6):
        name = f'dense_block_conv{index}' if index else 'conv1_1'
        yield f'Generator/encoder/{name}', 44 * index or 2, 44
    for index, (in_channels, out_channels) in enumerate(pairwise((264, 128, 64, 32, 1)), 1):
        yield f'Generator_1/decoder/conv2_{index}', in_channels, out_channels


def _by_name(values):
    """Variables of the checkpoint's data file."""
    shapes = {}
    for name, in_channels, out_channels in _convolutions():
        shapes[f'{name}/bias'] = (out_channels,)
        shapes[f'{name}/kernel'] = (3, 3, in_channels, out_channels)
    sizes = [math.prod(shape) for shape in shapes.values()]
    if values.shape != (sum(sizes),):
        raise ValueError(f'expected {sum(sizes)} values, found shape {tuple(values.shape)}')
    return {
        name: part.reshape(shapes[name])
        for name, part in zip(shapes, values.split(sizes), strict=True)
    }


_RULES = (
    (r'Generator/encoder/conv1_1/(.*)', r'stem.0.\1'),
    *(
        (rf'Generator/encoder/dense_block_conv{index}/(.*)', rf'dense.{index - 1}.0.\1')
        for index in range(1, 6)
    ),
    *(
        (rf'Generator_1/decoder/conv2_{index}/(.*)', rf'decoder.{index - 1}.0.\1')
        for index in range(1, 4)
    ),
    (r'Generator_1/decoder/conv2_4/(.*)', r'decoder.3.\1'),
)


@converter_for(U2Fusion)
def convert_u2fusion(
    checkpoint: dict[str, Tensor | np.ndarray] | Tensor | np.ndarray,
) -> dict[str, Tensor]:
    """TensorFlow's variables for :class:`U2Fusion`, kernels with output channels first.

    They come by name, or as all values of the checkpoint's data file in one row.
    """
    if isinstance(checkpoint, np.ndarray | torch.Tensor):
        checkpoint = _by_name(torch.as_tensor(checkpoint))
    if not isinstance(checkpoint, dict):
        raise ValueError(f'expected variables by name, found {type(checkpoint).__name__}')
    variables = {}
    for name, value in checkpoint.items():
        if isinstance(value, np.ndarray):
            value = torch.from_numpy(value)
        if name.endswith('/kernel') and torch.is_tensor(value) and value.dim() == 4:
            name = name.removesuffix('kernel') + 'weight'
            value = value.permute(3, 2, 0, 1).contiguous()
        variables[name] = value
    return rename_entries(variables, _RULES)
