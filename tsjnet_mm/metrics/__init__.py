"""Fusion metrics as pure tensor functions, ``f(fused, ir, vi, convention) -> (B,)``.

Nothing here knows the registry or the Runner: torch and numpy suffice.
"""

from tsjnet_mm.utils.metric_names import (
    CONVENTIONS,
    METRIC_SETS,
    NO_REFERENCE,
    check_metrics,
    resolve_metrics,
)

from .catalogue import FUSION_METRICS, MetricInfo
from .fidelity import cc, mse, psnr, rmse, scd
from .fmi import fmi_dct, fmi_pixel, fmi_w
from .grey import to_grey
from .information import ce, mi, nmi
from .measure import measure
from .ms_ssim import ms_ssim
from .nabf import labf, nabf
from .qabf import qabf
from .qcb import qcb
from .qcv import contrast_sensitivity, qcv
from .qs import qs
from .qy import qy
from .ssim import ssim
from .statistics import ag, ei, en, sd, sf
from .vif import vif, visual_information_fidelity
from .viff import viff

__all__ = [
    'CONVENTIONS',
    'FUSION_METRICS',
    'METRIC_SETS',
    'NO_REFERENCE',
    'MetricInfo',
    'ag',
    'cc',
    'ce',
    'check_metrics',
    'contrast_sensitivity',
    'ei',
    'en',
    'fmi_dct',
    'fmi_pixel',
    'fmi_w',
    'labf',
    'measure',
    'mi',
    'ms_ssim',
    'mse',
    'nabf',
    'nmi',
    'psnr',
    'qabf',
    'qcb',
    'qcv',
    'qs',
    'qy',
    'resolve_metrics',
    'rmse',
    'scd',
    'sd',
    'sf',
    'ssim',
    'to_grey',
    'vif',
    'viff',
    'visual_information_fidelity',
]
