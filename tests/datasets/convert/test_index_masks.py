import numpy as np
import pytest
from PIL import Image

from tsjnet_mm.datasets import FMBDataset, PairError
from tsjnet_mm.datasets.convert.index_masks import (
    is_index_mask,
    to_index_mask,
    write_index_mask,
)
from tsjnet_mm.io.images import read_mask

PALETTE = FMBDataset.METAINFO['seg_palette']


@pytest.fixture
def index():
    return np.arange(15 * 8, dtype=np.uint8).reshape(10, 12) % 15


def test_colours_and_equal_channels_become_the_index(index):
    colours = np.array(PALETTE, np.uint8)[index]
    for array in (index, colours, np.repeat(index[..., None], 3, axis=2)):
        assert np.array_equal(to_index_mask(array, PALETTE, 'a'), index)


def test_unknown_colour_is_named(index):
    colours = np.array(PALETTE, np.uint8)[index]
    colours[3, 4] = 1, 2, 3
    with pytest.raises(PairError, match=r'a\.png: mask not .*the colour \(1, 2, 3\)'):
        to_index_mask(colours, PALETTE, 'a.png')


def test_files(index, tmp_path):
    path = tmp_path / 'mask.png'
    Image.fromarray(index).save(path)
    assert is_index_mask(path)
    Image.fromarray(index).convert('P').save(path)
    assert is_index_mask(path)
    Image.fromarray(np.array(PALETTE, np.uint8)[index]).convert('RGBA').save(path)
    assert not is_index_mask(path)
    write_index_mask(path, PALETTE)
    assert is_index_mask(path)
    assert np.array_equal(read_mask(path), index)
    path.write_bytes(b'no image')
    with pytest.raises(PairError, match='unreadable file'):
        write_index_mask(path, PALETTE)
