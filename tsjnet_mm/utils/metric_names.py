"""Names and descriptions of the metrics, for commands that have not imported torch.

The functions and their definitions are in :mod:`tsjnet_mm.metrics`.
"""

from collections.abc import Iterable
from typing import NamedTuple

#: Name -> whose numbers these are.
CONVENTIONS = {
    'plain': "this project's default: each metric as its paper defines it, levels in 0..255",
    'tsjnet': "TSJNet's own evaluation, recovered from its tables",
    'cddfuse': "the Python evaluator of CDDFuse, the field's most reused",
    'tang': "Linfeng Tang's MATLAB evaluation, the de-facto MATLAB set",
    'vifb': 'the MATLAB benchmark VIFB',
}


class MetricName(NamedTuple):
    """Description of a metric, without its function.

    Attributes:
        title (str): Its name in full.
        higher_is_better (bool): The direction.
        conventions (tuple[str, ...]): The conventions that it is defined under.
    """

    title: str
    higher_is_better: bool
    conventions: tuple[str, ...]


def _metric(title, conventions, higher_is_better=True):
    return MetricName(title, higher_is_better, tuple(conventions.split()))


#: Name in tables -> :class:`MetricName`; those of the paper's tables first, in their order.
METRIC_NAMES = {
    'SSIM': _metric('structural similarity', 'plain tsjnet cddfuse tang vifb'),
    'PSNR': _metric('peak signal-to-noise ratio, dB', 'plain tsjnet cddfuse tang vifb'),
    'MSE': _metric('mean squared error', 'plain tsjnet cddfuse tang vifb', False),
    'VIF': _metric('visual information fidelity', 'plain tsjnet cddfuse tang'),
    'CC': _metric('correlation coefficient', 'plain tsjnet cddfuse tang'),
    'CV': _metric("Chen and Varshney's Q_CV", 'plain tsjnet vifb', False),
    'EN': _metric('entropy, bits', 'plain cddfuse tang vifb'),
    'SD': _metric('standard deviation', 'plain cddfuse tang vifb'),
    'SF': _metric('spatial frequency', 'plain cddfuse tang vifb'),
    'AG': _metric('average gradient', 'plain cddfuse tang vifb'),
    'EI': _metric('edge intensity', 'plain vifb'),
    'MI': _metric('mutual information, bits', 'plain cddfuse tang vifb'),
    'NMI': _metric('normalised mutual information', 'plain'),
    'CE': _metric('cross entropy of histograms, bits', 'plain vifb', False),
    'RMSE': _metric('root mean squared error', 'plain vifb', False),
    'SCD': _metric('sum of the correlations of differences', 'plain cddfuse tang'),
    'MS_SSIM': _metric('multi-scale structural similarity', 'plain tang'),
    'VIFF': _metric('VIF for fusion of Han et al.', 'plain'),
    'Qabf': _metric('edge transfer of Xydeas and Petrovic', 'plain cddfuse tang vifb'),
    'Nabf': _metric('fusion artefacts', 'plain tang', False),
    'Labf': _metric('fusion loss', 'plain', False),
    'Qcb': _metric("Chen and Blum's Q_CB", 'plain vifb'),
    'Qy': _metric("Yang's Q_Y", 'plain'),
    'Qs': _metric("Piella's Q_S", 'plain'),
    'FMI_pixel': _metric('feature mutual information, grey levels', 'plain tang'),
    'FMI_dct': _metric('feature mutual information, cosine transform', 'plain tang'),
    'FMI_w': _metric('feature mutual information, wavelet', 'plain tang'),
}

#: Metrics of the fused image alone: more texture is more, be it noise.
NO_REFERENCE = ('EN', 'SD', 'SF', 'AG', 'EI')

#: Name of a set -> its metrics; ``'all'`` is what :func:`resolve_metrics` makes of it.
METRIC_SETS = {'paper': ('SSIM', 'PSNR', 'MSE', 'VIF', 'CC', 'CV')}


def metrics_of(convention: str) -> tuple[str, ...]:
    """The metrics that are defined under a convention.

    Args:
        convention (str): A name in :data:`CONVENTIONS`.

    Returns:
        tuple[str, ...]: Names in :data:`METRIC_NAMES`, in its order.
    """
    return tuple(name for name, info in METRIC_NAMES.items() if convention in info.conventions)


def default_metrics(convention: str) -> str:
    """The paper's six where the convention has them, else all that it has."""
    return 'paper' if {*METRIC_SETS['paper']} <= {*metrics_of(convention)} else 'all'


def check_metrics(metrics: Iterable[str], convention: str) -> None:
    """Refuse metrics that do not exist or are not defined under a convention.

    Args:
        metrics (Iterable[str]): Names in :data:`METRIC_NAMES`.
        convention (str): The convention that they are wanted under.

    Raises:
        ValueError: Says which metric, and what is known.
    """
    if convention not in CONVENTIONS:
        raise ValueError(f'unknown convention {convention!r}; known: {", ".join(CONVENTIONS)}')
    for name in metrics:
        if name not in METRIC_NAMES:
            raise ValueError(f'unknown metric {name!r}; known: {", ".join(METRIC_NAMES)}')
        known = METRIC_NAMES[name].conventions
        if convention not in known:
            raise ValueError(
                f'{name} is not defined under the convention {convention!r}, only under '
                f'{", ".join(known)}; {convention!r} has {", ".join(metrics_of(convention))}'
            )


def resolve_metrics(metrics: str | Iterable[str], convention: str) -> tuple[str, ...]:
    """Metric names from a choice of names and sets.

    Args:
        metrics (str | Iterable[str]): Names in :data:`METRIC_NAMES`, in any case,
            ``'paper'`` for the six of the paper's tables, or ``'all'`` for all that the
            convention has.
        convention (str): The convention that they are wanted under.

    Returns:
        tuple[str, ...]: Names in :data:`METRIC_NAMES`, each once.

    Raises:
        ValueError: No metrics are given, or see :func:`check_metrics`.

    Example:
        >>> resolve_metrics(['vif', 'paper'], 'plain')
        ('VIF', 'SSIM', 'PSNR', 'MSE', 'CC', 'CV')
    """
    check_metrics((), convention)
    spelling = {name.lower(): name for name in METRIC_NAMES}
    names = []
    for choice in [metrics] if isinstance(metrics, str) else metrics:
        if choice == 'all':
            names += metrics_of(convention)
        else:
            names += METRIC_SETS.get(choice, (spelling.get(choice.lower(), choice),))
    if not names:
        raise ValueError(f'name at least one metric of {", ".join(METRIC_NAMES)}')
    check_metrics(names, convention)
    return tuple(dict.fromkeys(names))
