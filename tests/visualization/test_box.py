import math

import numpy as np
import pytest
from matplotlib.patches import Rectangle

from tsjnet_mm.visualization import COLUMN_WIDTH, TEXT_WIDTH, box_figure

RNG = np.random.default_rng(0)
VALUES = {
    name: {'SSIM': RNG.random(40).tolist(), 'CV': (900 * RNG.random(40)).tolist()}
    for name in ('average', 'max', 'mine')
}


def texts(figure):
    return '\n'.join(text.get_text() for text in figure.texts).replace('\n', ' ')


def boxes(panel):
    return [patch for patch in panel.patches if isinstance(patch, Rectangle)]


def markers(panel, marker):
    return [line for line in panel.get_lines() if line.get_marker() == marker]


def test_boxes_medians_and_means_are_those_of_the_values():
    figure = box_figure(VALUES, 'plain')
    for panel, metric in zip(figure.axes, ('SSIM', 'CV'), strict=True):
        for row, (name, box) in enumerate(zip(VALUES, boxes(panel), strict=True)):
            column = VALUES[name][metric]
            low, middle, high = np.quantile(column, [0.25, 0.5, 0.75])
            assert box.get_x() == pytest.approx(low)
            assert box.get_x() + box.get_width() == pytest.approx(high)
            assert box.get_y() < row < box.get_y() + box.get_height()
            lines = [line.get_xdata() for line in panel.get_lines()]
            assert any(list(data) == [pytest.approx(middle)] * 2 for data in lines)
            mean = markers(panel, 'D')[row]
            assert mean.get_xydata()[0] == pytest.approx((np.mean(column), row))


def test_whiskers_and_dots():
    column = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 20.0]
    (panel,) = box_figure({'a': {'CV': column}}, 'plain').axes
    # Quartiles 2.75 and 6.25: whiskers reach at most 11.5, and end at values.
    ends = [tuple(line.get_xdata()) for line in panel.get_lines()]
    assert (1.0, 2.75) in ends and (6.25, 7.0) in ends
    (dots,) = markers(panel, '.')
    assert dots.get_xdata().tolist() == [20.0]


def test_methods_go_down_and_directions_are_said():
    figure = box_figure(VALUES, 'plain', 'max', 'MSRS, 40 pairs')
    first = figure.axes[0]
    assert [label.get_text() for label in first.get_yticklabels()] == list(VALUES)
    bottom, top = first.get_ylim()
    assert bottom > top
    weights = [label.get_fontweight() for label in first.get_yticklabels()]
    assert weights == ['normal', 'bold', 'normal']
    assert [panel.get_title() for panel in figure.axes] == ['SSIM ↑', 'CV ↓']
    assert 'MSRS, 40 pairs (convention: plain)' in texts(figure)


def test_values_that_are_not_finite_are_left_out_and_said():
    values = {name: {'PSNR': [20.0, 30.0, 22.0, 24.0]} for name in ('a', 'b', 'c')}
    values['b']['PSNR'] = [math.inf, 30.0, math.nan, 24.0]
    values['c']['PSNR'] = [math.inf] * 4
    figure = box_figure(values, 'plain')
    (panel,) = figure.axes
    rows = [line.get_ydata()[0] for line in markers(panel, 'D')]
    means = [line.get_xdata()[0] for line in markers(panel, 'D')]
    assert rows == [0, 1] and means == [24.0, 27.0]
    assert 'Not finite and left out: PSNR of b: 2 of 4; PSNR of c: 4 of 4.' in texts(figure)
    assert 'left out' not in texts(box_figure(VALUES, 'plain'))


@pytest.mark.parametrize('metrics', [1, 2, 3, 5])
@pytest.mark.parametrize('methods', [1, 12])
def test_labels_neither_overlap_nor_leave_the_figure(metrics, methods, assert_legible):
    names = ('SSIM', 'PSNR', 'MSE', 'CC', 'CV')[:metrics]
    rng = np.random.default_rng(1)
    values = {
        f'Method No. {index}': {
            name: [math.inf, *(rng.random(20) * 10 ** (4 if name in ('MSE', 'CV') else 1))]
            for name in names
        }
        for index in range(methods)
    }
    figure = box_figure(values, 'plain', title='A dataset with a long name, 4321 pairs')
    assert_legible(figure)
    assert len(figure.axes) == metrics
    assert figure.get_figwidth() == (COLUMN_WIDTH if metrics == 1 else TEXT_WIDTH)


def test_panels_stand_apart():
    figure = box_figure(
        {'a': {name: [1.0, 2.0] for name in ('SSIM', 'PSNR', 'CC', 'CV')}}, 'plain'
    )
    places = [panel.get_position() for panel in figure.axes]
    assert places[0].y0 > places[3].y1 and places[0].x0 == places[3].x0
    assert places[0].x1 < places[1].x0 and places[1].x1 < places[2].x0
    assert len({place.y0 for place in places[:3]}) == 1


def test_errors():
    with pytest.raises(ValueError, match='at least one method and one metric'):
        box_figure({}, 'plain')
    with pytest.raises(ValueError, match='at least one method and one metric'):
        box_figure({'a': {}}, 'plain')
    with pytest.raises(ValueError, match='b: expected values of SSIM, got CV'):
        box_figure({'a': {'SSIM': [1.0]}, 'b': {'CV': [1.0]}}, 'plain')
    with pytest.raises(ValueError, match='no method has a finite PSNR'):
        box_figure({'a': {'PSNR': [math.inf]}, 'b': {'PSNR': []}}, 'plain')
    with pytest.raises(ValueError, match="unknown metric 'FID'"):
        box_figure({'a': {'FID': [1.0]}}, 'plain')
    with pytest.raises(ValueError, match="unknown convention 'other'"):
        box_figure(VALUES, 'other')
    with pytest.raises(ValueError, match="cannot highlight 'me'"):
        box_figure(VALUES, 'plain', highlight='me')
