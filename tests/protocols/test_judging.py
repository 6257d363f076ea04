import json

import numpy as np
import pytest
import torch
from PIL import Image

from tsjnet_mm.apis.task_networks import ViewDetector, ViewSegmentor
from tsjnet_mm.datasets import FolderDataset
from tsjnet_mm.protocols.judging import DARK, Judge, find_nights
from tsjnet_mm.protocols.judging_tables import all_tables, difference_table

STEMS = ['1D', '2D', '3N', '4N', '5N', '6N']
CAR, MAN = (0, 2.0, 2.0, 14.0, 20.0), (1, 16.0, 4.0, 30.0, 22.0)


class Finder(ViewDetector):
    """Finds the car in all images but white ones, and the man in white ones alone."""

    def __init__(self):
        self.classes = ['bicycle', 'Car', 'people']
        self.pipeline, self.model, self.calls = 'steps', torch.nn.Linear(2, 1), 0

    def __call__(self, image):
        self.calls += 1
        white = image.min() == 254
        boxes = [MAN[1:] if white else CAR[1:], (0, 0, 4, 4)]
        return {
            'boxes': np.array(boxes, np.float32),
            'scores': np.array([0.8, 0.1]),
            'labels': np.array([2 if white else 1, 0]),
        }


class Painter(ViewSegmentor):
    """Calls the left half a truck and the right half a sofa."""

    def __init__(self):
        self.classes = ['truck', 'sofa']
        self.pipeline, self.model = 'steps', torch.nn.Linear(2, 1)

    def __call__(self, image):
        return np.repeat([[0] * 16 + [1] * 16], 24, axis=0)


@pytest.fixture
def pairs(pair_folder):
    return pair_folder(STEMS, boxes=[CAR, MAN], seg_classes=2)


@pytest.fixture
def dataset(pairs):
    metainfo = {'classes': ('car', 'person'), 'seg_classes': ('background', 'car')}
    return FolderDataset(str(pairs), metainfo=metainfo, test_mode=True)


@pytest.fixture
def white(tmp_path):
    """Fused images that are white at night, and not grey, which would be coloured."""
    (tmp_path / 'white').mkdir()
    for stem in STEMS:
        value = 255 if stem.endswith('N') else 90
        image = Image.new('RGB', (32, 24), (value, value, value - 1))
        image.save(tmp_path / 'white' / f'{stem}.png')
    return tmp_path / 'white'


def test_scores_by_class_time_and_size(dataset, white, tmp_path):
    judge = Judge(dataset, {'white': white}, Finder(), tmp_path / 'out')
    judgement = judge.judge(200, report=lambda line: None)
    assert list(judgement.samples) == ['visible', 'infrared', 'white']
    assert judgement.images == {'all': 6, 'day': 2, 'night': 4}
    assert judgement.night_by == 'names'

    def score(*key):
        return judgement.score(*key).value

    assert score('visible', 'all', 'car') == pytest.approx(1)
    assert score('visible', 'all', 'person') == 0
    assert score('visible') == pytest.approx(0.5)
    # Cars of two images of six are found: recall 1/3, so 34 of 101 recalls are reached.
    assert score('white', 'all', 'car') == pytest.approx(34 / 101)
    assert score('white', 'all', 'person') == pytest.approx(67 / 101)
    assert score('white', 'day', 'car') == pytest.approx(1)
    assert score('white', 'night', 'car') == 0
    assert score('white', 'night', 'person') == pytest.approx(1)
    assert score('white', 'small', 'car') == pytest.approx(34 / 101)
    assert np.isnan(score('white', 'large', 'car'))
    night = judgement.difference('white', 'visible', 'night', 'person')
    assert night == pytest.approx((1, 1, 1))
    cars = judgement.difference('white', 'visible', 'all', 'car')
    assert cars.value == pytest.approx(34 / 101 - 1)
    assert cars.low < cars.value < cars.high <= 0
    text = all_tables(judgement, 'finder', ['visible'])
    assert '6 images (2 by day, 4 at night, by names)' in text
    assert 'person night' in text and 'car small' in text
    line = next(
        line for line in text.splitlines() if line.startswith('infrared') and '[' in line
    )
    assert '+0.0 [+0.0, +0.0]' in line and line.endswith('not shown')
    json.dumps(judgement.to_dict(), allow_nan=False)
    with pytest.raises(ValueError, match="no row 'mine' to compare with; there are visible"):
        difference_table(judgement, 'mine')


