import json

import numpy as np
import pytest
import torch
from PIL import Image

from tsjnet_mm.apis import init_fusor


@pytest.fixture(scope='module')
def quickstart(load_tool):
    return load_tool('quickstart.py')


def write_scalars(folder, *records):
    folder.mkdir(parents=True)
    lines = [json.dumps(record) for record in records]
    (folder / 'scalars.json').write_text('\n'.join(lines) + '\n')


def test_losses_of_an_interrupted_and_resumed_training(quickstart, tmp_path):
    write_scalars(
        tmp_path / '20260101_000000' / 'vis_data',
        {'loss': 9.0, 'step': 4},
        {'epoch_loss': 8.0, 'step': 1},
        {'epoch_loss': 6.0, 'step': 2},
    )
    write_scalars(
        tmp_path / '20260101_000100' / 'vis_data',
        {'epoch_loss': 6.5, 'step': 2},
        {'epoch_loss': 5.0, 'step': 3},
    )
    assert quickstart.epoch_losses(tmp_path) == {1: 8.0, 2: 6.5, 3: 5.0}


def test_contact_sheet_shows_sources_and_every_method(quickstart, pair_folder, tmp_path):
    data = pair_folder(root='test', size=(48, 64)).parent
    with pytest.warns(UserWarning, match='random weights'):
        fusor = init_fusor(quickstart.CONFIG)
    torch.save(fusor.state_dict(), tmp_path / 'weights.pth')
    sheet = tmp_path / 'sheet.png'
    quickstart.make_contact_sheet(data, tmp_path / 'weights.pth', sheet, count=2)
    array = np.asarray(Image.open(sheet))
    # Two rows and seven columns of 64x48, with 4 pixels between and around them.
    assert array.shape[1] == 4 + 7 * (64 + 4)
    assert array.shape[0] > 4 + 2 * (48 + 4)
    visible = np.asarray(Image.open(data / 'test' / 'vi' / '001.png'))
    top = array.shape[0] - 2 * (48 + 4)
    np.testing.assert_array_equal(array[top : top + 48, 72:136], visible)
