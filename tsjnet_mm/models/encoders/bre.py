"""Base ResNeSt encoder (TSJNet, Eq. 3), shared by both modalities."""

from torch import nn

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
        identity_embedding (bool): Start with the image itself as the embedding's first
            channel, for a decoder that draws from it. Defaults to False.
        with_cp (bool): Recompute activations in the backward pass. Defaults to False.
    """

    def __init__(
        self,
        embed_channels=3,
        refine_channels=(256, 128, 64),
        trunk=None,
        identity_embedding=False,
        with_cp=False,
    ):
        super().__init__()
        self.with_cp = with_cp
        self.embed = nn.Conv2d(1, embed_channels, 3, padding=1, bias=False)
        if identity_embedding:
            nn.init.dirac_(self.embed.weight[:1])
        self.trunk = ResNeStTrunk(embed_channels, with_cp=with_cp, **(trunk or {}))
        layers = []
        channels = self.trunk.out_channels
        for width in refine_channels:
            layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU6(inplace=True)]
            channels = width
        self.refine = nn.Sequential(*layers)
        self.out_channels = channels
        self.stride = self.trunk.stride

    def forward(self, image):
        """Encode one modality.

        Args:
            image (Tensor): (B, 1, H, W) luma or infrared in [0, 1].

        Returns:
            tuple[Tensor, Tensor]: The embedding (B, embed_channels, H, W), from which a decoder
            may take detail, and the features (B, C, H / stride, W / stride).
        """
        embedding = self.embed(image)
        features = self.trunk(embedding)
        features = checkpoint(self.refine, features) if self.with_cp else self.refine(features)
        return embedding, features