def test_looks_again_only_at_new_images(dataset, white, tmp_path):
    finder = Finder()

    def run():
        finder.calls = 0
        Judge(dataset, {'white': white}, finder, tmp_path / 'out').judge(100, report=print)
        return finder.calls

    assert run() == 18
    assert run() == 0
    Image.new('RGB', (32, 24)).save(white / '3N.png')
    assert run() == 6
    torch.nn.init.ones_(finder.model.weight)
    assert run() == 18


def test_predictions_from_elsewhere(dataset, white, tmp_path):
    out = tmp_path / 'out'
    first = Judge(dataset, {'white': white}, Finder(), out).judge(100, report=print)
    numbered = {row: out / 'predictions' / f'{row}.bbox.json' for row in first.samples}
    again = Judge(dataset, {}, None, tmp_path / 'other', numbered).judge(100)
    named = json.loads(numbered['white'].read_text())
    for item in named:
        item['image_id'] = STEMS[item['image_id'] - 1]
        item['category_id'] = ('car', 'person')[item['category_id'] - 1]
    (tmp_path / 'named.json').write_text(json.dumps(named))
    third = Judge(
        dataset, {}, None, tmp_path / 'third', {**numbered, 'white': tmp_path / 'named.json'}
    ).judge(100)
    for row, parts in first.samples.items():
        for key, samples in parts.items():
            np.testing.assert_array_equal(samples, again.samples[row][key])
            np.testing.assert_array_equal(samples, third.samples[row][key])
    with pytest.raises(ValueError, match='those of infrared are'):
        Judge(dataset, {}, None, out, {'visible': numbered['visible']})
    numbered['white'].write_text('[{"image_id": 7, "category_id": 1, "bbox": [0, 0, 1, 1], '
                                 '"score": 1}]')  # fmt: skip
    with pytest.raises(ValueError, match='expected a image_id of the annotations'):
        Judge(dataset, {}, None, tmp_path / 'other', numbered).judge(100)


def test_segmentors(dataset, pairs, tmp_path):
    judge = Judge(dataset, {}, Painter(), tmp_path / 'out', class_map=['truck=car'])
    judgement = judge.judge(100, report=print)
    masks = [np.array(Image.open(pairs / 'masks' / f'{stem}.png')) for stem in STEMS]
    truth = np.stack(masks)
    car = (truth[..., :16] == 1).sum() / ((truth == 1).sum() + (truth[..., :16] == 0).sum())
    assert judgement.measure == 'IoU'
    assert judgement.score('visible', 'all', 'car').value == pytest.approx(car)
    rest = (truth[..., 16:] == 0).sum() / ((truth == 0).sum() + (truth[..., 16:] == 1).sum())
    assert judgement.score('visible', 'all', 'background').value == pytest.approx(rest)
    assert judgement.score('infrared').value == pytest.approx((car + rest) / 2)
    with pytest.raises(ValueError, match='none of the classes truck, sofa'):
        Judge(dataset, {}, Painter(), tmp_path / 'out')


def test_night_by_list_names_or_light(tmp_path):
    paths = []
    for value in (20, 200):
        paths.append(str(tmp_path / f'{value}.png'))
        Image.new('RGB', (8, 8), (value,) * 3).save(paths[-1])
    night, by = find_nights(['a', 'b'], paths)
    assert night.tolist() == [True, False] and str(DARK) in by
    assert find_nights(['aD', 'bN'], paths)[0].tolist() == [False, True]
    assert find_nights(['aD', 'bN'], paths, ['aD'])[0].tolist() == [True, False]


def test_names_of_the_sources_are_taken(dataset, white, tmp_path):
    with pytest.raises(ValueError, match='visible is the name of a source'):
        Judge(dataset, {'visible': white}, Finder(), tmp_path)
