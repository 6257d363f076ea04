"""Base ResNeSt decoder (TSJNet, Eq. 6): spatial attention, then a ResNeSt trunk.

New here, by option: an output for features that are smaller than the image. It takes detail
from the two images and leaves the choice to the features.
"""

import torch
import torch.nn.functional as F
from torch import nn

from tsjnet_mm.models.layers import (
    ResNeStTrunk,
    SpatialAttention,
    checkpoint,
    spline_smooth,
    spline_wavelets,
)
from tsjnet_mm.registry import MODELS

#: Energy of a detail of a quarter of a level of 255; smaller ones decide nothing.
_FAINT = 1e-6
#: Power of the energies; the larger, the nearer to a choice.
_SHARPNESS = 6
#: Times that energies are smoothed.
_SMOOTHINGS = 2


class BandOutput(nn.Module):
    """Image from features at a lower resolution and the bands of both images.

    Both images are taken apart into undecimated wavelet planes, at full resolution. For each
    plane the features give, interpolated bilinearly and so without a grid, a gain for the
    stronger of the two at every pixel and one for each image's own; for the base a weight for
    each image's and for the larger; and last an image beside them. At the start the gains are
    those of classical fusion: the stronger detail, and a base between average and maximum. So
    the network learns what to do better, not how to copy.

    The stronger is a mean of both, weighted by powers of their local energies: nearly a choice
    where one image has more detail, and a mean, with less noise, where both have alike.

    Args:
        in_channels (int): Channels of the features.
        hidden_channels (int): Channels between the two convolutions of the features.
        bands (int): Number of detail planes.
        upsample (int): Factor by which features are smaller than the image.
    """

    def __init__(self, in_channels, hidden_channels, bands, upsample):
        super().__init__()
        self.bands = bands
        self.upsample = upsample
        self.gains = nn.Sequential(
            nn.Conv2d(in_channels, hidden_channels, 3, padding=1, bias=False),
            nn.LeakyReLU(inplace=True),
            nn.Conv2d(hidden_channels, 3 * bands + 4, 3, padding=1),
        )
        # Small, not 0: the features must have a gradient from the first step on.
        nn.init.normal_(self.gains[-1].weight, std=1e-3)
        with torch.no_grad():
            self.gains[-1].bias.copy_(torch.tensor([1.0, 0, 0] * bands + [0.3, 0.35, 0.35, 0]))

    def forward(self, features, ir, vi, painted=0):
        """Draw the image.

        Args:
            features (Tensor): (B, in_channels, H, W).
            ir (Tensor): (B - painted, 1, H * upsample, W * upsample) in [0, 1].
            vi (Tensor): The same.
            painted (int): The last so many features have no images: they draw alone. Defaults
                to 0.

        Returns:
            Tensor: (B, 1, H * upsample, W * upsample), not clipped: a saturated pixel must
            still be able to learn.
        """
        gains = self.gains(features)
        if self.upsample > 1:
            gains = F.interpolate(
                gains, scale_factor=self.upsample, mode='bilinear', align_corners=False
            )
        if painted:
            gains, alone = gains[:-painted], gains[-painted:, -1:]
        # In half precision squares of energies would vanish.
        images = torch.cat((ir, vi), dim=1).to(torch.promote_types(ir.dtype, torch.float32))
        *details, base = gains.to(images.dtype).split([3] * self.bands + [4], dim=1)
        planes, bases = spline_wavelets(images, self.bands)
        beside = base[:, 3:]
        choices = torch.cat((bases.amax(1, keepdim=True), bases), dim=1)
        image = (base[:, :3] * choices).sum(1, keepdim=True) + beside
        for level, (gain, plane) in enumerate(zip(details, planes, strict=True)):
            energies = plane.square()
            for _ in range(_SMOOTHINGS):
                energies = spline_smooth(energies, level)
            # Shares of energies to the power of the sharpness, which itself would vanish.
            shares = (_SHARPNESS * (energies + _FAINT).log()).softmax(dim=1)
            stronger = (shares * plane).sum(1, keepdim=True)
            choices = torch.cat((stronger, plane), dim=1)
            image = image + (gain * choices).sum(1, keepdim=True)
        image = image.to(ir.dtype)
        return torch.cat((image, alone.to(ir.dtype))) if painted else image


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
        bands (int): Detail planes of a :class:`BandOutput`; 0 draws the image from the
            features alone, as the paper does. Defaults to 0.
        trunk (dict, optional): Arguments of :class:`ResNeStTrunk`.
        with_cp (bool): Recompute activations in the backward pass. Defaults to False.

    Raises:
        ValueError: ``merge`` is unknown, or ``upsample`` comes without ``bands``.
    """

    def __init__(
        self,
        in_channels=64,
        merge='sum',
        num_heads=8,
        reduced_channels=32,
        hidden_channels=256,
        upsample=1,
        bands=0,
        trunk=None,
        with_cp=False,
    ):
        super().__init__()
        if merge not in ('sum', 'concat'):
            raise ValueError(f"merge must be 'sum' or 'concat', got {merge!r}")
        if upsample != 1 and not bands:
            raise ValueError(f'upsample={upsample} needs bands')
        self.merge = merge
        self.upsample = upsample
        self.with_cp = with_cp
        merged = in_channels if merge == 'sum' else 2 * in_channels
        self.attention = SpatialAttention(merged, num_heads)
        self.reduce = nn.Conv2d(merged, reduced_channels, 1, bias=False)
        self.trunk = ResNeStTrunk(reduced_channels, with_cp=with_cp, **(trunk or {}))
        self.bands = bands
        if bands:
            self.output = BandOutput(
                self.trunk.out_channels,
                hidden_channels,
                bands,
                upsample,
            )
        else:
            self.output = nn.Sequential(
                nn.Conv2d(self.trunk.out_channels, hidden_channels, 3, padding=1, bias=False),
                nn.LeakyReLU(inplace=True),
                nn.Conv2d(hidden_channels, 1, 3, padding=1, bias=False),
                nn.Sigmoid(),
            )

    def forward(self, detail, local, ir, vi, painted=0):
        """Decode.

        Args:
            detail (Tensor): (B, C, H, W) features of the DSM.
            local (Tensor): (B, C, H, W) features of the NAT.
            ir (Tensor): (B - painted, 1, H * upsample, W * upsample) in [0, 1], read only with
                ``bands``.
            vi (Tensor): The same of the visible image.
            painted (int): The last so many features draw without bands, whose images would be
                drawn whatever the features are. Defaults to 0.

        Returns:
            tuple[Tensor, Tensor]: Image (B, 1, H * upsample, W * upsample), in (0, 1) or, of a
            :class:`BandOutput`, near it, and the spatial attention maps
            (B, num_heads, H, W) that Eq. 9 reads.
        """
        merged = local + detail if self.merge == 'sum' else torch.cat((local, detail), dim=1)
        merged, attention = self.attention(merged)
        merged = self.reduce(merged)
        inputs = [self.trunk(merged)]
        if self.bands:
            inputs += [ir, vi, painted]
        image = checkpoint(self.output, *inputs) if self.with_cp else self.output(*inputs)
        return image, attention
