"""ESPNetv2 for segmentation (Mehta et al., CVPR 2019) as a backbone and a head of mmseg.

The networks of the authors' EdgeNets, at any width. mmseg builds them by the types
``tsjnet_mm.ESPNetv2`` and ``tsjnet_mm.ESPNetv2Head`` once this module is imported, which
:class:`~tsjnet_mm.models.drivers.SegmentationDriver` does; another program of mmseg needs
``custom_imports=dict(imports=['tsjnet_mm.models.drivers.espnetv2'])`` in its config.
"""

import math
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from torch import Tensor, nn

from tsjnet_mm.registry import MODELS

#: Branches of a unit, and groups of its convolutions of size 1.
_BRANCHES = 4
#: Sizes, relative to its input, at which a pyramid pooling filters.
_SCALES = (2.0, 1.5, 1.0, 0.5, 0.1)
#: Smallest height and width that a pyramid pooling reduces its input to.
_MIN_POOLED = 5


def _conv_norm(in_channels, channels, kernel, stride=1, groups=1, activate=True):
    """Convolution and normalisation, with PReLU where it is activated."""
    layers = [
        nn.Conv2d(
            in_channels, channels, kernel, stride, kernel // 2, groups=groups, bias=False
        ),
        nn.BatchNorm2d(channels),
    ]
    return nn.Sequential(*layers, nn.PReLU(channels)) if activate else nn.Sequential(*layers)


def _norm_act(channels):
    return nn.Sequential(nn.BatchNorm2d(channels), nn.PReLU(channels))


def _resize(x, size):
    return F.interpolate(x, size, mode='bilinear', align_corners=True)


def _half(x):
    return F.avg_pool2d(x, 3, stride=2, padding=1)


class _Unit(nn.Module):
    """EESP: depth-wise convolutions of several dilations, summed one after the other."""

    def __init__(self, in_channels, channels, dilations, stride=1):
        super().__init__()
        width = channels // _BRANCHES
        self.reduce = _conv_norm(in_channels, width, 1, groups=_BRANCHES)
        self.branches = nn.ModuleList(
            nn.Conv2d(width, width, 3, stride, rate, rate, groups=width, bias=False)
            for rate in dilations
        )
        self.merge = _norm_act(channels)
        self.expand = _conv_norm(channels, channels, 1, groups=_BRANCHES, activate=False)

    def forward(self, x):
        x = self.reduce(x)
        sums = [self.branches[0](x)]
        for branch in self.branches[1:]:
            sums.append(branch(x) + sums[-1])
        return self.expand(self.merge(torch.cat(sums, 1)))


class _Residual(nn.Module):
    def __init__(self, channels, dilations):
        super().__init__()
        self.unit = _Unit(channels, channels, dilations)
        self.act = nn.PReLU(channels)

    def forward(self, x):
        return self.act(x + self.unit(x))


class _Downsample(nn.Module):
    """Half the size: the pooled input and a unit of it, plus the projected small image."""

    def __init__(self, in_channels, channels, dilations):
        super().__init__()
        self.unit = _Unit(in_channels, channels - in_channels, dilations, stride=2)
        self.image = nn.Sequential(
            _conv_norm(3, 3, 3), _conv_norm(3, channels, 1, activate=False)
        )
        self.act = nn.PReLU(channels)

    def forward(self, x, image):
        return self.act(torch.cat([_half(x), self.unit(x)], 1) + self.image(image))


