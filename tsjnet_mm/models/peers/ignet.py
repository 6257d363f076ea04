"""IGNet, ACM MM 2023: a graph whose nodes are features of different reach.

Li, Chen, Liu and Ma, "Learning a Graph Neural Network with Cross Modality Interaction for Image
Fusion", ACM Multimedia 2023.

The whole published network is here, less an attention of 768 weights that it never computes.
With random weights the output equals that of the authors' code to 1e-6 of its range; with the
published ones it was not compared. Where that code does other than one may expect, it is done
the same way:

- The infrared encoder multiplies its last two poolings, the visible one adds them.
- Both graph steps of a scale share their weights, and so do both of its exchanges between the
  images.
- Of the two maps that weigh the other nodes in a message, the first weighs the even channels of
  both nodes, and the second the odd ones.

The authors' code takes only images whose sides are multiples of 8. Others are continued here at
the right and below by reflection, and the result is cropped.

The output is clipped to [0, 1] and not rescaled. The authors' script puts it under the visible
chroma, clips the RGB image, stretches it between its extremes and cuts the fraction of a level
off. Nothing is stretched here; ``stretch`` of :class:`FusionInferencer` does so to the luma.
Attention depends on the whole image: tiles of a large one differ from it, and
:class:`FusionInferencer` has ``tile=0`` against it.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tsjnet_mm.models.fusors.base import BaseFusor
from tsjnet_mm.models.layers import pad_to_multiple
from tsjnet_mm.registry import MODELS

from .renaming import converter_for, rename_entries

_DILATIONS = (4, 8, 16)


def _conv_norm(in_channels, out_channels, dilation=1):
    conv = nn.Conv2d(
        in_channels, out_channels, 3, padding=dilation, dilation=dilation, bias=False
    )
    return nn.Sequential(conv, nn.BatchNorm2d(out_channels), nn.ReLU(inplace=True))


def _conv_leaky(in_channels, out_channels):
    conv = nn.Conv2d(in_channels, out_channels, 3, padding=1)
    return nn.Sequential(conv, nn.LeakyReLU(0.2, inplace=True))


class Encoder(nn.Module):
    """Features of one image at a half, a quarter and an eighth of its size.

    Args:
        channels (Sequence[int]): Channels of the four convolutions; the last a multiple of 16.
        multiplied (bool): The last two poolings, maximum and mean, are multiplied, not added.
    """

    def __init__(self, channels: Sequence[int], multiplied: bool) -> None:
        super().__init__()
        self.multiplied = multiplied
        self.convs = nn.ModuleList(map(_conv_leaky, (1, *channels[:-1]), channels))
        squeezed = channels[-1] // 16
        self.attention = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(channels[-1], squeezed, bias=False),
            nn.ReLU(inplace=True),
            nn.Linear(squeezed, channels[-1], bias=False),
            nn.Sigmoid(),
        )

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Encode.

        Args:
            image (Tensor): (B, 1, H, W), sides that are multiples of 8.

        Returns:
            tuple[Tensor, Tensor, Tensor]: (B, channels[3], H/8, W/8),
            (B, channels[1], H/4, W/4) and (B, channels[0], H/2, W/2).
        """
        fine = F.max_pool2d(self.convs[0](image), 2)
        middle = F.max_pool2d(self.convs[1](fine), 2)
        coarse = self.convs[3](self.convs[2](middle))
        pooled = F.max_pool2d(coarse, 2), F.avg_pool2d(coarse, 2)
        coarse = pooled[0] * pooled[1] if self.multiplied else pooled[0] + pooled[1]
        return coarse * self.attention(coarse)[:, :, None, None], middle, fine


