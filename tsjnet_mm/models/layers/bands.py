"""Bottlenecks of wide features in bands of rows: the same result, less memory traffic.

A full-resolution feature of 512 channels does not fit into the cache, and the operating system
allocates its memory page by page each time. If no gradient is needed, a bottleneck is computed
in bands of rows that fit into the cache and into memory that the allocator reuses. Only the
splits, which need a mean over the whole image, and the result are stored in full.

One trunk of the ``official`` preset, at 640x480 on one core of a CPU: 15.2 s and 1.2 GB with
bands, 20.2 s and 2.0 GB without (``python benchmarks/bands.py``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

if TYPE_CHECKING:
    from .split_attention import ResNeStBottleneck

#: Bytes of a band of the output.
BAND_BYTES = 2**24
#: Bytes of an output below which bands bring nothing.
SMALL_BYTES = 2**26


def works_in_bands(block: ResNeStBottleneck, x: Tensor) -> bool:
    """Whether a bottleneck should be computed in bands for an input.

    Args:
        block (ResNeStBottleneck): The block.
        x (Tensor): (B, C, H, W).

    Returns:
        bool: The block is in evaluation mode (batch statistics need the whole batch), on a
        CPU, without gradients, and its output is large.
    """
    if torch.compiler.is_compiling() or torch.is_grad_enabled():
        return False
    if block.training or x.device.type != 'cpu':
        return False
    return x[0, 0].numel() * block.out_channels * x.element_size() > SMALL_BYTES


def _with_context(x, start, stop, reach):
    """Rows ``start - reach`` to ``stop + reach`` of an image, and how many rows are missing."""
    above, below = max(0, reach - start), max(0, stop + reach - x.shape[2])
    return x[:, :, start - reach + above : stop + reach - below], above, below


def _splits(block, x, start, stop):
    """Rows of the splits: 1x1 convolution, then the 3x3 one, which reaches a row further."""
    convolution, *rest = block.conv2.radix_conv
    band, above, below = _with_context(x, start, stop, 1)
    band = F.pad(block.conv1(band), (0, 0, above, below))
    band = F.conv2d(
        band,
        convolution.weight,
        convolution.bias,
        padding=(0, 1),
        groups=convolution.groups,
    )
    for layer in rest:
        band = layer(band)
    return band


def _shortcut(block, x, start, stop):
    """Rows of the shortcut, whose max-pooling reaches a row further."""
    band, above, below = _with_context(x, start, stop, 1)
    return block.shortcut(band)[:, :, 1 - above : band.shape[2] - 1 + below]


def bottleneck_in_bands(block: ResNeStBottleneck, x: Tensor) -> Tensor:
    """Compute ``block(x)`` in evaluation mode.

    Args:
        block (ResNeStBottleneck): The block.
        x (Tensor): (B, C, H, W). Overwritten if the block has no shortcut convolution: the
            result then takes its place.

    Returns:
        Tensor: (B, block.out_channels, H, W), channels last.
    """
    out = x
    if block.out_channels != x.shape[1]:
        out = torch.empty(
            (len(x), block.out_channels, *x.shape[2:]),
            dtype=x.dtype,
            memory_format=torch.channels_last,
        )
    for image, result in zip(x.split(1), out.split(1), strict=True):
        _bottleneck_of_one(block, image, result)
    return out


def _bottleneck_of_one(block, x, out):
    height, width = x.shape[2:]
    rows = max(1, BAND_BYTES // (block.out_channels * width * x.element_size()))
    bands = [(start, min(start + rows, height)) for start in range(0, height, rows)]
    splits = None
    total = 0
    for start, stop in bands:
        band = _splits(block, x, start, stop)
        total = total + band.sum((2, 3), keepdim=True, dtype=torch.float32)
        if splits is None:
            splits = torch.empty(
                (1, band.shape[1], height, width),
                dtype=band.dtype,
                memory_format=torch.channels_last,
            )
        splits[:, :, start:stop] = band
    weights = block.conv2.weigh((total / (height * width)).to(x.dtype))
    for start, stop in bands:
        band = block.conv3(block.conv2.combine(splits[:, :, start:stop], weights))
        band = band.add_(_shortcut(block, x, start, stop)).relu_()
        out[:, :, start:stop] = band
