"""Measure folders of images; metrics for the Runner; results and tables."""

from tsjnet_mm.utils.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        'DriverMetric': '.driver_metric',
        'EvaluationResults': '.results',
        'FusionMetric': '.fusion_metric',
        'format_drivers': '.driver_metric',
        'format_table': '.table',
        'load_results': '.results',
        'rank_methods': '.table',
    },
)