class GraphStep(nn.Module):
    """Each node receives a message of the others and renews itself by a gated unit.

    Args:
        nodes (int): Number of nodes.
        channels (int): Channels of a node.
    """

    def __init__(self, nodes: int, channels: int) -> None:
        super().__init__()
        others = nodes - 1
        self.weigh = nn.Conv2d(channels * others, others, 1, groups=others, bias=False)
        self.gates = nn.Conv2d(2 * channels, 2 * channels, 1)
        self.candidate = nn.Conv2d(2 * channels, channels, 1)
        self.scale = nn.Parameter(torch.zeros(1))

    def _message(self, node, others):
        count, channels = len(others), node.shape[1]
        others = torch.cat(others, dim=1)
        weights = torch.sigmoid(self.weigh(node.repeat(1, count, 1, 1) - others))
        # Channel by channel in turn, not a node's channels by one weight: as published.
        weighted = others * weights.repeat(1, channels, 1, 1)
        return weighted.unflatten(1, (count, channels)).sum(1)

    def _renew(self, node, message):
        gates = torch.sigmoid(self.gates(torch.cat((message, node), dim=1)))
        reset, update = gates.chunk(2, dim=1)
        candidate = torch.tanh(self.candidate(torch.cat((message, reset * node), dim=1)))
        return (1 - update) * node + update * candidate

    def forward(self, nodes: list[Tensor]) -> list[Tensor]:
        """One step, of all nodes at once.

        Args:
            nodes (list[Tensor]): (B, channels, H, W) each.

        Returns:
            list[Tensor]: The same shapes.
        """
        renewed = []
        for index, node in enumerate(nodes):
            message = self._message(node, nodes[:index] + nodes[index + 1 :])
            renewed.append(self._renew(node, message) * self.scale + node)
        return renewed


