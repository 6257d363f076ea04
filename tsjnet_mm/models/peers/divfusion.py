"""DIVFusion, Information Fusion 2023: fusion that also brightens dark scenes.

Tang, Xiang, Zhang, Gong and Ma, "DIVFusion: Darkness-free infrared and visible image fusion",
Information Fusion 91, 2023.

The network that the authors' test script runs is here, which is less than the paper's, and less
than what they trained. With random weights its output equals that of their TensorFlow code, run
in 64 bits, to 3e-6; in 32 bits that code's own rounding comes to 5e-5. Luma in [0, 1] goes in,
luma in [0, 1] comes out, which has the same mean and spread before the last sigmoid whatever
the scene:

- That script restores the convolutions but neither scale nor shift of the normalisations, and
  normalises by the statistics of the one image it fuses.
- So the biases before them have no effect, and the channel attentions, which average normalised
  features, are 1/256 for each channel of any image. With them infrared and visible features are
  the same, the encoder's.
- The two kinds of gradients are filtered from the sum of all channels, and the same in each.

Here each of these is computed once; the converter sums the weights that belong to copies. The
decoders that separate illumination from the scene only help training, and are left out.

The script then puts the fused luma under the visible chroma and cuts the fraction of a level
off, where this toolbox rounds. As the statistics are those of the whole image, tiles of a large
image differ from it (give :class:`FusionInferencer` ``tile=0``), and frames of a video may
flicker.

The weights come as two TensorFlow checkpoints. In an environment that has TensorFlow this makes
the one file that the converter takes::

    weights = {}
    for folder in ('checkpoint/decom_net_train', 'checkpoint/enhance_train'):
        reader = tf.train.load_checkpoint(folder + '/model.ckpt')
        for name in reader.get_variable_to_shape_map():
            weights[name] = torch.as_tensor(reader.get_tensor(name))
    torch.save(weights, 'divfusion.pth')
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tsjnet_mm.models.fusors.base import BaseFusor
from tsjnet_mm.registry import MODELS

from .renaming import converter_for, rename_entries

#: The authors have 1e-5, but their TensorFlow (1.14) takes no less than this.
_EPSILON = 1.001e-5


def _conv_norm(in_channels, out_channels, size=3):
    return (
        nn.Conv2d(in_channels, out_channels, size, padding=size // 2, bias=False),
        nn.InstanceNorm2d(out_channels, eps=_EPSILON),
    )


def _layer(in_channels, out_channels, size=3):
    return nn.Sequential(
        *_conv_norm(in_channels, out_channels, size), nn.LeakyReLU(0.2, inplace=True)
    )


def _stretch(image):
    low, high = image.amin((1, 2, 3), True), image.amax((1, 2, 3), True)
    return (image - low) / (high - low + 1e-4)


class GradientRetention(nn.Module):
    """Convolutions over features to which first and second derivatives are added.

    Args:
        channels (int): Channels of the input and the output, a multiple of 2.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        half = channels // 2
        self.refine = nn.Sequential(
            _layer(channels, channels),
            _layer(channels, channels),
            nn.Sequential(*_conv_norm(channels, half, 1)),
        )
        self.edges = nn.Sequential(*_conv_norm(1, half, 1))
        laplacian = torch.tensor([[0.0, 1.0, 0.0], [1.0, -4.0, 1.0], [0.0, 1.0, 0.0]])
        self.register_buffer('laplacian', laplacian[None, None], persistent=False)

    def forward(self, features: Tensor) -> Tensor:
        """Refine features.

        Args:
            features (Tensor): (B, channels, H, W).

        Returns:
            Tensor: (B, channels, H, W): one half refined features, one half their edges.
        """
        total = features.sum(1, keepdim=True)
        curvature = _stretch(F.conv2d(total, self.laplacian, padding=1).abs())
        # Both differences end in the pixel below and to the right; the image ends in zeros.
        padded = F.pad(total, (0, 1, 0, 1))
        corner = padded[..., 1:, 1:]
        across = _stretch((corner - padded[..., 1:, :-1]).abs())
        down = _stretch((corner - padded[..., :-1, 1:]).abs())
        return torch.cat((self.refine(features + curvature), self.edges(across + down)), dim=1)


