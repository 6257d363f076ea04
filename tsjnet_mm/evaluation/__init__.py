"""Evaluation: metrics as functions, as the Runner's metrics, and their tables."""

from .metrics import FusionMetric
from .table import format_table

__all__ = ['FusionMetric', 'format_table']
