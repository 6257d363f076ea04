"""PIAFusion, Information Fusion 2022: two streams that exchange their differences.

Tang, Yuan, Zhang, Jiang and Ma, "PIAFusion: A progressive infrared and visible image fusion
network based on illumination aware", Information Fusion 83-84, 2022.

The fusion network is here; the classifier of day and night that weights its loss in training
is not. With random weights the output equals that of the authors' TensorFlow code to 2e-5,
which is rounding.

The network works on luma of a limited range, as television has it, of which black is 16/255.
Grey images are brought to that range and back with the authors' factors. One of their weights
of red, green and blue is not that of the standard (green has 0.564, not 0.504), so
:meth:`PIAFusion.fuse` makes the luma of an RGB image by their weights, and levels reach the
network as in their script. That script puts the fused luma under the chroma of the same
formula, where this toolbox takes the usual one; it rounds, as here. Images need two rows and
columns, for reflected borders. Differences between the streams are averaged over the whole
image, so tiles of a large one differ from it: give :class:`FusionInferencer` ``tile=0``.

The weights come as a TensorFlow checkpoint. In an environment that has TensorFlow this makes
the file that the converter takes::

    reader = tf.train.load_checkpoint('checkpoint/PIAFusion/IAFusion.model-29')
    names = reader.get_variable_to_shape_map()
    weights = {name: torch.as_tensor(reader.get_tensor(name)) for name in names}
    torch.save(weights, 'piafusion.pth')
"""

from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from tsjnet_mm.models.fusors.base import BaseFusor
from tsjnet_mm.registry import MODELS

from .renaming import converter_for, rename_entries

#: The authors' weights of red, green and blue, and the level of black.
_WEIGHTS = (0.257, 0.564, 0.098)
_BLACK = 16 / 255


def _layer(in_channels, out_channels, size=3):
    conv = nn.Conv2d(in_channels, out_channels, size, padding=size // 2, padding_mode='reflect')
    return nn.Sequential(conv, nn.LeakyReLU(0.2, inplace=True))


def _exchange(ir, vi):
    difference = vi - ir
    share = difference.mean((2, 3), keepdim=True).sigmoid()
    return ir - share * difference, vi + (1 - share) * difference


@MODELS.register_module()
class PIAFusion(BaseFusor):
    """One encoder for both images, whose streams exchange differences, and a plain decoder.

    Args:
        channels (int): Channels of the first two convolutions of a stream; each of the next
            has twice as many. Defaults to 16.
        **options: ``data_preprocessor`` and ``init_cfg``, see :class:`BaseFusor`.
    """

    #: Reflection needs a second row and column.
    min_size = 2

    def __init__(self, channels: int = 16, **options: Any) -> None:
        super().__init__(**options)
        self.ir_stem = _layer(1, channels, 1)
        self.vi_stem = _layer(1, channels, 1)
        widths = [channels, *(channels << level for level in range(4))]
        self.encoder = nn.ModuleList(_layer(*pair) for pair in pairwise(widths))
        widths = [2 * widths[-1], *(2 * width for width in reversed(widths[1:]))]
        self.decoder = nn.Sequential(
            *(_layer(*pair) for pair in pairwise(widths)), nn.Conv2d(widths[-1], 1, 1)
        )

    def fuse(self, ir: Tensor, vi: Tensor) -> Tensor:
        """See :meth:`BaseFusor.fuse`; RGB becomes grey by the authors' weights."""
        if (
            torch.is_tensor(vi)
            and vi.is_floating_point()
            and vi.dim() == 4
            and vi.shape[1] == 3
        ):
            weights = vi.new_tensor(_WEIGHTS).view(3, 1, 1) / sum(_WEIGHTS)
            vi = (weights * vi).sum(1, keepdim=True)
        return super().fuse(ir, vi)

    def fuse_luma(self, ir: Tensor, vi: Tensor) -> Tensor:
        """See :meth:`BaseFusor.fuse_luma`."""
        ir, vi = self.ir_stem(ir), self.vi_stem(sum(_WEIGHTS) * vi + _BLACK)
        for layer in self.encoder[:-1]:
            ir, vi = _exchange(layer(ir), layer(vi))
        ir, vi = self.encoder[-1](ir), self.encoder[-1](vi)
        fused = torch.tanh(self.decoder(torch.cat((vi, ir), dim=1))) / 2 + 0.5
        return 1.164 * (fused - _BLACK)


_RULES = (
    (r'PIAFusion/encoder/conv5x5_(ir|vi)/(.*)', r'\1_stem.0.\2'),
    *(
        (rf'PIAFusion/{published}/(.*)', rf'{name}.\1')
        for layer in range(4)
        for published, name in (
            (f'encoder/Conv{layer + 1}/conv3x3', f'encoder.{layer}.0'),
            (f'decoder/conv{layer + 1}', f'decoder.{layer}.0'),
        )
    ),
    (r'PIAFusion/decoder/conv1x1/(.*)', r'decoder.4.\1'),
    (r'classifier/.*', None),
)


@converter_for(PIAFusion)
def convert_piafusion(state_dict: dict[str, Tensor]) -> dict[str, Tensor]:
    """The authors' state dict for :class:`PIAFusion`, without the classifier."""
    converted = {}
    for name, value in rename_entries(state_dict, _RULES).items():
        if name.endswith('.kernel'):
            if value.dim() != 4:
                raise ValueError(f'expected a kernel of 4 dimensions for {name}')
            # From rows, columns, inputs, outputs.
            name = name.removesuffix('kernel') + 'weight'
            value = value.permute(3, 2, 0, 1).contiguous()
        converted[name] = value
    return converted
