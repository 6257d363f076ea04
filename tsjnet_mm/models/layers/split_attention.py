"""ResNeSt (Zhang et al., 2022) at full resolution: the trunk of TSJNet's encoder and decoder.

Differs from the classification network: no pooling in the stem and one stage only, so the
resolution is kept (or halved once, by option); the shortcut of a widening block starts with a
3x3 max-pool, as in the authors' release of TSJNet.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .bands import bottleneck_in_bands, works_in_bands
from .gradient_checkpoint import checkpoint


class PooledBatchNorm2d(nn.BatchNorm2d):
    """Batch normalisation that also trains on a single value per channel.

    A single pooled image in a batch (the last of an epoch) has no variance: it is normalised by
    the running statistics, which do not change.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Normalise (B, C, H, W)."""
        if self.training and x.shape[0] * x.shape[2] * x.shape[3] == 1:
            return F.batch_norm(
                x, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps
            )
        return super().forward(x)


def _conv_norm_relu(in_channels, out_channels, kernel_size, norm=nn.BatchNorm2d, **kwargs):
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, kernel_size, padding=kernel_size // 2, **kwargs),
        norm(out_channels),
        nn.ReLU(inplace=True),
    )


class SplitAttention(nn.Module):
    """Split attention: ``radix`` feature groups, summed with softmax weights per channel.

    Args:
        channels (int): Channels of input and output.
        radix (int): Number of splits. Defaults to 2.
        cardinality (int): Groups inside a split. Defaults to 1.
        reduction (int): The bottleneck has ``channels * radix / reduction`` channels, at
            least ``min_channels``. Defaults to 4.
        min_channels (int): Smallest bottleneck. Defaults to 32.
    """

    def __init__(
        self,
        channels: int,
        radix: int = 2,
        cardinality: int = 1,
        reduction: int = 4,
        min_channels: int = 32,
    ) -> None:
        super().__init__()
        self.radix = radix
        self.cardinality = cardinality
        inner = max(min_channels, channels * radix // reduction)
        self.radix_conv = _conv_norm_relu(
            channels, channels * radix, 3, groups=radix * cardinality
        )
        pooled = {'norm': PooledBatchNorm2d, 'groups': cardinality, 'bias': False}
        self.fc1 = _conv_norm_relu(channels, inner, 1, **pooled)
        self.fc2 = _conv_norm_relu(inner, channels * radix, 1, **pooled)

    def forward(self, x: Tensor) -> Tensor:
        """Attend over the splits.

        Args:
            x (Tensor): (B, C, H, W).

        Returns:
            Tensor: (B, C, H, W).
        """
        splits = self.radix_conv(x)
        return self.combine(splits, self.weigh(splits.mean((2, 3), keepdim=True)))

    def weigh(self, means: Tensor) -> Tensor:
        """Weights of the splits.

        Args:
            means (Tensor): (B, radix * C, 1, 1), the splits' means over the image.

        Returns:
            Tensor: (B, radix, C, 1, 1), their sum over the splits is 1.
        """
        batch = means.shape[0]
        pooled = means.view(batch, self.radix, -1, 1, 1).sum(1)
        weights = self.fc2(self.fc1(pooled))
        weights = weights.view(batch, self.cardinality, self.radix, -1).transpose(1, 2)
        return weights.softmax(dim=1).reshape(batch, self.radix, -1, 1, 1)

    def combine(self, splits: Tensor, weights: Tensor) -> Tensor:
        """Weighted sum of the splits.

        Args:
            splits (Tensor): (B, radix * C, H, W).
            weights (Tensor): (B, radix, C, 1, 1).

        Returns:
            Tensor: (B, C, H, W).
        """
        first, *others = splits.chunk(self.radix, dim=1)
        combined = first * weights[:, 0]
        for index, split in enumerate(others, 1):
            combined = torch.addcmul(combined, split, weights[:, index])
        return combined


class ResNeStBottleneck(nn.Module):
    """1x1 convolution, split attention, 1x1 convolution, and a shortcut around them.

    Args:
        in_channels (int): Channels of the input.
        planes (int): Width unit: the output has ``planes * expansion`` channels, the middle
            ``planes * bottleneck_width / 64``.
        expansion (int): See ``planes``. Defaults to 4.
        radix (int): Splits of the attention. Defaults to 2.
        cardinality (int): Groups of a split. Defaults to 1.
        bottleneck_width (int): See ``planes``. Defaults to 64.
        min_attention_channels (int): Smallest bottleneck inside the split attention.
            Defaults to 32.
    """

    def __init__(
        self,
        in_channels: int,
        planes: int,
        expansion: int = 4,
        radix: int = 2,
        cardinality: int = 1,
        bottleneck_width: int = 64,
        min_attention_channels: int = 32,
    ) -> None:
        super().__init__()
        middle = planes * bottleneck_width // 64 * cardinality
        self.out_channels = out_channels = planes * expansion
        self.conv1 = _conv_norm_relu(in_channels, middle, 1)
        self.conv2 = SplitAttention(
            middle, radix, cardinality, min_channels=min_attention_channels
        )
        self.conv3 = nn.Sequential(
            nn.Conv2d(middle, out_channels, 1), nn.BatchNorm2d(out_channels)
        )
        self.shortcut = nn.Identity()
        if in_channels != out_channels:
            self.shortcut = nn.Sequential(
                nn.MaxPool2d(3, stride=1, padding=1),
                nn.Conv2d(in_channels, out_channels, 1, bias=False),
                nn.BatchNorm2d(out_channels),
            )

    def forward(self, x: Tensor) -> Tensor:
        """Transform.

        Args:
            x (Tensor): (B, in_channels, H, W).

        Returns:
            Tensor: (B, planes * expansion, H, W).
        """
        out = self.conv3(self.conv2(self.conv1(x)))
        return out.add_(self.shortcut(x)).relu_()


class ResNeStTrunk(nn.Module):
    """Deep stem of three 3x3 convolutions, then one stage of bottlenecks.

    Args:
        in_channels (int): Channels of the input.
        stem_channels (Sequence[int]): Widths of the three stem convolutions.
        planes (int): Width unit of the bottlenecks.
        expansion (int): Output channels are ``planes * expansion``. Defaults to 4.
        num_blocks (int): Bottlenecks. Defaults to 2.
        stride (int): Stride of the first stem convolution; 1 keeps the resolution, as the
            paper does. Defaults to 1.
        radix (int): Splits of the attention. Defaults to 2.
        cardinality (int): Groups of a split. Defaults to 1.
        min_attention_channels (int): See :class:`SplitAttention`. Defaults to 32.
        with_cp (bool): Recompute activations in the backward pass to save memory.
            Defaults to False.
    """

    def __init__(
        self,
        in_channels: int,
        stem_channels: Sequence[int] = (64, 64, 128),
        planes: int = 128,
        expansion: int = 4,
        num_blocks: int = 2,
        stride: int = 1,
        radix: int = 2,
        cardinality: int = 1,
        min_attention_channels: int = 32,
        with_cp: bool = False,
    ) -> None:
        super().__init__()
        self.out_channels = planes * expansion
        self.stride = stride
        self.with_cp = with_cp
        first, second, third = stem_channels
        self.stem = nn.Sequential(
            _conv_norm_relu(in_channels, first, 3, stride=stride),
            _conv_norm_relu(first, second, 3),
            _conv_norm_relu(second, third, 3),
        )
        self.blocks = nn.ModuleList(
            ResNeStBottleneck(
                third if index == 0 else self.out_channels,
                planes,
                expansion,
                radix,
                cardinality,
                min_attention_channels=min_attention_channels,
            )
            for index in range(num_blocks)
        )
        if not num_blocks:
            self.out_channels = third

    def forward(self, x: Tensor) -> Tensor:
        """Extract features.

        Args:
            x (Tensor): (B, in_channels, H, W).

        Returns:
            Tensor: (B, planes * expansion, H / stride, W / stride).
        """
        x = checkpoint(self.stem, x) if self.with_cp else self.stem(x)
        for block in self.blocks:
            if works_in_bands(block, x):
                x = bottleneck_in_bands(block, x)
            else:
                x = checkpoint(block, x) if self.with_cp else block(x)
        return x
