"""An output that takes detail from the source images, at the cost of a Laplacian pyramid.

Not in the paper. The features may be much smaller than the image: they only weigh the detail
of the two images, level by level.
"""

import torch
from torch import Tensor, nn

from tsjnet_mm.models.layers.pyramid import laplacian_pyramid, resample, smooth

#: Added to each energy: that of a detail of a quarter of a grey level. Weaker detail, which is
#: noise, does not decide which image is the stronger.
_FAINT = 1e-6
#: Power of the energies. The larger it is, the more the stronger image's detail dominates.
_SHARPNESS = 6


class PyramidOutput(nn.Module):
    """Fused image as a weighted sum of the Laplacian pyramids of both source images.

    Two convolutions compute weight maps from the features. In each detail level the fused
    detail is the sum of three terms: a map times the stronger detail of the two images, and a
    map times the detail of each image. The base has four: a map times the larger base, a map
    times each base, and an offset. The initial maps are constant and give a classical fusion
    rule: the stronger detail in each level, and a base between the average and the maximum.

    The stronger detail is a mean of the two, weighted by their local energies to the power of
    6. Energies and weights are computed at half the resolution of their level.

    Args:
        in_channels (int): Channels of the features.
        hidden_channels (int): Channels between the two convolutions.
        levels (int): Number of detail levels.
        stride (int): Factor by which features are smaller than the image, a power of 2, at
            most ``2 ** levels``.
    """

    def __init__(
        self, in_channels: int, hidden_channels: int, levels: int, stride: int
    ) -> None:
        super().__init__()
        self.levels = levels
        self.stride = stride
        self.gains = nn.Sequential(
            nn.Conv2d(in_channels, hidden_channels, 3, padding=1, bias=False),
            nn.LeakyReLU(inplace=True),
            nn.Conv2d(hidden_channels, 3 * levels + 4, 3, padding=1),
        )
        # Small weights, not zeros: with zeros the features would get no gradient at first.
        nn.init.normal_(self.gains[-1].weight, std=1e-3)
        with torch.no_grad():
            maps = torch.tensor([1.0, 0, 0] * levels + [0.3, 0.35, 0.35, 0])
            self.gains[-1].bias.copy_(maps)

    def forward(
        self, features: Tensor, ir: Tensor, vi: Tensor, without_sources: int = 0
    ) -> Tensor:
        """Compute the fused image.

        Args:
            features (Tensor): (B, in_channels, H, W).
            ir (Tensor): (B - without_sources, 1, H * stride, W * stride) in [0, 1], sides
                multiples of ``2 ** levels``.
            vi (Tensor): The same.
            without_sources (int): Number of samples at the end of the batch that have no source
                images. Their output is the offset alone, so it depends on the features only.
                Defaults to 0.

        Returns:
            Tensor: (B, 1, H * stride, W * stride), near [0, 1]. The values are not clipped,
            because a clipped pixel would have no gradient.
        """
        gains = self.gains(features)
        if without_sources:
            gains, alone = gains[:-without_sources], gains[-without_sources:, -1:]
            alone = resample(alone, self.stride).to(ir.dtype)
        # Float32 at least: in half precision the energies would underflow.
        images = torch.cat((ir, vi), dim=1).to(torch.promote_types(ir.dtype, torch.float32))
        with torch.autocast(ir.device.type, enabled=False):
            # Enlarging two channels is five times slower in the channels-last layout.
            gains = gains.to(images.dtype, memory_format=torch.contiguous_format)
            image = self._fuse(images, gains).to(ir.dtype)
        return torch.cat((image, alone)) if without_sources else image

    def _fuse(self, images, gains):
        details, bases = laplacian_pyramid(images, self.levels)
        *gains, base = gains.split([3] * self.levels + [4], dim=1)
        base = resample(base, self.stride / 2**self.levels)
        brighter = bases.amax(1, keepdim=True)
        fused = base[:, 3:] + base[:, :1] * brighter + (base[:, 1:3] * bases).sum(1, True)
        for level in reversed(range(self.levels)):
            detail = details[level]
            energies = smooth(resample(detail.square(), 0.5))
            # By logarithms, for the power itself underflows.
            shares = (_SHARPNESS * (energies + _FAINT).log()).softmax(dim=1)
            gain = resample(gains[level], self.stride / 2 ** (level + 1))
            weights = resample(torch.addcmul(gain[:, 1:], gain[:, :1], shares), 2)
            fused = resample(fused, 2)
            for weight, plane in zip(weights.split(1, 1), detail.split(1, 1), strict=True):
                fused = torch.addcmul(fused, weight, plane)
        return fused
