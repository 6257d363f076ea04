"""Detail salience module (TSJNet, section 3.3.2): two parallel branches, summed.

Branch A is residual and works at full resolution. Branch B adds a max- and an average-pooled
copy, weights its channels by squeeze and excitation, and goes back up by a transposed
convolution. Layers as in the authors' release.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tsjnet_mm.models.layers import pad_to_multiple
from tsjnet_mm.registry import MODELS


def _conv_norm_relu(channels):
    return nn.Sequential(
        nn.Conv2d(channels, channels, 3, padding=1, bias=False),
        nn.BatchNorm2d(channels),
        nn.ReLU(inplace=True),
    )


@MODELS.register_module()
class DetailSalienceModule(nn.Module):
    """DSM: salient detail of a feature map.

    Args:
        channels (int): Channels of input and output. Defaults to 64.
        reduction (int): The channel weights' bottleneck has ``channels / reduction``
            channels. Defaults to 2.
        dropout (float): Channel dropout of branch A. Defaults to 0.1.
    """

    def __init__(self, channels: int = 64, reduction: int = 2, dropout: float = 0.1) -> None:
        super().__init__()
        self.conv1 = _conv_norm_relu(channels)
        self.residual = nn.Conv2d(channels, channels, 1)
        self.conv2 = _conv_norm_relu(channels)
        self.project = nn.Sequential(nn.Dropout2d(dropout), nn.Conv2d(channels, channels, 1))
        self.conv3 = nn.Conv2d(channels, channels, 3, padding=1)
        self.fc1 = nn.Linear(channels, channels // reduction, bias=False)
        self.fc2 = nn.Linear(channels // reduction, channels, bias=False)
        self.upsample = nn.ConvTranspose2d(channels, channels, 2, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        """Extract detail.

        Args:
            x (Tensor): (B, C, H, W).

        Returns:
            Tensor: (B, C, H, W).
        """
        detail = self.conv1(x)
        detail = self.project(self.conv2(detail + torch.relu(self.residual(detail))))

        # Pooling with ceil_mode, written so that an exported graph serves odd and even sizes.
        pooled = pad_to_multiple(F.leaky_relu(self.conv3(x), 0.2), 2, repeat=True)
        pooled = F.max_pool2d(pooled, 2) + F.avg_pool2d(pooled, 2)
        weights = self.fc2(torch.relu(self.fc1(pooled.mean((2, 3)))))
        salient = self.upsample(pooled * torch.sigmoid(weights)[:, :, None, None])
        return detail + salient[:, :, : x.shape[2], : x.shape[3]]
