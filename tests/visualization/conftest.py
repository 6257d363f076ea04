import itertools

import pytest
from matplotlib.text import Text

from tsjnet_mm.visualization.figure import figure_style


@pytest.fixture
def assert_legible(monkeypatch):
    """Check that no two texts of a figure overlap, and that none is cut off by its edge."""

    def check(figure):
        drawn = []
        draw = Text.draw

        def record(text, *args):
            if text.get_visible() and text.get_text():
                drawn.append(text)
            draw(text, *args)

        with monkeypatch.context() as patch, figure_style():
            patch.setattr(Text, 'draw', record)
            figure.draw_without_rendering()
            boxes = [(text.get_text(), text.get_window_extent()) for text in drawn]
        assert boxes
        for text, box in boxes:
            assert figure.bbox.x0 <= box.x0 < box.x1 <= figure.bbox.x1, f'{text} is cut off'
            assert figure.bbox.y0 <= box.y0 < box.y1 <= figure.bbox.y1, f'{text} is cut off'
        for (one, a), (other, b) in itertools.combinations(boxes, 2):
            wide = min(a.x1, b.x1) - max(a.x0, b.x0)
            high = min(a.y1, b.y1) - max(a.y0, b.y0)
            # The boxes of neighbouring lines may touch: half a point.
            assert min(wide, high) < figure.dpi / 144, f'{one} and {other} overlap'

    return check