@MODELS.register_module()
class ESPNetv2(BaseModule):
    """The encoder of ESPNetv2.

    Args:
        widths (Sequence[int]): Channels at strides 2, 4, 8 and 16. Defaults to those of the
            authors' scale 2.0.
        depths (Sequence[int]): Units at strides 8 and 16 after the one that halves the size.
            Defaults to (3, 7).
        init_cfg (dict, optional): Initialisation, see mmengine's ``BaseModule``.
    """

    def __init__(
        self,
        widths: Sequence[int] = (32, 128, 256, 512),
        depths: Sequence[int] = (3, 7),
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        first, second, third, fourth = widths
        wide, narrow = (1, 2, 3, 4), (1, 1, 2, 3)
        self.stem = _conv_norm(3, first, 3, stride=2)
        self.down2 = _Downsample(first, second, wide)
        self.down3 = _Downsample(second, third, wide)
        self.stage3 = nn.Sequential(*(_Residual(third, wide) for _ in range(depths[0])))
        self.down4 = _Downsample(third, fourth, wide)
        self.stage4 = nn.Sequential(*(_Residual(fourth, narrow) for _ in range(depths[1])))

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Features of four strides.

        Args:
            x (Tensor): (B, 3, H, W), normalised; H and W multiples of 16.

        Returns:
            tuple[Tensor, ...]: At strides 2, 4, 8 and 16.
        """
        image = _half(_half(x))
        first = self.stem(x)
        second = self.down2(first, image)
        image = _half(image)
        third = self.stage3(self.down3(second, image))
        fourth = self.stage4(self.down4(third, _half(image)))
        return first, second, third, fourth


class _PyramidPooling(nn.Module):
    """Filter the features at several sizes, and merge channel by channel."""

    def __init__(self, in_channels, channels):
        super().__init__()
        count = len(_SCALES)
        self.reduce = _conv_norm(in_channels, channels, 1)
        self.filters = nn.ModuleList(
            nn.Conv2d(channels, channels, 3, padding=1, groups=channels, bias=False)
            for _ in _SCALES
        )
        self.norm = _norm_act(channels * count)
        self.merge = _conv_norm(channels * count, channels, 3, groups=channels)

    def forward(self, x):
        x = self.reduce(x)
        size = x.shape[-2:]
        outs = []
        for scale, convolution in zip(_SCALES, self.filters, strict=True):
            scaled = [max(_MIN_POOLED, math.ceil(length * scale)) for length in size]
            if scale < 1:
                out = _resize(convolution(F.adaptive_avg_pool2d(x, scaled)), size)
            elif scale > 1:
                out = F.adaptive_avg_pool2d(convolution(_resize(x, scaled)), size)
            else:
                out = convolution(x)
            outs.append(out)
        # The sizes of each channel stand together after the shuffle: a group of `merge`.
        x = self.norm(torch.cat(outs, 1))
        x = x.unflatten(1, (len(_SCALES), -1)).transpose(1, 2).flatten(1, 2)
        return self.merge(x)


class _Gated(nn.Module):
    """Features of the encoder, projected and weighted by channel."""

    def __init__(self, in_channels, channels):
        super().__init__()
        self.gate = nn.Conv2d(in_channels, channels, 1, bias=False)
        self.project = _conv_norm(
            in_channels, channels, 3, groups=math.gcd(in_channels, channels)
        )

    def forward(self, x):
        gate = self.gate(F.adaptive_avg_pool2d(x, 1)).sigmoid()
        return self.project(x) * gate


@MODELS.register_module()
class ESPNetv2Head(BaseDecodeHead):
    """The decoder of ESPNetv2: from the coarsest features up, by pyramid poolings.

    Args:
        in_channels (Sequence[int]): Those of :class:`ESPNetv2`.
        channels (int): Of the features before the classes. Defaults to 10, that of 20 classes.
        widths (Sequence[int]): Channels of the decoder at strides 16, 8 and 4. Defaults to
            (64, 48, 32), those of the authors for Cityscapes.
        **options: ``num_classes`` and ``loss_decode``, see mmseg's ``BaseDecodeHead``.
    """

    def __init__(
        self,
        in_channels: Sequence[int] = (32, 128, 256, 512),
        channels: int = 10,
        widths: Sequence[int] = (64, 48, 32),
        **options: Any,
    ) -> None:
        fixed = {
            'in_index': tuple(range(len(in_channels))),
            'input_transform': 'multiple_select',
            'dropout_ratio': 0,
            'align_corners': True,
        }
        super().__init__(in_channels, channels, **fixed, **options)
        inputs = (in_channels[-1], *widths)
        self.poolings = nn.ModuleList(_PyramidPooling(width, channels) for width in inputs)
        self.outputs = nn.ModuleList(
            nn.Sequential(nn.Conv2d(channels, width, 1, bias=False), *_norm_act(width))
            for width in widths
        )
        self.laterals = nn.ModuleList(
            _Gated(lateral, width)
            for lateral, width in zip(in_channels[-2::-1], widths, strict=True)
        )
        self.norms = nn.ModuleList(_norm_act(width) for width in widths)

    def forward(self, inputs: tuple[Tensor, ...]) -> Tensor:
        """Logits at half the size of the image.

        Args:
            inputs (tuple[Tensor, ...]): What :class:`ESPNetv2` returns.

        Returns:
            Tensor: (B, num_classes, H / 2, W / 2).
        """
        *finer, x = self._transform_inputs(inputs)
        steps = zip(self.outputs, self.laterals, self.norms, finer[::-1], strict=True)
        x = self.poolings[0](x)
        for index, (output, lateral, norm, features) in enumerate(steps, start=1):
            x = _resize(output(x), features.shape[-2:]) + lateral(features)
            x = self.poolings[index](norm(x))
        return self.cls_seg(x)