class _Stream(nn.Module):
    """One image's part of a level: its nodes, its graph, its way to the next level."""

    def __init__(self, in_channels, channels, previous, carried, out_channels):
        super().__init__()
        self.nodes = nn.ModuleList(
            _conv_norm(in_channels, channels, dilation) for dilation in _DILATIONS
        )
        self.attention = nn.Sequential()
        if previous:
            self.attention = nn.Sequential(
                nn.AdaptiveAvgPool2d(1),
                nn.Conv2d(previous, previous // 4, 1, bias=False),
                nn.ReLU(inplace=True),
                nn.Conv2d(previous // 4, channels, 1, bias=False),
                nn.Sigmoid(),
            )
        self.exchange = nn.Conv2d(channels, 1, 1, bias=False)
        self.graph = GraphStep(len(_DILATIONS), channels)
        self.join = _conv_norm(channels * len(_DILATIONS), channels)
        self.expand = _conv_norm(channels + carried, out_channels)

    def start(self, features, previous):
        nodes = [conv(features) for conv in self.nodes]
        if previous is None:
            return nodes
        attention = self.attention(previous)
        return [attention * node + node for node in nodes]

    def finish(self, nodes, carried):
        for _ in range(2):
            nodes = self.graph(nodes)
        joined = self.join(torch.cat(nodes, dim=1))
        carried = torch.cat((joined, carried), dim=1)
        carried = F.interpolate(carried, scale_factor=2, mode='bilinear', align_corners=True)
        return joined, self.expand(carried)


class _Level(nn.Module):
    """Both images' nodes of one scale, which exchange features before their graphs run."""

    def __init__(self, *channels):
        super().__init__()
        self.ir = _Stream(*channels)
        self.vi = _Stream(*channels)

    def _exchange(self, ir, vi):
        for _ in range(2):
            from_ir = ir * torch.sigmoid(self.ir.exchange(ir - vi))
            from_vi = vi * torch.sigmoid(self.vi.exchange(vi - ir))
            ir, vi = from_vi + ir, from_ir + vi
        return ir, vi

    def forward(self, ir, vi, previous, carried):
        nodes = zip(self.ir.start(ir, previous[0]), self.vi.start(vi, previous[1]), strict=True)
        ir_nodes, vi_nodes = zip(*(self._exchange(*pair) for pair in nodes), strict=True)
        ir_joined, ir_carried = self.ir.finish(list(ir_nodes), carried[0])
        vi_joined, vi_carried = self.vi.finish(list(vi_nodes), carried[1])
        return (ir_joined, vi_joined), (ir_carried, vi_carried)


@MODELS.register_module()
class IGNet(BaseFusor):
    """Two encoders, and on each of their three scales a graph for each image.

    Args:
        channels (Sequence[int]): Channels of an encoder's four convolutions. Defaults to
            (128, 256, 384, 512).
        reduction (int): A scale's features have this many times as many channels as its nodes.
            Defaults to 32.
        decoder_channels (Sequence[int]): Channels that leave the three scales, coarsest first.
            Defaults to (128, 32, 4).
        **options: ``data_preprocessor`` and ``init_cfg``, see :class:`BaseFusor`.
    """

    def __init__(
        self,
        channels: Sequence[int] = (128, 256, 384, 512),
        reduction: int = 32,
        decoder_channels: Sequence[int] = (128, 32, 4),
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.ir_encoder = Encoder(channels, multiplied=True)
        self.vi_encoder = Encoder(channels, multiplied=False)
        widths = (channels[3], channels[1], channels[0])
        nodes = [width // reduction for width in widths]
        previous = (0, *nodes[:-1])
        carried = (widths[0], *decoder_channels[:-1])
        self.levels = nn.ModuleList(
            map(_Level, widths, nodes, previous, carried, decoder_channels)
        )
        self.head = nn.Conv2d(2 * decoder_channels[-1], 1, 1)

    def fuse_luma(self, ir: Tensor, vi: Tensor) -> Tensor:
        """See :meth:`BaseFusor.fuse_luma`."""
        height, width = ir.shape[2:]
        ir_features = self.ir_encoder(pad_to_multiple(ir, 8))
        vi_features = self.vi_encoder(pad_to_multiple(vi, 8))
        previous, carried = (None, None), (ir_features[0], vi_features[0])
        for level, *features in zip(self.levels, ir_features, vi_features, strict=True):
            previous, carried = level(*features, previous, carried)
        return self.head(torch.cat(carried, dim=1))[:, :, :height, :width]


def _encoder_rules(published, name):
    return (
        *(
            (rf'{published}\.conv{index}\.(.*)', rf'{name}.convs.{index - 1}.0.\1')
            for index in range(1, 5)
        ),
        (rf'{published}\.fc1\.(.*)', rf'{name}.attention.2.\1'),
        (rf'{published}\.fc2\.(.*)', rf'{name}.attention.4.\1'),
    )


def _stream_rules(level, published, number, name):
    graph, target = rf'graph\.graph\.{level}\.', f'levels.{level}.{name}.'
    # The lists of joining and expanding layers have all scales of one image, then the other's.
    place = level + 3 * number
    return (
        (rf'{graph}ppm_{published}\.convs\.(.*)', rf'{target}nodes.\1'),
        (rf'{graph}graph_{published}\.C_wgt\.(.*)', rf'{target}graph.weigh.\1'),
        (rf'{graph}graph_{published}\.ConvGRU\.ConvGates\.(.*)', rf'{target}graph.gates.\1'),
        (rf'{graph}graph_{published}\.ConvGRU\.Conv_ct\.(.*)', rf'{target}graph.candidate.\1'),
        (rf'{graph}graph_{published}\.gamma', f'{target}graph.scale'),
        (rf'{graph}C_ca\.{number}\.(.*)', rf'{target}attention.\1' if level else None),
        (rf'{graph}C_pa\.{number}\.(.*)', rf'{target}exchange.\1'),
        (rf'graph\.C_cat\.{place}\.(.*)', rf'{target}join.\1'),
        (rf'graph\.C_up\.{place}\.(.*)', rf'{target}expand.\1'),
    )


_RULES = (
    *_encoder_rules('inf_conv', 'ir_encoder'),
    *_encoder_rules('vis_conv', 'vi_encoder'),
    *(rule for level in range(3) for rule in _stream_rules(level, 'rgb', 0, 'ir')),
    *(rule for level in range(3) for rule in _stream_rules(level, 'dep', 1, 'vi')),
    (r'graph\.C_cls\.(.*)', r'head.\1'),
)


#: From the authors' state dict to that of :class:`IGNet`, see :func:`.rename_entries`. It drops
#: the attention of the first scale, which nothing computes.
convert_ignet = converter_for(IGNet)(partial(rename_entries, rules=_RULES))
