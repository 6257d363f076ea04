"""Metrics for mmengine's Runner."""

from .driver_metric import DriverMetric, format_drivers
from .fusion_metric import FusionMetric

__all__ = ['DriverMetric', 'FusionMetric', 'format_drivers']
