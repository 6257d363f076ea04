"""Fusion in front of any mmdet or mmseg model, in one graph."""

from .base import FusedModel
from .detection import FusedDetector
from .segmentation import FusedSegmentor

__all__ = ['FusedDetector', 'FusedModel', 'FusedSegmentor']
