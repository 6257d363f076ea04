"""Drawing of the toy dataset's scenes: see :mod:`tsjnet_mm.datasets.toy`."""

from .canvas import DETECTION_CLASSES, SEGMENTATION_CLASSES
from .layout import compose_scene
from .sensors import render

__all__ = [
    'DETECTION_CLASSES',
    'SEGMENTATION_CLASSES',
    'compose_scene',
    'render',
]
