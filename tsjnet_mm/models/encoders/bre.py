"""Base ResNeSt encoder (TSJNet, Eq. 3), shared by both modalities."""

from collections.abc import Sequence

from torch import Tensor, nn

from tsjnet_mm.models.layers import ResNeStTrunk, checkpoint
from tsjnet_mm.registry import MODELS


@MODELS.register_module()
class BaseResNeStEncoder(nn.Module):
    """BRE: embedding convolution, ResNeSt trunk, refinement convolutions.

    The defaults are the widths of the authors' release.

    Args:
        embed_channels (int): Channels of the embedding convolution. Defaults to 3.
        refine_channels (Sequence[int]): Channels of the 3x3 refinement convolutions.
            Defaults to (256, 128, 64).
        trunk (dict, optional): Arguments of :class:`ResNeStTrunk`.
        embed_stride (int): Stride of the embedding convolution. Defaults to 1.
        with_cp (bool): Recompute activations in the backward pass. Defaults to False.
    """

    def __init__(
        self,
        embed_channels: int = 3,
        refine_channels: Sequence[int] = (256, 128, 64),
        trunk: dict | None = None,
        embed_stride: int = 1,
        with_cp: bool = False,
    ) -> None:
        super().__init__()
        self.with_cp = with_cp
        # Each pixel is seen, also with a stride of 4.
        kernel = max(3, 2 * embed_stride - 1)
        self.embed = nn.Conv2d(
            1, embed_channels, kernel, embed_stride, padding=kernel // 2, bias=False
        )
        self.trunk = ResNeStTrunk(embed_channels, with_cp=with_cp, **(trunk or {}))
        layers = []
        channels = self.trunk.out_channels
        for width in refine_channels:
            layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU6(inplace=True)]
            channels = width
        self.refine = nn.Sequential(*layers)
        self.out_channels = channels
        self.stride = embed_stride * self.trunk.stride

    def forward(self, image: Tensor) -> Tensor:
        """Encode one modality.

        Args:
            image (Tensor): (B, 1, H, W) luma or infrared in [0, 1].

        Returns:
            Tensor: Features (B, C, H / stride, W / stride).
        """
        features = self.trunk(self.embed(image))
        return checkpoint(self.refine, features) if self.with_cp else self.refine(features)
