"""Multi-head spatial attention of TSJNet's decoder, whose maps the diversity loss reads."""

import torch
from torch import Tensor, nn


class SpatialAttention(nn.Module):
    """Weights each of ``num_heads`` channel groups by its own map.

    A head's map is the sigmoid of a 1x1 convolution of its group to one channel.

    Args:
        channels (int): Channels of input and output.
        num_heads (int): Heads; must divide ``channels``. Defaults to 8.

    Raises:
        ValueError: ``channels`` is no multiple of ``num_heads``.
    """

    def __init__(self, channels: int, num_heads: int = 8) -> None:
        super().__init__()
        if channels % num_heads:
            raise ValueError(f'channels {channels} is no multiple of num_heads {num_heads}')
        self.num_heads = num_heads
        self.conv = nn.Conv2d(channels, num_heads, 1, groups=num_heads)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Attend.

        Args:
            x (Tensor): (B, C, H, W).

        Returns:
            tuple[Tensor, Tensor]: Weighted features (B, C, H, W) and the attention maps
            (B, num_heads, H, W) in (0, 1).
        """
        attention = torch.sigmoid(self.conv(x))
        batch, channels, height, width = x.shape
        heads = x.view(batch, self.num_heads, channels // self.num_heads, height, width)
        return (heads * attention.unsqueeze(2)).view_as(x), attention
