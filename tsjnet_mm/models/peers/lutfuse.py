"""LUT-Fuse, ICCV 2025: a table of fused luma, read at four coordinates of each pixel.

Yi, Zhang, Xiang, Yan, Xu and Ma, "LUT-Fuse: Towards Extremely Fast Infrared and Visible Image
Fusion via Distillation to Learnable Look-Up Tables", ICCV 2025.

The whole method is here: the table and the small network that gives one of its coordinates, the
context; the others are the visible luma, its gradient and the infrared level. What trains them
is not, nor is the dropout before the context's last convolution.

Weights are published in two files. The converter takes one, made of both by::

    context = torch.load('generator_context.pth', map_location='cpu', weights_only=True)
    table = torch.from_numpy(numpy.load('fine_tuned_lut.npy'))
    torch.save({'lut': table, **context}, 'lutfuse.pth')

The table's coordinates and its values are luma, but the context is computed from RGB. Here the
visible luma is repeated to three channels for it. The published context is 1 for nearly every
pixel of any colour: on real pairs in colour, no more than 4 pixels in 100,000 changed by
more than one level. :meth:`LUTFuse.fuse_rgb` takes the colours, as the authors' code does. With
the published weights its luma equals that code's on real pairs to 4e-7, as :meth:`fuse` does
where that code is given the grey image.

That script resizes images to multiples of 16 pixels first, which no part of the method needs,
and clips the RGB image that it makes of the fused luma and the visible chroma. Here the luma is
clipped: where training met no pixel, the table holds values far from luma (-5 to 6).

The context's normalisations and the gradient's stretch depend on the whole image: tiles of a
large one differ from it (:class:`FusionInferencer` has ``tile=0`` against it), and frames of a
video may flicker.
"""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tsjnet_mm.models.fusors.base import BaseFusor
from tsjnet_mm.registry import MODELS
from tsjnet_mm.utils import rgb_to_luma

from .renaming import converter_for, rename_entries

_SOBEL = ((1.0, 0.0, -1.0), (2.0, 0.0, -2.0), (1.0, 0.0, -1.0))
#: Levels of an 8-bit image from one entry of the table to the next.
_LEVELS = 16


def _block(in_channels, out_channels):
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, 3, padding=1),
        nn.LeakyReLU(0.2),
        nn.InstanceNorm2d(out_channels, affine=True),
    )


class Context(nn.Module):
    """A number from 0 to 1 for each pixel, computed from its surroundings.

    Args:
        channels (int): Channels of the convolutions. Defaults to 16.
    """

    def __init__(self, channels: int = 16) -> None:
        super().__init__()
        self.stem = _block(4, channels)
        self.body = nn.Sequential(*(_block(channels, channels) for _ in range(3)))
        self.head = nn.Conv2d(channels, 1, 3, padding=1)

    def forward(self, images: Tensor) -> Tensor:
        """Describe each pixel.

        Args:
            images (Tensor): (B, 4, H, W), RGB and infrared, levels from 0 to 255.

        Returns:
            Tensor: (B, 1, H, W) in [0, 1].
        """
        features = self.stem(images)
        return torch.sigmoid(self.head(self.body(features) + features))


def _relative_gradient(luma):
    """Magnitude of the luma's Sobel gradient, stretched to [0, 1] in each image."""
    sobel = luma.new_tensor(_SOBEL)
    filters = torch.stack((sobel, sobel.T))[:, None]
    gradient = F.conv2d(luma, filters, padding=1).square().sum(1, keepdim=True).sqrt()
    low, high = gradient.amin((2, 3), True), gradient.amax((2, 3), True)
    return (gradient - low) / (high - low + 1e-8)


def interpolate(table: Tensor, positions: Sequence[Tensor]) -> Tensor:
    """Read a table between its entries, linearly along each of its axes.

    Args:
        table (Tensor): Of N axes.
        positions (Sequence[Tensor]): N tensors of one shape: the position along each axis, in
            entries, from 0; beyond the last entry the table is constant.

    Returns:
        Tensor: Values, of the positions' shape.
    """
    flat = table.flatten()
    axes = []
    for size, position in zip(table.shape, positions, strict=True):
        below = position.floor()
        index = below.long()
        axes.append((size, index, (index + 1).clamp(max=size - 1), position - below))

    def read(index, rest):
        if not rest:
            return flat[index]
        (size, below, above, fraction), *rest = rest
        low, high = (read(index * size + entry, rest) for entry in (below, above))
        return low * (1 - fraction) + high * fraction

    return read(0, axes)


@MODELS.register_module()
class LUTFuse(BaseFusor):
    """A table of fused luma: by visible luma, its gradient, context and infrared level.

    Args:
        channels (int): Channels of the context's convolutions. Defaults to 16.
        **options: ``data_preprocessor`` and ``init_cfg``, see :class:`BaseFusor`.
    """

    #: One pixel has no deviation to normalise by.
    min_size = 2

    def __init__(self, channels: int = 16, **options: Any) -> None:
        super().__init__(**options)
        self.context = Context(channels)
        self.table = nn.Parameter(torch.rand((256 // _LEVELS,) * 4))

    def fuse_rgb(self, ir: Tensor, vi: Tensor) -> Tensor:
        """The network alone, with the context of a visible image in colour.

        Args:
            ir (Tensor): (B, 1, H, W) in [0, 1].
            vi (Tensor): (B, 3, H, W) RGB in [0, 1].

        Returns:
            Tensor: Fused luma (B, 1, H, W), not clipped.
        """
        luma = rgb_to_luma(vi)
        context = self.context(255 * torch.cat((vi, ir), dim=1))
        coordinates = (luma, _relative_gradient(luma), context, ir)
        return interpolate(self.table, [image * 255 / _LEVELS for image in coordinates])

    def fuse_luma(self, ir: Tensor, vi: Tensor) -> Tensor:
        """See :meth:`BaseFusor.fuse_luma`."""
        return self.fuse_rgb(ir, vi.expand(-1, 3, -1, -1))


_RULES = (
    (r'lut', 'table'),
    (r'input_layer\.([02])\.(.*)', r'context.stem.\1.\2'),
    (r'mid_layer\.([02])\.(.*)', r'context.body.0.\1.\2'),
    (r'mid_layer\.3\.(.*)', r'context.body.1.0.\1'),
    (r'mid_layer\.5\.(.*)', r'context.body.1.2.\1'),
    (r'mid_layer\.6\.(.*)', r'context.body.2.0.\1'),
    (r'mid_layer\.8\.(.*)', r'context.body.2.2.\1'),
    (r'output_layer\.1\.(.*)', r'context.head.\1'),
)


@converter_for(LUTFuse)
def convert_lutfuse(state_dict: dict[str, Tensor]) -> dict[str, Tensor]:
    """The context network's state dict, and the table as ``lut``, for :class:`LUTFuse`."""
    converted = rename_entries(state_dict, _RULES)
    if 'table' not in converted:
        raise ValueError(
            "the table is missing: torch.save({'lut': table, **context}, path) joins both files"
        )
    converted['table'] = converted['table'].squeeze(-1)
    return converted
