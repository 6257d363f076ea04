"""Base of all fusion losses."""

from torch import nn


class FusionLoss(nn.Module):
    """A weighted term of the fusion loss.

    A fusor calls it with the dict of what it computed: ``ir`` and ``vi`` (luma), ``fused``,
    ``attention`` and, for terms with ``needs_reconstruction``, ``ir_reconstruction`` and
    ``vi_reconstruction``.

    Args:
        loss_weight (float): Factor of the term. Defaults to 1.
    """

    #: Whether the auto-encoder path of the fusor must run for this term.
    needs_reconstruction = False
    #: Metrics of :mod:`tsjnet_mm.metrics` that it is, between the fused image and the sources:
    #: a table does not rank what was trained by it in these columns.
    metrics: tuple[str, ...] = ()
    #: Whether it reads the attention maps of the decoder.
    needs_attention = False

    def __init__(self, loss_weight: float = 1.0) -> None:
        super().__init__()
        self.loss_weight = loss_weight

    def extra_repr(self) -> str:
        """Show the weight."""
        return f'loss_weight={self.loss_weight}'
