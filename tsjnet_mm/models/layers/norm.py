"""Layer normalisation over the channels of (B, C, H, W) features."""

import torch.nn.functional as F
from torch import nn


class ChannelLayerNorm(nn.LayerNorm):
    """``nn.LayerNorm`` over dimension 1, at every position of the feature map.

    Args:
        channels (int): Channels of the input.
    """

    def __init__(self, channels):
        super().__init__(channels)

    def forward(self, x):
        """Normalise.

        Args:
            x (Tensor): (B, C, H, W).

        Returns:
            Tensor: (B, C, H, W).
        """
        x = x.permute(0, 2, 3, 1)
        x = F.layer_norm(x, self.normalized_shape, self.weight, self.bias, self.eps)
        return x.permute(0, 3, 1, 2)
