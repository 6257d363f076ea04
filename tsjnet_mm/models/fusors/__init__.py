"""Fusors: they compute a fused image from an infrared and a visible image."""

from .base import BaseFusor
from .classical import (
    AverageFusor,
    GuidedFilterFusor,
    LaplacianPyramidFusor,
    MaxFusor,
    WaveletFusor,
)
from .joint import JointFusor
from .onnx import OnnxFusor
from .tsjnet import TSJNet

__all__ = [
    'AverageFusor',
    'BaseFusor',
    'GuidedFilterFusor',
    'JointFusor',
    'LaplacianPyramidFusor',
    'MaxFusor',
    'OnnxFusor',
    'TSJNet',
    'WaveletFusor',
]