class ContrastEnhancement(nn.Module):
    """Convolutions of four sizes, each channel weighted by its standard deviation.

    Args:
        channels (int): Channels of the input and the output, a multiple of 4.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.scales = nn.ModuleList(
            _layer(channels, channels // 4, size) for size in (3, 5, 7, 1)
        )

    def forward(self, features: Tensor) -> Tensor:
        """Enhance features.

        Args:
            features (Tensor): (B, channels, H, W).

        Returns:
            Tensor: (B, channels, H, W).
        """
        features = torch.cat([scale(features) for scale in self.scales], dim=1)
        return features * features.std((2, 3), correction=0, keepdim=True)


@MODELS.register_module()
class DIVFusion(BaseFusor):
    """An encoder of both images, retention of gradients, enhancement of contrast, a decoder.

    Args:
        channels (int): Channels of most features, a multiple of 8. Defaults to 256.
        **options: ``data_preprocessor`` and ``init_cfg``, see :class:`BaseFusor`.
    """

    #: One pixel has no statistics.
    min_size = 2

    def __init__(self, channels: int = 256, **options: Any) -> None:
        super().__init__(**options)
        self.encoder = nn.Sequential(
            _layer(2, channels // 4),
            _layer(channels // 4, channels // 2),
            _layer(channels // 2, channels),
            _layer(channels, channels),
        )
        self.merge = _layer(channels, channels, 1)
        self.gradient = GradientRetention(channels)
        self.contrast = ContrastEnhancement(channels)
        self.decoder = nn.Sequential(
            _layer(channels, channels // 2),
            _layer(channels // 2, channels // 4),
            _layer(channels // 4, channels // 8),
            nn.Sequential(*_conv_norm(channels // 8, 1), nn.Sigmoid()),
        )

    def fuse_luma(self, ir: Tensor, vi: Tensor) -> Tensor:
        """See :meth:`BaseFusor.fuse_luma`."""
        features = self.merge(self.encoder(torch.cat((vi, ir), dim=1)))
        return self.decoder(self.contrast(self.gradient(features)))


# The script takes the encoder from the first checkpoint, though training moved it after that.
_RULES = (
    (r'.*/b[1-4]|.*/BatchNorm(?:_1)?/(?:beta|gamma)', None),
    (r'DecomNet/(?:decoder_(?:ir|vi_l|l)/layer[1-4]|CAM_(?:IR|VI_E|L)/layer)/w[1-4]', None),
    (r'enhance/(?:encoder/layer[1-4]|CAM_(?:IR|VI_E)/layer)/w[1-4]', None),
    (r'enhance/layer/w1', 'merge.0.weight'),
    (r'enhance/gradient_model/layer_sobel/layer_1/w1', 'gradient.edges.0.weight'),
    *(
        (rf'{published}{layer}/w(?:1|{layer})', f'{name}.{layer - 1}.0.weight')
        for published, name, layers in (
            ('DecomNet/encoder/layer', 'encoder', 4),
            ('enhance/gradient_model/layer_', 'gradient.refine', 3),
            ('enhance/contrast_model/layer_', 'contrast.scales', 4),
            ('enhance/decoder/layer', 'decoder', 4),
        )
        for layer in range(1, layers + 1)
    ),
)


@converter_for(DIVFusion)
def convert_divfusion(state_dict: dict[str, Tensor]) -> dict[str, Tensor]:
    """Both of the authors' checkpoints, their names unchanged, for :class:`DIVFusion`.

    What has no effect is left out.
    """
    converted = rename_entries(state_dict, _RULES)
    for name, value in converted.items():
        if value.dim() != 4:
            raise ValueError(f'expected a kernel of 4 dimensions for {name}')
        # From rows, columns, inputs, outputs.
        kernel = value.permute(3, 2, 0, 1)
        if name == 'merge.0.weight':
            # Inputs are first infrared, then visible features, all weighted alike.
            kernel = kernel.unflatten(1, (2, -1)).sum(1) / (kernel.shape[1] // 2)
        elif name == 'gradient.edges.0.weight':
            kernel = kernel.sum(1, keepdim=True)
        converted[name] = kernel.contiguous()
    return converted
