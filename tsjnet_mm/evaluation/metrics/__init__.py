"""Metrics for mmengine's Runner."""

from .fusion_metric import FusionMetric

__all__ = ['FusionMetric']
