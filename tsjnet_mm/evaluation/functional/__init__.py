"""Fusion metrics as pure tensor functions, ``f(fused, ir, vi, convention) -> (B,)``.

Nothing here knows the registry or the Runner: torch and numpy suffice.
"""

from .catalogue import FUSION_METRICS, MetricInfo, check_metrics
from .fidelity import cc, mse, psnr
from .qcv import contrast_sensitivity, qcv
from .ssim import ssim
from .vif import vif, visual_information_fidelity

__all__ = [
    'FUSION_METRICS',
    'MetricInfo',
    'cc',
    'check_metrics',
    'contrast_sensitivity',
    'mse',
    'psnr',
    'qcv',
    'ssim',
    'vif',
    'visual_information_fidelity',
]
