"""Data structures passed between datasets, models, metrics and visualisation."""

from .fusion_data_sample import FusionDataSample

__all__ = ['FusionDataSample']
