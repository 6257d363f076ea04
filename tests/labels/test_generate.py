import json

import numpy as np
import pytest

from tsjnet_mm.datasets import FolderDataset, PairError
from tsjnet_mm.io.images import read_mask
from tsjnet_mm.labels import (
    ObjectMask,
    find_fused,
    generate_boxes,
    generate_masks,
    list_pairs,
)

BOXES = [(0, 2, 2, 12, 20), (1, 14, 4, 30, 16)]


class Detector:
    """Finds one object of class 7 and one of class 3; counts its calls."""

    def __init__(self):
        self.calls = 0

    def __call__(self, image):
        assert image.shape[2] == 3
        self.calls += 1
        return {
            'boxes': np.array([[2, 2, 12, 20], [14, 4, 40, 16]], np.float32),
            'scores': np.array([0.8, 0.5], np.float32),
            'labels': np.array([7, 3]),
        }


@pytest.fixture
def make_boxes(pair_folder, tmp_path):
    root = pair_folder()
    pairs = list_pairs(root / 'ir', root / 'vi')

    def make(detector, label_format='yolo', out='labels', **options):
        return generate_boxes(
            detector,
            pairs,
            root / out,
            tmp_path / 'review',
            ['person', 'car'],
            {7: 1},
            label_format=label_format,
            **options,
        )

    make.root = root
    return make


@pytest.mark.parametrize(
    ('label_format', 'out'), [('yolo', 'labels'), ('voc', 'labels'), ('coco', 'boxes.json')]
)
def test_boxes_that_the_datasets_read(make_boxes, label_format, out):
    records, made = make_boxes(Detector(), label_format, out)
    assert made == 3
    dataset = FolderDataset(
        str(make_boxes.root),
        data_prefix={'ir': 'ir', 'vi': 'vi', 'boxes': out},
        metainfo={'classes': ('person', 'car')},
    )
    for info in dataset:
        (item,) = info['instances']
        assert item['bbox_label'] == 1
        np.testing.assert_allclose(item['bbox'], [2, 2, 12, 20], atol=1e-4)
    # Two views at 0.8 each.
    assert records['001']['objects'][0]['score'] == pytest.approx(0.96)
    assert records['001']['objects'][0]['views'] == 2


def test_complete_pairs_are_not_done_again(make_boxes):
    make_boxes(Detector())
    path = make_boxes.root / 'labels' / '002.txt'
    path.write_text('corrected by hand')
    (make_boxes.root / 'labels' / '010.txt').unlink()
    detector = Detector()
    assert make_boxes(detector)[1] == 1
    assert detector.calls == 2  # the views of one pair
    assert path.read_text() == 'corrected by hand'
    assert make_boxes(detector, overwrite=True)[1] == 3
    assert path.read_text() != 'corrected by hand'


def test_coco_file_is_written_from_all_pairs_after_an_interruption(make_boxes):
    class Interrupted(Detector):
        def __call__(self, image):
            if self.calls == 4:
                raise KeyboardInterrupt
            return super().__call__(image)

    with pytest.raises(KeyboardInterrupt):
        make_boxes(Interrupted(), 'coco', 'boxes.json')
    assert not (make_boxes.root / 'boxes.json').exists()
    assert make_boxes(Detector(), 'coco', 'boxes.json')[1] == 1
    content = json.loads((make_boxes.root / 'boxes.json').read_text())
    assert len(content['images']) == len(content['annotations']) == 3
    assert content['annotations'][0]['score'] == pytest.approx(0.96)


def test_labels_of_others_are_not_written_over(make_boxes):
    (make_boxes.root / 'labels').mkdir()
    (make_boxes.root / 'labels' / '002.txt').write_text('mine')
    detector = Detector()
    with pytest.raises(ValueError, match='there already'):
        make_boxes(detector)
    assert detector.calls == 0


def test_score_threshold_and_fused_view(make_boxes):
    seen = []

    def fuse(pair):
        seen.append(pair.name)
        return pair.vi

    records, _ = make_boxes(Detector(), views=['fused'], fuse=fuse, score_thr=0.85)
    assert seen == ['001', '002', '010']
    assert records['001']['objects'] == []
    assert (make_boxes.root / 'labels' / '001.txt').read_text() == ''


def fill(ir, vi, boxes, names):
    found = []
    for left, top, right, bottom in np.array(boxes).round().astype(int):
        mask = np.zeros(ir.shape, bool)
        mask[top:bottom, left:right] = True
        found.append(ObjectMask(mask, 0.5, 'grabcut ir'))
    return found


@pytest.fixture
def make_masks(pair_folder, tmp_path):
    root = pair_folder(boxes=BOXES)

    def make(mapping, maker=fill, **options):
        return generate_masks(
            maker,
            list_pairs(root / 'ir', root / 'vi'),
            root / 'labels',
            root / 'masks',
            tmp_path / 'review',
            ['person', 'car'],
            mapping,
            [(0, 0, 0), (255, 0, 0), (0, 255, 0)],
            **options,
        )

    make.root = root
    return make


def test_masks_that_the_datasets_read(make_masks):
    records, made = make_masks({'person': 2, 'car': 1})
    assert made == 3
    dataset = FolderDataset(
        str(make_masks.root),
        metainfo={'classes': ('person', 'car'), 'seg_classes': ('background', 'car', 'person')},
    )
    mask = read_mask(dataset[0]['seg_map_path'])
    assert mask[10, 6] == 2
    assert mask[10, 20] == 1
    assert mask[22, 31] == 0
    item = records['001']['objects'][0]
    assert item['label'] == 'person'
    assert item['score'] == 0.5
    assert item['mask_share'] == pytest.approx(1, abs=1e-3)
    assert item['method'] == 'grabcut ir'


def test_classes_left_out(make_masks):
    records, _ = make_masks({'car': 1})
    assert [item['label'] for item in records['001']['objects']] == ['car']
    assert set(np.unique(read_mask(str(make_masks.root / 'masks' / '001.png')))) == {0, 1, 255}


def test_confidence_of_the_boxes_is_multiplied(make_masks, tmp_path):
    item = {'image': '001.jpg', 'label': 'person', 'box': [2.2, 2, 12, 20], 'score': 0.8}
    path = tmp_path / 'confidence.json'
    path.write_text(json.dumps({'objects': [item]}))
    records, _ = make_masks({'person': 2, 'car': 1}, scores=path)
    assert [item['score'] for item in records['001']['objects']] == [0.4, 0.5]
    assert [item['score'] for item in records['002']['objects']] == [0.5, 0.5]


def test_bad_labels_are_found_before_any_work(make_masks):
    (make_masks.root / 'labels' / '010.txt').write_text('9 0.5 0.5 0.1 0.1\n')

    def never(*arguments):
        raise AssertionError

    with pytest.raises(PairError, match='unknown class'):
        make_masks({'person': 2, 'car': 1}, never)


def test_find_fused(pair_folder):
    root = pair_folder()
    pairs = list_pairs(root / 'ir', root / 'vi')
    assert find_fused(root / 'vi', pairs)['002'].endswith('002.png')
    (root / 'vi' / '002.png').unlink()
    with pytest.raises(ValueError, match=r'one for each of 3 pairs, found none for 1: 002$'):
        find_fused(root / 'vi', pairs)


def test_fused_images_of_another_size(pair_folder):
    root = pair_folder()
    other = pair_folder(root='other', size=(12, 16))
    with pytest.raises(PairError, match=r'expected 32x24 as .* found 16x12'):
        find_fused(other / 'vi', list_pairs(root / 'ir', root / 'vi'))
