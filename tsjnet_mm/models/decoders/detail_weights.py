"""Weight maps and the stronger detail, for outputs that weigh the detail of two images."""

import torch
from torch import Tensor, nn

#: Added to each energy: that of a detail of a quarter of a grey level. Weaker detail, which is
#: noise, does not decide which image is the stronger.
_FAINT = 1e-6
#: Power of the energies. The larger it is, the more the stronger image's detail dominates.
_SHARPNESS = 6


def weight_map_layers(in_channels: int, hidden_channels: int, levels: int) -> nn.Sequential:
    """Two convolutions from features to weight maps, which are constant at first.

    The first maps give a classical fusion rule: the stronger detail in each level, and a base
    between the average and the maximum.

    Args:
        in_channels (int): Channels of the features.
        hidden_channels (int): Channels between the two convolutions.
        levels (int): Number of detail levels.

    Returns:
        nn.Sequential: To ``3 * levels + 4`` maps: in each level of the stronger detail and of
        each image's, then of the larger base and of each image's, and the offset.
    """
    layers = nn.Sequential(
        nn.Conv2d(in_channels, hidden_channels, 3, padding=1, bias=False),
        nn.LeakyReLU(inplace=True),
        nn.Conv2d(hidden_channels, 3 * levels + 4, 3, padding=1),
    )
    # Small weights, not zeros: with zeros the features would get no gradient at first.
    nn.init.normal_(layers[-1].weight, std=1e-3)
    with torch.no_grad():
        layers[-1].bias.copy_(torch.tensor([1.0, 0, 0] * levels + [0.3, 0.35, 0.35, 0]))
    return layers


def detail_shares(energies: Tensor) -> Tensor:
    """Shares of two images in the stronger detail: energies to the power of 6, normalised.

    Args:
        energies (Tensor): (B, 2, H, W), local energies of the detail, float32 or float64.

    Returns:
        Tensor: (B, 2, H, W), of sum 1 over the images.
    """
    # By logarithms, for the power itself underflows.
    return (_SHARPNESS * (energies + _FAINT).log()).softmax(dim=1)
