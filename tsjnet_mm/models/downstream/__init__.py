"""Fusion in front of any mmdet or mmseg model, in one graph."""

from .base import FusedModel
from .fused_detector import FusedDetector
from .fused_segmentor import FusedSegmentor

__all__ = ['FusedDetector', 'FusedModel', 'FusedSegmentor']
