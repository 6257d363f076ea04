"""Stochastic depth (Huang et al., Deep Networks with Stochastic Depth, ECCV 2016)."""

from torch import Tensor, nn


class DropPath(nn.Module):
    """Drop a residual branch for some images of a batch, in training.

    What is kept is divided by the chance to be kept. It draws the same random numbers as timm's
    layer of this name.

    Args:
        rate: Chance in [0, 1] to drop the branch of one image. Defaults to 0.
    """

    def __init__(self, rate: float = 0.0) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, x: Tensor) -> Tensor:
        """Drop.

        Args:
            x: (B, ...), the output of the branch.

        Returns:
            Tensor: (B, ...).
        """
        if not self.training or self.rate == 0:
            return x
        kept = 1 - self.rate
        mask = x.new_empty(len(x), *(1,) * (x.dim() - 1)).bernoulli_(kept)
        return x * (mask.div_(kept) if kept > 0 else mask)

    def extra_repr(self) -> str:
        """Text of the layer for ``print``."""
        return f'rate={self.rate:g}'
