"""Local significant feature extraction and fusion (TSJNet, Eq. 4 and Eq. 5)."""

from torch import Tensor, nn

from tsjnet_mm.models.layers import checkpoint
from tsjnet_mm.registry import MODELS


class _TwoBranches(nn.Module):
    """A detail and a local branch; a branch configured as ``None`` passes features on."""

    def __init__(self, detail=None, local=None, with_cp=False):
        super().__init__()
        self.with_cp = with_cp
        self.detail = nn.Identity() if detail is None else MODELS.build(detail)
        self.local = nn.Identity() if local is None else MODELS.build(local)

    def _extract_detail(self, x):
        return checkpoint(self.detail, x) if self.with_cp else self.detail(x)


@MODELS.register_module()
class LocalSignificantModule(_TwoBranches):
    """LSM (Eq. 4): detail and local features of one modality.

    Args:
        detail (dict, optional): Config of the detail branch, the paper's DSM. None leaves it
            out (the ablation "w/o DSM" of Table 3).
        local (dict, optional): Config of the local branch, the paper's NAT. None leaves it
            out.
        with_cp (bool): Recompute the detail branch in the backward pass. Defaults to False.
    """

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Extract both kinds of features.

        Args:
            x (Tensor): (B, C, H, W).

        Returns:
            tuple[Tensor, Tensor]: Detail and local features, (B, C, H, W) each.
        """
        return self._extract_detail(x), self.local(x)


@MODELS.register_module()
class SumFusionLayer(_TwoBranches):
    """Fusion (Eq. 5): ``D(F_i^d + F_v^d)`` and ``N(F_i^n + F_v^n)``.

    Args:
        detail (dict, optional): Config of D, the paper's DSM with weights of its own.
        local (dict, optional): Config of N, the paper's NAT with weights of its own.
        with_cp (bool): Recompute the detail branch in the backward pass. Defaults to False.
    """

    def forward(
        self, ir_features: tuple[Tensor, Tensor], vi_features: tuple[Tensor, Tensor]
    ) -> tuple[Tensor, Tensor]:
        """Fuse two modalities' features.

        Args:
            ir_features (tuple[Tensor, Tensor]): Detail and local features, (B, C, H, W).
            vi_features (tuple[Tensor, Tensor]): The same of the visible image.

        Returns:
            tuple[Tensor, Tensor]: Fused detail and local features, (B, C, H, W) each.
        """
        (ir_detail, ir_local), (vi_detail, vi_local) = ir_features, vi_features
        return self._extract_detail(ir_detail + vi_detail), self.local(ir_local + vi_local)
