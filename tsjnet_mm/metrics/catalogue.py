"""The fusion metrics by the names that tables print."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from tsjnet_mm.utils.metric_names import METRIC_NAMES

from .fidelity import cc, mse, psnr, rmse, scd
from .fmi import fmi_dct, fmi_pixel, fmi_w
from .information import ce, mi, nmi
from .ms_ssim import ms_ssim
from .nabf import labf, nabf
from .qabf import qabf
from .qcb import qcb
from .qcv import qcv
from .qs import qs
from .qy import qy
from .ssim import ssim
from .statistics import ag, ei, en, sd, sf
from .vif import vif
from .viff import viff

if TYPE_CHECKING:
    from ._conventions import Definition

_INFINITY = float('inf')


class MetricInfo(NamedTuple):
    """Function and properties of a fusion metric.

    Attributes:
        function (Callable): ``function(fused, ir, vi, convention) -> (B,)``.
        higher_is_better (bool): The direction.
        range (tuple[float, float]): Least and greatest value under ``'plain'``, or under
            its only convention.
        title (str): Its name in full.
        definitions (Mapping[str, Definition]): What it is under each convention.
    """

    function: Callable
    higher_is_better: bool
    range: tuple[float, float]
    title: str
    definitions: Mapping[str, Definition]

    @property
    def conventions(self) -> tuple[str, ...]:
        """tuple[str, ...]: The conventions that it is defined under."""
        return tuple(self.definitions)

    def min_size(self, convention: str) -> int:
        """The shortest side, in pixels, that it is defined for under a convention."""
        return self.definitions[convention].min_size


# Name -> function, range.
_METRICS = {
    'SSIM': (ssim, (-1.0, 1.0)),
    'PSNR': (psnr, (0.0, _INFINITY)),
    'MSE': (mse, (0.0, 65025.0)),
    'VIF': (vif, (0.0, _INFINITY)),
    'CC': (cc, (-1.0, 1.0)),
    'CV': (qcv, (0.0, _INFINITY)),
    'EN': (en, (0.0, 8.0)),
    'SD': (sd, (0.0, 127.5)),
    'SF': (sf, (0.0, 255 * 2**0.5)),
    'AG': (ag, (0.0, 1020.0)),
    'EI': (ei, (0.0, 255 * 20**0.5)),
    'MI': (mi, (0.0, 16.0)),
    'NMI': (nmi, (0.0, 2.0)),
    'CE': (ce, (-0.5308, _INFINITY)),
    'RMSE': (rmse, (0.0, 255.0)),
    'SCD': (scd, (-2.0, 2.0)),
    'MS_SSIM': (ms_ssim, (0.0, 1.0)),
    'VIFF': (viff, (0.0, _INFINITY)),
    'Qabf': (qabf, (0.0, 0.9754)),
    'Nabf': (nabf, (0.0, 1.0)),
    'Labf': (labf, (0.0, 1.0)),
    'Qcb': (qcb, (0.0, 1.0)),
    'Qy': (qy, (-1.0, 1.0)),
    'Qs': (qs, (-1.0, 1.0)),
    'FMI_pixel': (fmi_pixel, (0.0, 1.0)),
    'FMI_dct': (fmi_dct, (0.0, 1.0)),
    'FMI_w': (fmi_w, (0.0, 1.0)),
}

#: Name in tables -> :class:`MetricInfo`; those of the paper's tables first, in their order.
FUSION_METRICS = {
    name: MetricInfo(
        function,
        METRIC_NAMES[name].higher_is_better,
        limits,
        METRIC_NAMES[name].title,
        function.definitions,
    )
    for name, (function, limits) in _METRICS.items()
}
