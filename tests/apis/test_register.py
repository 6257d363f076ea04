import json

import cv2
import numpy as np
import pytest

from tsjnet_mm.apis import load_homography
from tsjnet_mm.apis.register import (
    RegistrationError,
    draw_checkerboard,
    read_points,
    register_points,
)


def test_points_give_the_whole_homography(tmp_path):
    expected = np.array([[1.1, 0.05, 9], [-0.04, 1.2, -3], [1e-4, -2e-4, 1]])
    source = np.float64([[10, 20], [300, 15], [290, 220], [5, 230], [150, 100]])
    target = cv2.perspectiveTransform(source[:, None], expected)[:, 0]
    lines = [','.join(map(repr, map(float, row))) for row in np.hstack([source, target])]
    (tmp_path / 'p.csv').write_text('\n'.join(['x_ir,y_ir,x_vi,y_vi', *lines, '']))
    found = register_points(read_points(tmp_path / 'p.csv'))
    np.testing.assert_allclose(found.homography, expected, rtol=1e-4, atol=1e-6)
    assert found.error < 1e-4
    found.save(tmp_path / 'H.json', (320, 240), (640, 480))
    np.testing.assert_array_equal(load_homography(tmp_path / 'H.json'), found.homography)
    stored = json.loads((tmp_path / 'H.json').read_text())
    assert stored['ir_size'] == [320, 240] and stored['vi_size'] == [640, 480]


def test_points_that_do_not_do(tmp_path):
    with pytest.raises(RegistrationError, match='at least 4 points, found 3'):
        register_points(np.arange(12.0).reshape(3, 4))
    with pytest.raises(RegistrationError, match='lie on a line'):
        register_points(np.arange(20.0).reshape(5, 4))
    (tmp_path / 'p.csv').write_text('1,2,3,4\n1,2,x,4\n')
    with pytest.raises(ValueError, match=r'p\.csv: line 2: expected x_ir.*found 1,2,x,4'):
        read_points(tmp_path / 'p.csv')


def test_checkerboard_alternates():
    board = draw_checkerboard(np.ones((40, 80), np.float32), np.zeros((40, 80), np.float32))
    assert board.shape == (40, 80) and board.dtype == np.uint8
    assert (board[0, ::10] == [255, 0] * 4).all() and (board[::10, 0] == [255, 0] * 2).all()
