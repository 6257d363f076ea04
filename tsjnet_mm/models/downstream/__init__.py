"""Fusion in front of any mmdet or mmseg model, in one graph."""

from .fused_models import FusedDetector, FusedModel, FusedSegmentor

__all__ = ['FusedDetector', 'FusedModel', 'FusedSegmentor']
