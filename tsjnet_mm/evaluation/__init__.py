"""Evaluation: metrics as functions, as the Runner's metrics, and their tables."""

from .metrics import DriverMetric, FusionMetric
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
