"""Base ResNeSt decoder (TSJNet, Eq. 6): spatial attention, then a ResNeSt trunk.

New here, by option: an output for features that are smaller than the image, which takes the
detail from the encoder's embeddings and leaves the choice between the two to the features.
"""

import torch
import torch.nn.functional as F
from torch import nn

from tsjnet_mm.models.layers import ResNeStTrunk, SpatialAttention, checkpoint
from tsjnet_mm.registry import MODELS


class WeightedSkipOutput(nn.Module):
    """Image from coarse features and both modalities' embeddings at full resolution.

    The features give, interpolated bilinearly and so without a grid, weights for each channel
    of the embeddings, ``a * ir + b * vi``, and as many channels beside it. The weights are not
    squashed: a saturated gate would stick to one modality. The last convolution also sees the
    larger of the two embeddings. At the start the weights are near 1/2 and only the first
    weighted embedding is drawn; where that starts as the image itself
    (``identity_embedding`` of the encoder), training starts near average fusion.

    Args:
        in_channels (int): Channels of the features.
        hidden_channels (int): Channels between the two convolutions of the features.
        skip_channels (int): Channels of an embedding.
        upsample (int): Factor by which features are smaller than the image.
    """

    def __init__(self, in_channels, hidden_channels, skip_channels, upsample):
        super().__init__()
        self.upsample = upsample
        self.coarse = nn.Sequential(
            nn.Conv2d(in_channels, hidden_channels, 3, padding=1, bias=False),
            nn.LeakyReLU(inplace=True),
            nn.Conv2d(hidden_channels, 3 * skip_channels, 3, padding=1),
        )
        nn.init.constant_(self.coarse[-1].bias[: 2 * skip_channels], 0.5)
        self.fine = nn.Conv2d(3 * skip_channels, 1, 3, padding=1)
        nn.init.dirac_(self.fine.weight)
        nn.init.zeros_(self.fine.bias)

    def forward(self, features, ir_embedding, vi_embedding):
        """Draw the image.

        Args:
            features (Tensor): (B, in_channels, H, W).
            ir_embedding (Tensor): (B, skip_channels, H * upsample, W * upsample).
            vi_embedding (Tensor): The same of the visible image.

        Returns:
            Tensor: (B, 1, H * upsample, W * upsample), not clipped: a saturated pixel must
            still be able to learn.
        """
        coarse = F.interpolate(
            self.coarse(features),
            scale_factor=self.upsample,
            mode='bilinear',
            align_corners=False,
        )
        ir_weight, vi_weight, beside = coarse.chunk(3, dim=1)
        weighted = torch.addcmul(ir_weight * ir_embedding, vi_weight, vi_embedding)
        larger = torch.maximum(ir_embedding, vi_embedding)
        return self.fine(torch.cat((weighted, larger, beside), dim=1))


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
        upsample (int): Factor by which features are smaller than the image. Defaults to 1.
        skip_channels (int): Channels of the encoder's embeddings, for a
            :class:`WeightedSkipOutput`; 0 draws the image from the features alone, as the paper
            does. Defaults to 0.
        trunk (dict, optional): Arguments of :class:`ResNeStTrunk`.
        with_cp (bool): Recompute activations in the backward pass. Defaults to False.

    Raises:
        ValueError: ``merge`` is unknown, or ``upsample`` comes without ``skip_channels``.
    """

    def __init__(
        self,
        in_channels=64,
        merge='sum',
        num_heads=8,
        reduced_channels=32,
        hidden_channels=256,
        upsample=1,
        skip_channels=0,
        trunk=None,
        with_cp=False,
    ):
        super().__init__()
        if merge not in ('sum', 'concat'):
            raise ValueError(f"merge must be 'sum' or 'concat', got {merge!r}")
        if upsample != 1 and not skip_channels:
            raise ValueError(f'upsample={upsample} needs skip_channels')
        self.merge = merge
        self.upsample = upsample
        self.with_cp = with_cp
        merged = in_channels if merge == 'sum' else 2 * in_channels
        self.attention = SpatialAttention(merged, num_heads)
        self.reduce = nn.Conv2d(merged, reduced_channels, 1, bias=False)
        self.trunk = ResNeStTrunk(reduced_channels, with_cp=with_cp, **(trunk or {}))
        self.skips = bool(skip_channels)
        if self.skips:
            self.output = WeightedSkipOutput(
                self.trunk.out_channels, hidden_channels, skip_channels, upsample
            )
        else:
            self.output = nn.Sequential(
                nn.Conv2d(self.trunk.out_channels, hidden_channels, 3, padding=1, bias=False),
                nn.LeakyReLU(inplace=True),
                nn.Conv2d(hidden_channels, 1, 3, padding=1, bias=False),
                nn.Sigmoid(),
            )

    def forward(self, detail, local, ir_embedding, vi_embedding):
        """Decode.

        Args:
            detail (Tensor): (B, C, H, W) features of the DSM.
            local (Tensor): (B, C, H, W) features of the NAT.
            ir_embedding (Tensor): (B, skip_channels, H * upsample, W * upsample), read only
                with ``skip_channels``.
            vi_embedding (Tensor): The same of the visible image.

        Returns:
            tuple[Tensor, Tensor]: Image (B, 1, H * upsample, W * upsample), in (0, 1) or, of a
            :class:`WeightedSkipOutput`, near it, and the spatial attention maps
            (B, num_heads, H, W) that Eq. 9 reads.
        """
        merged = local + detail if self.merge == 'sum' else torch.cat((local, detail), dim=1)
        merged, attention = self.attention(merged)
        merged = self.reduce(merged)
        inputs = [self.trunk(merged)]
        if self.skips:
            inputs += [ir_embedding, vi_embedding]
        image = checkpoint(self.output, *inputs) if self.with_cp else self.output(*inputs)
        return image, attention
