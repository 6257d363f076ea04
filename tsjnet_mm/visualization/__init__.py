"""Sheets of pairs, what was fused from them and what was found in it."""

from .drawing import draw_boxes, draw_mask, to_rgb8
from .fusion_visualizer import FusionVisualizer
from .palette import class_colour
from .sheet import make_sheet, save_png

__all__ = [
    'FusionVisualizer',
    'class_colour',
    'draw_boxes',
    'draw_mask',
    'make_sheet',
    'save_png',
    'to_rgb8',
]
