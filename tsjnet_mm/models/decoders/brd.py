"""Base ResNeSt decoder (TSJNet, Eq. 6): spatial attention, then a ResNeSt trunk.

Not in the paper: :class:`.PyramidOutput`, for features that are smaller than the image.
"""

import torch
from torch import Tensor, nn

from tsjnet_mm.models.layers import ResNeStTrunk, SpatialAttention, checkpoint
from tsjnet_mm.registry import MODELS

from .pyramid_output import PyramidOutput


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
        levels (int): Number of detail levels of a :class:`.PyramidOutput`. With 0, two
            convolutions and a sigmoid compute the image from the features alone, as in the
            paper. Defaults to 0.
        trunk (dict, optional): Arguments of :class:`ResNeStTrunk`.
        with_cp (bool): Recompute activations in the backward pass. Defaults to False.

    Raises:
        ValueError: ``merge`` is unknown, or ``upsample`` comes without ``levels``.
    """

    def __init__(
        self,
        in_channels: int = 64,
        merge: str = 'sum',
        num_heads: int = 8,
        reduced_channels: int = 32,
        hidden_channels: int = 256,
        upsample: int = 1,
        levels: int = 0,
        trunk: dict | None = None,
        with_cp: bool = False,
    ) -> None:
        super().__init__()
        if merge not in ('sum', 'concat'):
            raise ValueError(f"merge must be 'sum' or 'concat', got {merge!r}")
        if upsample != 1 and not levels:
            raise ValueError(f'upsample={upsample} needs levels')
        self.merge = merge
        self.upsample = upsample
        self.with_cp = with_cp
        merged = in_channels if merge == 'sum' else 2 * in_channels
        self.attention = SpatialAttention(merged, num_heads) if num_heads else None
        self.reduce = nn.Conv2d(merged, reduced_channels, 1, bias=False)
        self.trunk = ResNeStTrunk(reduced_channels, with_cp=with_cp, **(trunk or {}))
        self.has_attention = bool(num_heads)
        self.takes_images = bool(levels)
        #: The sides of the source images are multiples of it.
        self.divisor = max(upsample, 2**levels)
        if levels:
            self.output = PyramidOutput(
                self.trunk.out_channels, hidden_channels, levels, upsample
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
                read only with ``levels``.
            vi (Tensor | None): The same of the visible image.
            without_sources (int): Number of samples at the end of the batch that have no source
                images; only outputs that read the images use it. Defaults to 0.

        Returns:
            tuple[Tensor, Tensor | None]: The image, (B, 1, H * upsample, W * upsample), in
            (0, 1) or, with ``levels``, near it; and the spatial attention maps
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
