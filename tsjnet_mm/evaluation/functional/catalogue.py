"""The fusion metrics by the names that tables print."""

from collections.abc import Callable
from typing import NamedTuple

from tsjnet_mm.evaluation.functional.fidelity import (
    CC_CONVENTIONS,
    MSE_CONVENTIONS,
    PSNR_CONVENTIONS,
    cc,
    mse,
    psnr,
)
from tsjnet_mm.evaluation.functional.qcv import CV_CONVENTIONS, qcv
from tsjnet_mm.evaluation.functional.ssim import SSIM_CONVENTIONS, ssim
from tsjnet_mm.evaluation.functional.vif import VIF_CONVENTIONS, vif

_INFINITY = float('inf')


class MetricInfo(NamedTuple):
    """What a caller must know of a fusion metric.

    Attributes:
        function (Callable): ``function(fused, ir, vi, convention) -> (B,)``.
        higher_is_better (bool): The direction.
        range (tuple[float, float]): Least and greatest value.
        title (str): Its name in full.
        conventions (tuple[str, ...]): The conventions that it knows.
    """

    function: Callable
    higher_is_better: bool
    range: tuple
    title: str
    conventions: tuple


#: Name in tables -> :class:`MetricInfo`, in the order of the paper's tables.
FUSION_METRICS = {
    'SSIM': MetricInfo(
        ssim, True, (-1.0, 1.0), 'structural similarity', tuple(SSIM_CONVENTIONS)
    ),
    'PSNR': MetricInfo(
        psnr, True, (0.0, _INFINITY), 'peak signal-to-noise ratio, dB', tuple(PSNR_CONVENTIONS)
    ),
    'MSE': MetricInfo(mse, False, (0.0, 65025.0), 'mean squared error', tuple(MSE_CONVENTIONS)),
    'VIF': MetricInfo(
        vif,
        True,
        (0.0, _INFINITY),
        'visual information fidelity, pixel domain',
        tuple(VIF_CONVENTIONS),
    ),
    'CC': MetricInfo(cc, True, (-1.0, 1.0), 'correlation coefficient', tuple(CC_CONVENTIONS)),
    'CV': MetricInfo(
        qcv, False, (0.0, _INFINITY), "Chen and Varshney's Q_CV", tuple(CV_CONVENTIONS)
    ),
}


def check_metrics(metrics, convention):
    """Refuse metrics that do not exist or do not know a convention.

    Args:
        metrics (Iterable[str]): Names in :data:`FUSION_METRICS`.
        convention (str): The convention that they are wanted under.

    Raises:
        ValueError: Says which metric, and what is known.
    """
    for name in metrics:
        if name not in FUSION_METRICS:
            raise ValueError(f'unknown metric {name!r}; known: {", ".join(FUSION_METRICS)}')
        known = FUSION_METRICS[name].conventions
        if convention not in known:
            raise ValueError(
                f'{name} has no convention {convention!r}; known: {", ".join(known)}'
            )
