"""Sheets of pairs, what was found in them, and the figures of a comparison of methods."""

from .box import box_figure
from .drawing import draw_boxes, draw_mask, to_rgb8
from .figure import COLUMN_WIDTH, TEXT_WIDTH, check_figure_path, save_figure
from .fusion_visualizer import FusionVisualizer
from .grid import grid_figure
from .insets import differing_windows
from .marks import MISSING_COLOUR, WRONG_COLOUR, BoxMark, LegendEntry, OvalMark
from .palette import class_colour, marked_class_colour
from .radar import radar_figure
from .sheet import make_sheet, save_png

__all__ = [
    'COLUMN_WIDTH',
    'MISSING_COLOUR',
    'TEXT_WIDTH',
    'WRONG_COLOUR',
    'BoxMark',
    'FusionVisualizer',
    'LegendEntry',
    'OvalMark',
    'box_figure',
    'check_figure_path',
    'class_colour',
    'differing_windows',
    'draw_boxes',
    'draw_mask',
    'grid_figure',
    'make_sheet',
    'marked_class_colour',
    'radar_figure',
    'save_figure',
    'save_png',
    'to_rgb8',
]
