"""Base ResNeSt decoder (TSJNet, Eq. 6): spatial attention, then a ResNeSt trunk."""

import torch
from torch import nn

from tsjnet_mm.models.layers import ResNeStTrunk, SpatialAttention, checkpoint
from tsjnet_mm.registry import MODELS


@MODELS.register_module()
class BaseResNeStDecoder(nn.Module):
    """BRD: detail and local features to an image.

    The defaults are the widths of the authors' release, which concatenates the two features;
    the paper's Eq. 6 sums them.

    Args:
        in_channels (int): Channels of either feature. Defaults to 64.
        merge (str): ``'sum'`` (Eq. 6) or ``'concat'`` (the release). Defaults to ``'sum'``.
        num_heads (int): Heads of the spatial attention. Defaults to 8.
        reduced_channels (int): Channels that enter the trunk. Defaults to 32.
        hidden_channels (int): Channels before the output convolution. Defaults to 256.
        upsample (int): Factor by which features are smaller than the image; a pixel shuffle
            makes up for it. Defaults to 1.
        trunk (dict, optional): Arguments of :class:`ResNeStTrunk`.
        with_cp (bool): Recompute activations in the backward pass. Defaults to False.

    Raises:
        ValueError: ``merge`` is unknown.
    """

    def __init__(
        self,
        in_channels=64,
        merge='sum',
        num_heads=8,
        reduced_channels=32,
        hidden_channels=256,
        upsample=1,
        trunk=None,
        with_cp=False,
    ):
        super().__init__()
        if merge not in ('sum', 'concat'):
            raise ValueError(f"merge must be 'sum' or 'concat', got {merge!r}")
        self.merge = merge
        self.upsample = upsample
        self.with_cp = with_cp
        merged = in_channels if merge == 'sum' else 2 * in_channels
        self.attention = SpatialAttention(merged, num_heads)
        self.reduce = nn.Conv2d(merged, reduced_channels, 1, bias=False)
        self.trunk = ResNeStTrunk(reduced_channels, with_cp=with_cp, **(trunk or {}))
        self.output = nn.Sequential(
            nn.Conv2d(self.trunk.out_channels, hidden_channels, 3, padding=1, bias=False),
            nn.LeakyReLU(inplace=True),
            nn.Conv2d(hidden_channels, upsample**2, 3, padding=1, bias=False),
            nn.PixelShuffle(upsample),
            nn.Sigmoid(),
        )

    def forward(self, detail, local):
        """Decode.

        Args:
            detail (Tensor): (B, C, H, W) features of the DSM.
            local (Tensor): (B, C, H, W) features of the NAT.

        Returns:
            tuple[Tensor, Tensor]: Image (B, 1, H * upsample, W * upsample) in (0, 1), and
            the spatial attention maps (B, num_heads, H, W) that Eq. 9 reads.
        """
        merged = local + detail if self.merge == 'sum' else torch.cat((local, detail), dim=1)
        features, attention = self.attention(merged)
        features = self.trunk(self.reduce(features))
        image = checkpoint(self.output, features) if self.with_cp else self.output(features)
        return image, attention
