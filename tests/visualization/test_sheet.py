import cv2
import numpy as np
import pytest

from tsjnet_mm.visualization import make_sheet, save_png


def flat(colour, height=30, width=40):
    return np.full((height, width, 3), colour, np.uint8)


RED, GREEN, BLUE, WHITE = (200, 10, 10), (10, 200, 10), (10, 10, 200), (250, 250, 250)


def test_cells_are_in_reading_order():
    sheet = make_sheet([[flat(RED), flat(GREEN)], [flat(BLUE), flat(WHITE)]], gap=4)
    assert sheet.shape == (4 + 2 * 34, 4 + 2 * 44, 3) and sheet.dtype == np.uint8
    for row, column, colour in ((0, 0, RED), (0, 1, GREEN), (1, 0, BLUE), (1, 1, WHITE)):
        top, left = 4 + row * 34, 4 + column * 44
        assert (sheet[top : top + 30, left : left + 40] == colour).all()
    assert (sheet[:, 44:48] == 24).all() and (sheet[34:38] == 24).all()


def test_images_are_kept_to_the_pixel():
    image = np.random.default_rng(0).integers(0, 256, (30, 40, 3), np.uint8)
    sheet = make_sheet([[image]], gap=2)
    assert np.array_equal(sheet[2:32, 2:42], image)


def test_missing_cells_stay_empty():
    sheet = make_sheet([[flat(RED), None], [flat(BLUE)]], gap=4)
    assert (sheet[:, 48:] == 24).all()


def test_other_shapes_are_fitted_into_the_middle():
    sheet = make_sheet([[flat(RED), flat(GREEN, 30, 10)]], gap=0)
    cell = sheet[:, 40:]
    assert (cell[:, 15:25] == GREEN).all()
    assert (cell[:, :15] == 24).all() and (cell[:, 25:] == 24).all()
    small = make_sheet([[flat(RED), flat(GREEN)]], cell_size=(20, 15), gap=0)
    assert small.shape == (15, 40, 3)
    assert (small[:, :20] == RED).all() and (small[:, 20:] == GREEN).all()


def test_titles_and_captions_have_their_place():
    sheet = make_sheet(
        [[flat(RED), flat(GREEN)]],
        titles=['left', [('right', BLUE)]],
        captions=['00001N'],
        gap=4,
        bar=20,
    )
    assert sheet.shape == (4 + 20 + 20 + 34, 4 + 2 * 44, 3)
    titles, caption = sheet[4:24], sheet[24:44]
    assert titles[:, 4:44].max() > 150 and caption.max() > 150
    right = titles[:, 48:].reshape(-1, 3).max(axis=0)
    assert right[2] > 100 and right[:2].max() < 60
    assert (sheet[44:74, 4:44] == RED).all() and (sheet[44:74, 48:88] == GREEN).all()


def test_long_titles_stay_within_their_column():
    sheet = make_sheet([[flat(RED), flat(GREEN)]], ['a very long title indeed', ''], bar=20)
    assert sheet[4:24, 4:44].max() > 60
    assert (sheet[4:24, 44:] == 24).all()


def test_grid_is_checked():
    with pytest.raises(ValueError, match='at least one image'):
        make_sheet([[None]])
    with pytest.raises(ValueError, match='1 titles for 2 columns'):
        make_sheet([[flat(RED), flat(RED)]], titles=['one'])
    with pytest.raises(ValueError, match='2 captions for 1 rows'):
        make_sheet([[flat(RED)]], captions=['one', 'two'])


def test_png_has_its_colours_in_order_and_no_leavings(tmp_path):
    path = tmp_path / 'deep' / 'sheet.png'
    save_png(flat(RED), path)
    assert (cv2.imread(str(path)) == RED[::-1]).all()
    assert list(path.parent.iterdir()) == [path]


def test_failed_write_keeps_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / 'sheet.png'
    save_png(flat(RED), path)

    def fail(*args):
        raise OSError('disk full')

    monkeypatch.setattr('os.replace', fail)
    with pytest.raises(OSError, match='disk full'):
        save_png(flat(BLUE), path)
    assert (cv2.imread(str(path)) == RED[::-1]).all()
    assert list(tmp_path.iterdir()) == [path]


def test_only_png(tmp_path):
    with pytest.raises(ValueError, match=r'sheet\.jpg'):
        save_png(flat(RED), tmp_path / 'sheet.jpg')
