"""LRRNet: low-rank and salient codes by unrolled soft thresholding.

Li, Xu, Wu, Lu and Kittler, "LRRNet: A Novel Representation Learning Guided Fusion Network for
Infrared and Visible Images", IEEE Transactions on Pattern Analysis and Machine Intelligence
45(9), 2023.

The whole published network is here, as the authors' code has it: four iterations for each
image, 128 channels a code. Images need two rows and columns, for reflected borders.

The network alone gives values that mean nothing as levels (about 0.02 to 0.27): the authors
stretch each input and each output between its own extremes, in training as in their test
script, and :class:`LRRNet` does so too, unless ``normalised=False``. Their script then cuts the
fraction of a level off, where this toolbox rounds. The stretch depends on the whole image:
tiles are stretched each by itself (:class:`FusionInferencer` has ``tile=0`` against it), and
frames of a video may flicker.

With the published weights the network's output equals that of the authors' code on real pairs
to 2e-7. One published threshold is negative, and there the shrinkage jumps at 0: inputs that
differ in the last bit may give outputs that differ by 1e-4.
"""

from typing import Any

import torch
from torch import Tensor, nn

from tsjnet_mm.models.fusors.base import BaseFusor
from tsjnet_mm.registry import MODELS

from .renaming import converter_for, rename_entries


def _conv3x3(in_channels, out_channels):
    return nn.Conv2d(in_channels, out_channels, 3, padding=1, padding_mode='reflect')


def _soft_threshold(code, threshold):
    # In place, since a code of 256 channels is large. A learned threshold may be negative.
    return code.abs().sub_(threshold).clamp_(min=0).copysign_(code)


def _stretch(image):
    low, high = image.amin((1, 2, 3), True), image.amax((1, 2, 3), True)
    return (image - low) / (high - low + 1e-5)


class _Iteration(nn.Module):
    """The two dictionaries of one iteration: from a code to the image, and back."""

    def __init__(self, channels):
        super().__init__()
        self.synthesis = _conv3x3(channels, 1)
        self.analysis = _conv3x3(1, channels)


class LowRankSparseEncoder(nn.Module):
    """Codes of one image: a learned iteration of soft thresholding.

    Args:
        channels (int): Channels of each of the two codes. Defaults to 128.
        iterations (int): Number of iterations. Defaults to 4.
    """

    def __init__(self, channels: int = 128, iterations: int = 4) -> None:
        super().__init__()
        self.first = _conv3x3(1, 2 * channels)
        self.threshold = nn.Parameter(torch.rand(2 * channels, 1, 1))
        self.decay = nn.Parameter(torch.rand(()))
        self.iterations = nn.ModuleList(_Iteration(2 * channels) for _ in range(iterations))

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Encode.

        Args:
            image (Tensor): (B, 1, H, W).

        Returns:
            tuple[Tensor, Tensor]: The low-rank and the salient code, (B, channels, H, W) each.
        """
        code = _soft_threshold(self.first(image), self.threshold)
        for step in self.iterations:
            update = step.analysis(image - step.synthesis(code))
            code = _soft_threshold(update.addcmul_(code, self.decay), self.threshold)
        return code.chunk(2, dim=1)


@MODELS.register_module()
class LRRNet(BaseFusor):
    """Low-rank and salient codes of both images, each kind fused by convolutions.

    Args:
        normalised (bool): Stretch each input and each fused image between its own extremes, as
            the authors do. Defaults to True.
        **options: ``data_preprocessor`` and ``init_cfg``, see :class:`BaseFusor`.
    """

    #: Reflection needs a second row and column.
    min_size = 2

    def __init__(self, normalised: bool = True, **options: Any) -> None:
        super().__init__(**options)
        self.normalised = normalised
        self.ir_encoder = LowRankSparseEncoder()
        self.vi_encoder = LowRankSparseEncoder()
        self.ir_low_rank = _conv3x3(128, 1)
        self.ir_salient = _conv3x3(128, 1)
        self.vi_low_rank = _conv3x3(128, 1)
        self.vi_salient = _conv3x3(128, 1)
        self.low_rank = _conv3x3(2, 1)
        self.salient = _conv3x3(2, 1)

    def fuse_raw(self, ir: Tensor, vi: Tensor) -> Tensor:
        """The network alone.

        Args:
            ir (Tensor): (B, 1, H, W) in [0, 1].
            vi (Tensor): The same.

        Returns:
            Tensor: (B, 1, H, W), of no certain range.
        """
        # One image after the other, and the codes dropped between them: they are large.
        ir_low_rank, ir_salient = self.ir_encoder(ir)
        ir_low_rank, ir_salient = self.ir_low_rank(ir_low_rank), self.ir_salient(ir_salient)
        vi_low_rank, vi_salient = self.vi_encoder(vi)
        vi_low_rank, vi_salient = self.vi_low_rank(vi_low_rank), self.vi_salient(vi_salient)
        low_rank = self.low_rank(torch.cat((ir_low_rank, vi_low_rank), dim=1))
        return low_rank + self.salient(torch.cat((ir_salient, vi_salient), dim=1))

    def fuse_luma(self, ir: Tensor, vi: Tensor) -> Tensor:
        """See :meth:`BaseFusor.fuse_luma`."""
        if not self.normalised:
            return self.fuse_raw(ir, vi)
        ir, vi = (_stretch(255 * image) for image in (ir, vi))
        return _stretch(self.fuse_raw(ir, vi))


def _encoder_rules(published, name):
    step = rf'{published}\.lrrblock([0-3])\.'
    return (
        (rf'{published}\.lamj', f'{name}.threshold'),
        (rf'{published}\.lamz', f'{name}.decay'),
        (rf'{published}\.conv_W00\.conv2d\.(.*)', rf'{name}.first.\1'),
        (rf'{step}conv_Wdz\.conv2d\.(.*)', rf'{name}.iterations.\1.synthesis.\2'),
        (rf'{step}conv_Wdtz\.conv2d\.(.*)', rf'{name}.iterations.\1.analysis.\2'),
    )


_RULES = (
    *_encoder_rules('get_ls1', 'ir_encoder'),
    *_encoder_rules('get_ls2', 'vi_encoder'),
    (r'decoder\.conv_ReZx\.conv2d\.(.*)', r'ir_low_rank.\1'),
    (r'decoder\.conv_ReUx\.conv2d\.(.*)', r'ir_salient.\1'),
    (r'decoder\.conv_ReZy\.conv2d\.(.*)', r'vi_low_rank.\1'),
    (r'decoder\.conv_ReUy\.conv2d\.(.*)', r'vi_salient.\1'),
    (r'decoder\.conv_ReL\.conv2d\.(.*)', r'low_rank.\1'),
    (r'decoder\.conv_ReH\.conv2d\.(.*)', r'salient.\1'),
)


@converter_for(LRRNet)
def convert_lrrnet(state_dict: dict[str, Tensor]) -> dict[str, Tensor]:
    """The authors' state dict for :class:`LRRNet`."""
    converted = rename_entries(state_dict, _RULES)
    for name, value in converted.items():
        if name.endswith('.threshold'):
            converted[name] = value.reshape(-1, 1, 1)
        elif name.endswith('.decay') and value.numel() == 1:
            converted[name] = value.reshape(())
    return converted
