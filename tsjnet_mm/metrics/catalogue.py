"""The fusion metrics by the names that tables print."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from ._conventions import CONVENTIONS
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


#: Name in tables -> :class:`MetricInfo`; those of the paper's tables first, in their order.
FUSION_METRICS = {
    'SSIM': MetricInfo(ssim, True, (-1.0, 1.0), 'structural similarity', SSIM_CONVENTIONS),
    'PSNR': MetricInfo(
        psnr, True, (0.0, _INFINITY), 'peak signal-to-noise ratio, dB', PSNR_CONVENTIONS
    ),
    'MSE': MetricInfo(mse, False, (0.0, 65025.0), 'mean squared error', MSE_CONVENTIONS),
    'VIF': MetricInfo(
        vif, True, (0.0, _INFINITY), 'visual information fidelity', VIF_CONVENTIONS
    ),
    'CC': MetricInfo(cc, True, (-1.0, 1.0), 'correlation coefficient', CC_CONVENTIONS),
    'CV': MetricInfo(qcv, False, (0.0, _INFINITY), "Chen and Varshney's Q_CV", CV_CONVENTIONS),
    'EN': MetricInfo(en, True, (0.0, 8.0), 'entropy, bits', EN_CONVENTIONS),
    'SD': MetricInfo(sd, True, (0.0, 127.5), 'standard deviation', SD_CONVENTIONS),
    'SF': MetricInfo(sf, True, (0.0, 255 * 2**0.5), 'spatial frequency', SF_CONVENTIONS),
    'AG': MetricInfo(ag, True, (0.0, 1020.0), 'average gradient', AG_CONVENTIONS),
    'EI': MetricInfo(ei, True, (0.0, 255 * 20**0.5), 'edge intensity', EI_CONVENTIONS),
    'MI': MetricInfo(mi, True, (0.0, 16.0), 'mutual information, bits', MI_CONVENTIONS),
    'NMI': MetricInfo(nmi, True, (0.0, 2.0), 'normalised mutual information', NMI_CONVENTIONS),
    'CE': MetricInfo(
        ce, False, (-0.5308, _INFINITY), 'cross entropy of histograms, bits', CE_CONVENTIONS
    ),
    'RMSE': MetricInfo(rmse, False, (0.0, 255.0), 'root mean squared error', RMSE_CONVENTIONS),
    'SCD': MetricInfo(
        scd, True, (-2.0, 2.0), 'sum of the correlations of differences', SCD_CONVENTIONS
    ),
    'MS_SSIM': MetricInfo(
        ms_ssim, True, (0.0, 1.0), 'multi-scale structural similarity', MS_SSIM_CONVENTIONS
    ),
    'VIFF': MetricInfo(
        viff, True, (0.0, _INFINITY), 'VIF for fusion of Han et al.', VIFF_CONVENTIONS
    ),
    'Qabf': MetricInfo(
        qabf, True, (0.0, 0.9754), 'edge transfer of Xydeas and Petrovic', QABF_CONVENTIONS
    ),
    'Nabf': MetricInfo(nabf, False, (0.0, 1.0), 'fusion artefacts', NABF_CONVENTIONS),
    'Labf': MetricInfo(labf, False, (0.0, 1.0), 'fusion loss', LABF_CONVENTIONS),
    'Qcb': MetricInfo(qcb, True, (0.0, 1.0), "Chen and Blum's Q_CB", QCB_CONVENTIONS),
    'Qy': MetricInfo(qy, True, (-1.0, 1.0), "Yang's Q_Y", QY_CONVENTIONS),
    'Qs': MetricInfo(qs, True, (-1.0, 1.0), "Piella's Q_S", QS_CONVENTIONS),
    'FMI_pixel': MetricInfo(
        fmi_pixel,
        True,
        (0.0, 1.0),
        'feature mutual information, grey levels',
        FMI_PIXEL_CONVENTIONS,
    ),
    'FMI_dct': MetricInfo(
        fmi_dct,
        True,
        (0.0, 1.0),
        'feature mutual information, cosine transform',
        FMI_DCT_CONVENTIONS,
    ),
    'FMI_w': MetricInfo(
        fmi_w, True, (0.0, 1.0), 'feature mutual information, wavelet', FMI_W_CONVENTIONS
    ),
}

#: Metrics of the fused image alone: more texture is more, be it noise.
NO_REFERENCE = ('EN', 'SD', 'SF', 'AG', 'EI')

#: Name of a set -> its metrics; ``'all'`` is what :func:`resolve_metrics` makes of it.
METRIC_SETS = {'paper': ('SSIM', 'PSNR', 'MSE', 'VIF', 'CC', 'CV')}


def check_metrics(metrics, convention):
    """Refuse metrics that do not exist or are not defined under a convention.

    Args:
        metrics (Iterable[str]): Names in :data:`FUSION_METRICS`.
        convention (str): The convention that they are wanted under.

    Raises:
        ValueError: Says which metric, and what is known.
    """
    if convention not in CONVENTIONS:
        raise ValueError(f'unknown convention {convention!r}; known: {", ".join(CONVENTIONS)}')
    for name in metrics:
        if name not in FUSION_METRICS:
            raise ValueError(f'unknown metric {name!r}; known: {", ".join(FUSION_METRICS)}')
        known = FUSION_METRICS[name].conventions
        if convention not in known:
            defined = [
                other
                for other, info in FUSION_METRICS.items()
                if convention in info.conventions
            ]
            raise ValueError(
                f'{name} is not defined under the convention {convention!r}, only under '
                f'{", ".join(known)}; {convention!r} has {", ".join(defined)}'
            )


def resolve_metrics(metrics, convention):
    """Metric names from a choice of names and sets.

    Args:
        metrics (str | Iterable[str]): Names in :data:`FUSION_METRICS`, in any case,
            ``'paper'`` for the six of the paper's tables, or ``'all'`` for all that the
            convention has.
        convention (str): The convention that they are wanted under.

    Returns:
        tuple[str, ...]: Names in :data:`FUSION_METRICS`, each once.

    Raises:
        ValueError: There are none, or see :func:`check_metrics`.

    Example:
        >>> resolve_metrics(['vif', 'paper'], 'plain')
        ('VIF', 'SSIM', 'PSNR', 'MSE', 'CC', 'CV')
    """
    check_metrics((), convention)
    spelling = {name.lower(): name for name in FUSION_METRICS}
    names = []
    for choice in [metrics] if isinstance(metrics, str) else metrics:
        if choice == 'all':
            names += [
                name for name, info in FUSION_METRICS.items() if convention in info.conventions
            ]
        else:
            names += METRIC_SETS.get(choice, (spelling.get(choice.lower(), choice),))
    if not names:
        raise ValueError(f'name at least one metric of {", ".join(FUSION_METRICS)}')
    check_metrics(names, convention)
    return tuple(dict.fromkeys(names))
