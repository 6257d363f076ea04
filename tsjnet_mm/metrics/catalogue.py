"""The fusion metrics by the names that tables print."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from tsjnet_mm.utils.metric_names import METRIC_NAMES

from .fidelity import (
    CC_CONVENTIONS,
    MSE_CONVENTIONS,
    PSNR_CONVENTIONS,
    RMSE_CONVENTIONS,
    SCD_CONVENTIONS,
    cc,
    mse,
    psnr,
    rmse,
    scd,
)
from .fmi import (
    FMI_DCT_CONVENTIONS,
    FMI_PIXEL_CONVENTIONS,
    FMI_W_CONVENTIONS,
    fmi_dct,
    fmi_pixel,
    fmi_w,
)
from .information import (
    CE_CONVENTIONS,
    MI_CONVENTIONS,
    NMI_CONVENTIONS,
    ce,
    mi,
    nmi,
)
from .ms_ssim import MS_SSIM_CONVENTIONS, ms_ssim
from .nabf import LABF_CONVENTIONS, NABF_CONVENTIONS, labf, nabf
from .qabf import QABF_CONVENTIONS, qabf
from .qcb import QCB_CONVENTIONS, qcb
from .qcv import CV_CONVENTIONS, qcv
from .qs import QS_CONVENTIONS, qs
from .qy import QY_CONVENTIONS, qy
from .ssim import SSIM_CONVENTIONS, ssim
from .statistics import (
    AG_CONVENTIONS,
    EI_CONVENTIONS,
    EN_CONVENTIONS,
    SD_CONVENTIONS,
    SF_CONVENTIONS,
    ag,
    ei,
    en,
    sd,
    sf,
)
from .vif import VIF_CONVENTIONS, vif
from .viff import VIFF_CONVENTIONS, viff

_INFINITY = float('inf')


class MetricInfo(NamedTuple):
    """What a caller must know of a fusion metric.

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
    range: tuple
    title: str
    definitions: Mapping

    @property
    def conventions(self):
        """tuple[str, ...]: The conventions that it is defined under."""
        return tuple(self.definitions)

    def min_size(self, convention):
        """The shortest side, in pixels, that it is defined for under a convention."""
        return self.definitions[convention].min_size


# Name -> function, range, definitions.
_METRICS = {
    'SSIM': (ssim, (-1.0, 1.0), SSIM_CONVENTIONS),
    'PSNR': (psnr, (0.0, _INFINITY), PSNR_CONVENTIONS),
    'MSE': (mse, (0.0, 65025.0), MSE_CONVENTIONS),
    'VIF': (vif, (0.0, _INFINITY), VIF_CONVENTIONS),
    'CC': (cc, (-1.0, 1.0), CC_CONVENTIONS),
    'CV': (qcv, (0.0, _INFINITY), CV_CONVENTIONS),
    'EN': (en, (0.0, 8.0), EN_CONVENTIONS),
    'SD': (sd, (0.0, 127.5), SD_CONVENTIONS),
    'SF': (sf, (0.0, 255 * 2**0.5), SF_CONVENTIONS),
    'AG': (ag, (0.0, 1020.0), AG_CONVENTIONS),
    'EI': (ei, (0.0, 255 * 20**0.5), EI_CONVENTIONS),
    'MI': (mi, (0.0, 16.0), MI_CONVENTIONS),
    'NMI': (nmi, (0.0, 2.0), NMI_CONVENTIONS),
    'CE': (ce, (-0.5308, _INFINITY), CE_CONVENTIONS),
    'RMSE': (rmse, (0.0, 255.0), RMSE_CONVENTIONS),
    'SCD': (scd, (-2.0, 2.0), SCD_CONVENTIONS),
    'MS_SSIM': (ms_ssim, (0.0, 1.0), MS_SSIM_CONVENTIONS),
    'VIFF': (viff, (0.0, _INFINITY), VIFF_CONVENTIONS),
    'Qabf': (qabf, (0.0, 0.9754), QABF_CONVENTIONS),
    'Nabf': (nabf, (0.0, 1.0), NABF_CONVENTIONS),
    'Labf': (labf, (0.0, 1.0), LABF_CONVENTIONS),
    'Qcb': (qcb, (0.0, 1.0), QCB_CONVENTIONS),
    'Qy': (qy, (-1.0, 1.0), QY_CONVENTIONS),
    'Qs': (qs, (-1.0, 1.0), QS_CONVENTIONS),
    'FMI_pixel': (fmi_pixel, (0.0, 1.0), FMI_PIXEL_CONVENTIONS),
    'FMI_dct': (fmi_dct, (0.0, 1.0), FMI_DCT_CONVENTIONS),
    'FMI_w': (fmi_w, (0.0, 1.0), FMI_W_CONVENTIONS),
}

#: Name in tables -> :class:`MetricInfo`; those of the paper's tables first, in their order.
FUSION_METRICS = {
    name: MetricInfo(
        function, METRIC_NAMES[name].higher_is_better, limits, METRIC_NAMES[name].title, found
    )
    for name, (function, limits, found) in _METRICS.items()
}
