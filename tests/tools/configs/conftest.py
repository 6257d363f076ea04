"""Data sets in the layouts in which they are published, of tiny pairs, in the folder `data`."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

SPLITS = Path(__file__).resolve().parents[3] / 'configs' / '_base_' / 'datasets' / 'splits'
VOC = (
    '<annotation><object><name>{}</name><bndbox><xmin>8</xmin><ymin>10</ymin><xmax>30</xmax>'
    '<ymax>44</ymax></bndbox></object></annotation>'
)


def write_pairs(root, stems, size, ir='ir', vi='vi', extension='.png'):
    """Random pairs that are smooth enough for a network to make something of them."""
    rng = np.random.default_rng(len(stems))
    for folder in (ir, vi):
        (root / folder).mkdir(parents=True, exist_ok=True)
    for stem in stems:
        small = rng.integers(0, 256, (6, 8, 4), dtype=np.uint8)
        image = np.array(Image.fromarray(small, 'RGBA').resize(size[::-1], Image.BILINEAR))
        Image.fromarray(image[..., 0]).save(root / ir / (stem + extension))
        Image.fromarray(np.ascontiguousarray(image[..., 1:])).save(
            root / vi / (stem + extension)
        )


def write_labels(root, stems, size, seg_classes, boxes='labels', masks='Segmentation_labels'):
    """Two boxes and a mask with all classes for each pair; the last pair has no box."""
    for folder in (boxes, masks):
        (root / folder).mkdir(parents=True, exist_ok=True)
    mask = np.arange(size[0] * size[1]).reshape(size) * seg_classes // (size[0] * size[1])
    for stem in stems:
        lines = '0 0.3 0.4 0.25 0.5\n2 0.7 0.6 0.4 0.45\n' if stem != stems[-1] else ''
        (root / boxes / f'{stem}.txt').write_text(lines)
        Image.fromarray(mask.astype(np.uint8)).save(root / masks / f'{stem}.png')


def make_msrs(root, size=(64, 96), train=3, test=3):
    """An MSRS-shaped set with an odd number of pairs, boxes of 3 classes and masks of 9."""
    for split, count in (('train', train), ('test', test)):
        stems = [f'{index:05d}{"DN"[index % 2]}' for index in range(count)]
        write_pairs(root / split, stems, size)
        write_labels(root / split, stems, size, 9)


def make_llvip(root, train=(), test=('190001', '190002')):
    for split, stems in (('train', train), ('test', test)):
        write_pairs(
            root, stems, (96, 128), f'infrared/{split}', f'visible/{split}', extension='.jpg'
        )
        (root / 'Annotations').mkdir(exist_ok=True)
        for stem in stems:
            (root / 'Annotations' / f'{stem}.xml').write_text(VOC.format('person'))


def listed(name):
    return (SPLITS / f'{name}.txt').read_text().split()


@pytest.fixture(scope='session')
def data_folder(tmp_path_factory):
    """Folder with `data`, as the configs of one data set look for it."""
    base = tmp_path_factory.mktemp('sets')
    data = base / 'data'
    make_msrs(data / 'MSRS')
    make_msrs(data / 'toy', train=5)
    stems = ['00001', '00003', '00008']
    for split in ('train', 'test'):
        write_pairs(data / 'FMB' / split, stems, (64, 96), 'Infrared', 'Visible')
        write_labels(data / 'FMB' / split, stems, (64, 96), 15, masks='Label')
        write_pairs(data / 'mine' / split, stems, (64, 96), extension='.tif')
        write_labels(data / 'mine' / split, stems, (64, 96), 3, masks='masks')
    write_pairs(data / 'M3FD_Fusion', ['00000', '00317'], (64, 96), 'Ir', 'Vis')
    roads = ['FLIR_00006', 'FLIR_video_00018']
    write_pairs(data / 'RoadScene', roads, (64, 96), 'cropinfrared', 'crop_LR_visible', '.jpg')
    make_llvip(data / 'LLVIP')
    return base


@pytest.fixture(scope='session')
def mixed_folder(tmp_path_factory):
    """Folder with `data`, the pairs that the mixed training set lists."""
    base = tmp_path_factory.mktemp('mixed')
    data = base / 'data'
    write_pairs(
        data / 'RoadScene',
        listed('roadscene_train') + listed('roadscene_heldout'),
        (64, 96),
        'cropinfrared',
        'crop_LR_visible',
        '.jpg',
    )
    write_pairs(data / 'MSRS' / 'train', listed('msrs_train'), (64, 96))
    make_llvip(data / 'LLVIP', train=listed('llvip_train'))
    write_pairs(data / 'M3SVD' / '0111_1716', listed('m3svd_train'), (64, 96))
    write_pairs(data / 'M3FD', listed('m3fd_train'), (64, 96), 'Ir', 'Vis')
    for name in ('roadscene', 'msrs', 'llvip', 'm3svd'):
        root, stems = data / 'labelled' / name, listed(f'{name}_train')
        size = (128, 192) if name == 'llvip' else (64, 96)  # It is read at half its size.
        write_pairs(root, stems, size)
        write_labels(root, stems, size, 9, masks='masks')
    return base
