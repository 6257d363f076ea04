"""Contact sheets of pairs with labels and predictions, and figures that compare methods."""

from tsjnet_mm.utils.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        'BoxMark': '.marks',
        'COLUMN_WIDTH': '.figure',
        'FusionVisualizer': '.fusion_visualizer',
        'LegendEntry': '.marks',
        'MISSING_COLOUR': '.marks',
        'OvalMark': '.marks',
        'TEXT_WIDTH': '.figure',
        'WRONG_COLOUR': '.marks',
        'box_figure': '.box',
        'check_figure_path': '.figure',
        'class_colour': '.palette',
        'differing_windows': '.insets',
        'draw_boxes': '.drawing',
        'draw_mask': '.drawing',
        'grid_figure': '.grid',
        'make_sheet': '.sheet',
        'marked_class_colour': '.palette',
        'radar_figure': '.radar',
        'save_figure': '.figure',
        'save_png': '.sheet',
        'to_rgb8': '.drawing',
    },
)
