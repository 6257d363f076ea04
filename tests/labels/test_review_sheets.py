import numpy as np
from PIL import Image

from tsjnet_mm.labels import draw_sheets, list_pairs, order_pairs, save_mask


def record(*scores):
    box = [4, 4, 20, 20]
    return {'objects': [{'label': 'car', 'box': box, 'score': score} for score in scores]}


RECORDS = {'001': record(0.9, 0.4), '002': record(), '010': record(0.2)}


def test_order():
    assert order_pairs(RECORDS, 'name') == ['001', '002', '010']
    assert order_pairs(RECORDS, 'confidence') == ['010', '001', '002']


def test_sheets(pair_folder, tmp_path):
    root = pair_folder(size=(48, 64))
    pairs = list_pairs(root / 'ir', root / 'vi')
    mask = np.zeros((48, 64), np.uint8)
    mask[:, 32:] = 1
    masks = {stem: tmp_path / 'masks' / f'{stem}.png' for stem in RECORDS}
    for path in masks.values():
        save_mask(mask, path, [(0, 0, 0), (0, 100, 0)])
    (tmp_path / 'review').mkdir()
    (tmp_path / 'review' / 'sheet_009.png').touch()
    written = draw_sheets(
        tmp_path / 'review', pairs, RECORDS, ['car'], masks, [(0, 0, 0), (0, 100, 0)], rows=2
    )
    assert [path.name for path in written] == ['sheet_001.png', 'sheet_002.png']
    assert sorted(path.name for path in (tmp_path / 'review').iterdir()) == [
        'sheet_001.png',
        'sheet_002.png',
    ]
    sheet = np.asarray(Image.open(written[1]))
    width = (sheet.shape[1] - 16) // 3
    cell = sheet[-100:-20, 12 + 2 * width : 12 + 3 * width].astype(int)
    left, right = cell[:, : width // 2 - 4], cell[:, width // 2 + 4 :]
    greenness = [(side[..., 1] - side[..., [0, 2]].mean(-1)).mean() for side in (left, right)]
    assert greenness[1] > greenness[0] + 60


def test_boxes_on_fused_images(pair_folder, tmp_path):
    root = pair_folder(size=(48, 64))
    pairs = list_pairs(root / 'ir', root / 'vi')
    fused = {stem: vi for stem, _, vi in pairs}
    (written,) = draw_sheets(tmp_path / 'review', pairs, RECORDS, ['car'], fused=fused)
    assert np.asarray(Image.open(written)).shape[1] == 3 * 480 + 16
    assert draw_sheets(tmp_path / 'review', [], RECORDS, ['car']) == []
