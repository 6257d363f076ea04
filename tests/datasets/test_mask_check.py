"""Masks that teach nothing, or something else, are said once, with their number."""

import re

import numpy as np
import pytest
from PIL import Image

from tsjnet_mm.datasets import FolderDataset, PairError, paired
from tsjnet_mm.datasets.transforms import LoadPair, LoadPairAnnotations

STEMS = ('001', '002', '003', '004')
SHAPE = (24, 32)


def binary(foreground):
    mask = np.zeros(SHAPE, np.uint8)
    mask[5:9, 5:20] = foreground
    return mask


@pytest.fixture
def notes(pair_folder, monkeypatch):
    """What building a data set with these masks says, and the data set."""

    def build(masks, seg_classes=('background', 'person'), extension='.png', **options):
        lines = []
        monkeypatch.setattr(paired, 'print_log', lambda text, *_: lines.append(text))
        root = pair_folder(STEMS, SHAPE)
        (root / 'masks').mkdir(exist_ok=True)
        for stem, mask in zip(STEMS, masks, strict=True):
            Image.fromarray(mask).save(root / f'masks/{stem}{extension}')
        dataset = FolderDataset(
            str(root),
            metainfo={'seg_classes': seg_classes},
            pipeline=[LoadPair(), LoadPairAnnotations()],
            **options,
        )
        return [re.sub(r'^FolderDataset: ', '', line) for line in lines], dataset

    return build


def test_binary_masks_of_255_are_said(notes):
    lines, dataset = notes([binary(255)] * 3 + [binary(0)])
    assert lines == [
        '3 of 4 masks hold 255, which is ignored in training, and all hold no class but 0: if '
        'they are binary masks of 0 and 255, write the foreground as 1'
    ]
    assert set(np.unique(dataset[0]['gt_seg_map'])) == {0, 255}


def test_masks_that_teach_say_nothing(notes):
    void = binary(1)
    void[0] = 255
    for masks in ([binary(1)] * 4, [void] * 4, [binary(1)] + [binary(0)] * 3):
        assert notes(masks)[0] == []
    # One bit is 0 and 1.
    lines, dataset = notes([binary(255) > 0] * 4)
    assert lines == [] and set(np.unique(dataset[0]['gt_seg_map'])) == {0, 1}


def test_masks_that_teach_nothing_are_counted(notes):
    nothing = np.full(SHAPE, 255, np.uint8)
    lines, _ = notes([binary(1), nothing, nothing, binary(1)])
    assert lines == ['2 of 4 masks hold 255 alone, so they teach nothing']
    assert notes([nothing] * 4)[0] == ['4 of 4 masks hold 255 alone, so they teach nothing']
    assert notes([binary(0)] * 4)[0] == ['class 0 alone is in 4 masks']
    classes = ('background', 'person', 'car', 'curve')
    assert notes([binary(1)] * 4, classes)[0] == ['no pixel of car, curve in 4 masks']


def test_indices_beyond_the_classes_are_counted_and_refused(notes):
    lines, dataset = notes([binary(1), binary(7), binary(1), binary(2)])
    (line,) = lines
    assert line.startswith('2 of 4 masks cannot be used (the first: ')
    assert 'masks/002.png: mask index out of range: expected classes 0 to 1' in line
    with pytest.raises(PairError, match=r'002\.png: mask index out of range.*found index 7'):
        dataset[1]


def test_jpeg_masks_are_said_and_refused(notes):
    lines, dataset = notes([binary(1)] * 4, extension='.jpg')
    assert lines[0].startswith('4 of 4 masks cannot be used (the first: ')
    with pytest.raises(PairError, match=r'001\.jpg: mask stored with loss'):
        dataset[0]


def test_nothing_is_looked_at_without_check(notes):
    assert notes([binary(255)] * 4, check=False)[0] == []
