"""Base ResNeSt decoder (TSJNet, Eq. 6): spatial attention, then a ResNeSt trunk.

Not in the paper: :class:`BandOutput`, an output for features that are smaller than the image.
It takes fine detail from the two source images, and the features only weigh that detail.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tsjnet_mm.models.layers import (
    ResNeStTrunk,
    SpatialAttention,
    checkpoint,
    spline_smooth,
    spline_wavelets,
)
from tsjnet_mm.registry import MODELS

from .detail_weights import detail_shares, weight_map_layers
from .pyramid_output import PyramidOutput

#: How often the energies are smoothed.
_SMOOTHINGS = 2


class BandOutput(nn.Module):
    """Fused image as a weighted sum of the wavelet planes of both source images.

    An undecimated wavelet transform splits each source image, at full resolution, into
    ``bands`` detail planes and a base (the blurred rest). Two convolutions compute weight maps
    from the features; bilinear interpolation brings the maps to full resolution. The fused
    image is the sum of:

    - for each detail plane, three terms: a map times the stronger detail of the two images, and
      a map times the detail of each image;
    - for the base, three terms: a map times the larger base of the two, and a map times the
      base of each image;
    - one map that is added without a factor, the offset.

    The initial maps are constant and give a classical fusion rule: the stronger detail in each
    plane, and a base between the average and the maximum. Training starts from this rule.

    The stronger detail is a weighted mean of the two details. The weights are proportional to
    the local energies to the power of 6. Where one image has more detail, the mean is almost
    equal to that image's detail; where both have the same energy, it is their average.

    Args:
        in_channels (int): Channels of the features.
        hidden_channels (int): Channels between the two convolutions.
        bands (int): Number of detail planes.
        upsample (int): Factor by which features are smaller than the image.
    """

    def __init__(
        self, in_channels: int, hidden_channels: int, bands: int, upsample: int
    ) -> None:
        super().__init__()
        self.bands = bands
        self.upsample = upsample
        self.gains = weight_map_layers(in_channels, hidden_channels, bands)

    def forward(
        self, features: Tensor, ir: Tensor, vi: Tensor, without_sources: int = 0
    ) -> Tensor:
        """Compute the fused image.

        Args:
            features (Tensor): (B, in_channels, H, W).
            ir (Tensor): (B - without_sources, 1, H * upsample, W * upsample) in [0, 1].
            vi (Tensor): The same.
            without_sources (int): Number of samples at the end of the batch that have no source
                images. Their output is the offset alone, so it depends on the features only.
                Defaults to 0.

        Returns:
            Tensor: (B, 1, H * upsample, W * upsample), near [0, 1]. The values are not
            clipped, because a clipped pixel would have no gradient.
        """
        gains = self.gains(features)
        if self.upsample > 1:
            gains = F.interpolate(
                gains, scale_factor=self.upsample, mode='bilinear', align_corners=False
            )
        if without_sources:
            gains, alone = gains[:-without_sources], gains[-without_sources:, -1:]
        # Float32 at least: in half precision the energies would underflow.
        images = torch.cat((ir, vi), dim=1).to(torch.promote_types(ir.dtype, torch.float32))
        *details, base = gains.to(images.dtype).split([3] * self.bands + [4], dim=1)
        planes, bases = spline_wavelets(images, self.bands)
        offset = base[:, 3:]
        candidates = torch.cat((bases.amax(1, keepdim=True), bases), dim=1)
        image = (base[:, :3] * candidates).sum(1, keepdim=True) + offset
        for level, (gain, plane) in enumerate(zip(details, planes, strict=True)):
            energies = plane.square()
            for _ in range(_SMOOTHINGS):
                energies = spline_smooth(energies, level)
            shares = detail_shares(energies)
            stronger = (shares * plane).sum(1, keepdim=True)
            candidates = torch.cat((stronger, plane), dim=1)
            image = image + (gain * candidates).sum(1, keepdim=True)
        image = image.to(ir.dtype)
        return torch.cat((image, alone.to(ir.dtype))) if without_sources else image


@MODELS.register_module()
class BaseResNeStDecoder(nn.Module):
    """BRD: computes the fused image from detail features and local features.

    The default widths are those of the authors' release. The release concatenates the two
    features (``merge='concat'``); Eq. 6 of the paper adds them (``merge='sum'``).

    Args:
        in_channels (int): Channels of each of the two features. Defaults to 64.
        merge (str): ``'sum'`` (Eq. 6) or ``'concat'`` (the release). Defaults to ``'sum'``.
        num_heads (int): Heads of the spatial attention; 0 leaves it out. Defaults to 8.
        reduced_channels (int): Input channels of the trunk. Defaults to 32.
        hidden_channels (int): Channels before the output convolution. Defaults to 256.
        upsample (int): Factor by which features are smaller than the image. Defaults to 1.
        bands (int): Number of detail planes of a :class:`BandOutput`. With 0, two convolutions
            and a sigmoid compute the image from the features alone, as in the paper. Defaults
            to 0.
        levels (int): Number of detail levels of a :class:`PyramidOutput`, which then takes the
            place of the other outputs. Defaults to 0.
        trunk (dict, optional): Arguments of :class:`ResNeStTrunk`.
        with_cp (bool): Recompute activations in the backward pass. Defaults to False.

    Raises:
        ValueError: ``merge`` is unknown, or ``upsample`` comes without ``bands`` or
            ``levels``.
    """

    def __init__(
        self,
        in_channels: int = 64,
        merge: str = 'sum',
        num_heads: int = 8,
        reduced_channels: int = 32,
        hidden_channels: int = 256,
        upsample: int = 1,
        bands: int = 0,
        levels: int = 0,
        trunk: dict | None = None,
        with_cp: bool = False,
    ) -> None:
        super().__init__()
        if merge not in ('sum', 'concat'):
            raise ValueError(f"merge must be 'sum' or 'concat', got {merge!r}")
        if upsample != 1 and not bands and not levels:
            raise ValueError(f'upsample={upsample} needs bands or levels')
        self.merge = merge
        self.upsample = upsample
        self.with_cp = with_cp
        merged = in_channels if merge == 'sum' else 2 * in_channels
        self.attention = SpatialAttention(merged, num_heads) if num_heads else None
        self.reduce = nn.Conv2d(merged, reduced_channels, 1, bias=False)
        self.trunk = ResNeStTrunk(reduced_channels, with_cp=with_cp, **(trunk or {}))
        self.has_attention = bool(num_heads)
        self.takes_images = bool(bands or levels)
        #: The sides of the source images are multiples of it.
        self.divisor = max(upsample, 2**levels)
        if levels:
            self.output = PyramidOutput(
                self.trunk.out_channels, hidden_channels, levels, upsample
            )
        elif bands:
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

    def forward(
        self,
        detail: Tensor,
        local: Tensor,
        ir: Tensor | None,
        vi: Tensor | None,
        without_sources: int = 0,
    ) -> tuple[Tensor, Tensor | None]:
        """Decode.

        Args:
            detail (Tensor): (B, C, H, W) features of the DSM.
            local (Tensor): (B, C, H, W) features of the NAT.
            ir (Tensor | None): (B - without_sources, 1, H * upsample, W * upsample) in [0, 1],
                read only with ``bands`` or ``levels``.
            vi (Tensor | None): The same of the visible image.
            without_sources (int): Number of samples at the end of the batch that have no source
                images; only outputs that read the images use it. Defaults to 0.

        Returns:
            tuple[Tensor, Tensor | None]: The image, (B, 1, H * upsample, W * upsample), in
            (0, 1) or, with ``bands`` or ``levels``, near it; and the spatial attention maps
            (B, num_heads, H, W), which the diversity loss (Eq. 9) reads, or None.
        """
        merged = local + detail if self.merge == 'sum' else torch.cat((local, detail), dim=1)
        attention = None
        if self.attention is not None:
            merged, attention = self.attention(merged)
        merged = self.reduce(merged)
        inputs = [self.trunk(merged)]
        if self.takes_images:
            inputs += [ir, vi, without_sources]
        image = checkpoint(self.output, *inputs) if self.with_cp else self.output(*inputs)
        return image, attention
