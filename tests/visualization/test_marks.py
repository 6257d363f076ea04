import cv2
import numpy as np
import pytest
from matplotlib.colors import to_rgb

from tsjnet_mm.visualization import (
    MISSING_COLOUR,
    WRONG_COLOUR,
    BoxMark,
    LegendEntry,
    OvalMark,
    grid_figure,
    save_figure,
)

GREEN, RED = (np.array(to_rgb(name)) * 255 for name in (MISSING_COLOUR, WRONG_COLOUR))
BLUE = (0, 0, 1)
# A column of 1.775 inches is printed at 400 / 1.775 = 225 dpi.
WIDTH = 1.775


def render(marks, tmp_path, size=(300, 400), legend=()):
    """The figure of one grey image with these marks, and its pixels."""
    image = np.full((*size, 3), 128, np.uint8)
    figure = grid_figure([[image]], ['x'], width=WIDTH, marks=[[marks]], legend=legend)
    path = tmp_path / 'marks.png'
    save_figure(figure, path)
    sheet = cv2.imread(str(path))[..., ::-1].astype(int)
    place = figure.axes[0].get_position()
    top = round((1 - place.y1) * sheet.shape[0])
    return figure, sheet[top : top + size[0], : size[1]], sheet


def near(cell, colour):
    return np.abs(cell - np.asarray(colour)).sum(axis=2) < 60


def extent(mask):
    y, x = np.nonzero(mask)
    return x.min(), y.min(), x.max() + 1, y.max() + 1


def test_box_lies_on_its_pixels(tmp_path):
    _, cell, _ = render([BoxMark((100, 60, 80, 120), BLUE)], tmp_path)
    assert extent(near(cell, (0, 0, 255))) == pytest.approx((100, 60, 180, 180), abs=2)
    assert (cell[100:150, 110:170] == 128).all() and (cell[:50] == 128).all()


def test_oval_surrounds_its_region(tmp_path):
    marks = [OvalMark.around((100, 60, 80, 120), MISSING_COLOUR)]
    _, cell, _ = render(marks, tmp_path)
    left, top, right, bottom = extent(near(cell, GREEN))
    # A fifth larger, 1.5 points of room at each end, and half the line.
    point = 400 / WIDTH / 72
    assert right - left == pytest.approx(80 * 1.2 + 3.4 * point, abs=4)
    assert bottom - top == pytest.approx(120 * 1.2 + 3.4 * point, abs=4)
    assert (left + right) / 2 == pytest.approx(140, abs=1)
    assert (cell[70:170, 115:165] == 128).all()


def test_turned_oval(tmp_path):
    marks = [OvalMark((200, 150), (200, 10), WRONG_COLOUR, angle=30)]
    _, cell, _ = render(marks, tmp_path)
    y, x = np.nonzero(near(cell, RED))
    # Clockwise: the right end is the lower one.
    assert y[x.argmax()] > 180 and y[x.argmin()] < 120


def test_marks_follow_an_image_that_is_enlarged(tmp_path):
    figure, _, sheet = render([BoxMark((50, 30, 40, 60), BLUE)], tmp_path, size=(150, 200))
    left, top, right, bottom = extent(near(sheet, (0, 0, 255)))
    assert figure.dpi * WIDTH == pytest.approx(2 * 200, abs=1)
    assert (right - left, bottom - top) == pytest.approx((80, 120), abs=4)


def test_texts_stay_inside_and_apart(tmp_path):
    boxes = [BoxMark((x, y, 30, 30), BLUE, '0.55') for x in (0, 5, 370) for y in (0, 4, 270)]
    figure, *_ = render(boxes, tmp_path)
    extents = [text.get_window_extent() for text in figure.axes[0].texts]
    assert 4 <= len(extents) <= 9
    frame = figure.axes[0].get_window_extent()
    for index, one in enumerate(extents):
        assert frame.x0 - 1 <= one.x0 and one.x1 <= frame.x1 + 1
        assert frame.y0 - 1 <= one.y0 and one.y1 <= frame.y1 + 1
        for other in extents[:index]:
            wide = min(one.x1, other.x1) - max(one.x0, other.x0)
            high = min(one.y1, other.y1) - max(one.y0, other.y0)
            assert min(wide, high) < 1


def test_first_texts_take_their_places_first(tmp_path):
    crowd = [BoxMark((100, 100, 10, 10), BLUE, str(index)) for index in range(30)]
    figure, *_ = render(crowd, tmp_path)
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert texts == [str(index) for index in range(len(texts))] and 2 <= len(texts) < 30


def test_legend_takes_the_lines_it_needs(tmp_path):
    def height(entries):
        return render([], tmp_path, legend=entries)[2].shape[0]

    none, one = height([]), height([LegendEntry('missing', MISSING_COLOUR, 'oval')])
    many = height([LegendEntry(f'class {index}', BLUE) for index in range(12)])
    assert none < one < many


def test_legend_stays_below_the_images(tmp_path):
    entries = [LegendEntry('a', BLUE), LegendEntry('b', WRONG_COLOUR, 'box')]
    figure, cell, sheet = render([], tmp_path, legend=entries)
    assert (cell == 128).all()
    foot = sheet[-40:]
    assert near(foot, (0, 0, 255)).any() and near(foot, RED).any()
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ['a', 'b']


def test_marks_of_another_grid():
    image = np.zeros((30, 40), np.uint8)
    with pytest.raises(ValueError, match='1 lists of marks for a grid of 1 scenes and 2 col'):
        grid_figure([[image, image]], ['a', 'b'], marks=[[[]]])
