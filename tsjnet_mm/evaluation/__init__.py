"""Measuring: folders of images, the Runner's metrics, results and their tables."""

from .driver_metric import DriverMetric
from .fusion_metric import FusionMetric
from .results import EvaluationResults, load_results
from .table import format_table, rank_methods

__all__ = [
    'DriverMetric',
    'EvaluationResults',
    'FusionMetric',
    'format_table',
    'load_results',
    'rank_methods',
]
