import json

import numpy as np
import pytest
import torch
from mmengine.config import Config
from PIL import Image

from tsjnet_mm.apis import FusionDetector, FusionInferencer
from tsjnet_mm.apis.task_networks import ViewDetector
from tsjnet_mm.visualization import draw_boxes

FUSED = """
_base_ = ['tiny.py']
custom_imports = dict(imports=['tsjnet_mm.registry'])
model = dict(type='tsjnet_mm.FusedDetector', detector=_base_.pop('model'), fusor='max')
load = dict(type='tsjnet_mm.LoadImagePair')
test_pipeline = [load, *_base_.test_dataloader['dataset']['pipeline'][1:]]
pad = dict(type='Pad', size=(80, 80), pad_val=dict(img=(1, 2, 3)))
test_pipeline.insert(2, pad)
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
"""


@pytest.fixture
def pairs(pair_folder):
    folder = pair_folder(size=(48, 96), ir='thermal', vi='rgb')
    return folder / 'thermal', folder / 'rgb'


def make(files, **options):
    return FusionDetector(
        *files, device='cpu', precision='fp32', show_progress=False, **options
    )


def test_finds_what_the_detector_finds_in_the_fused_image(detector_files, pairs):
    found = make(detector_files, fusor='laplacian')(*pairs)
    fuse = FusionInferencer('laplacian', precision='fp32', device='cpu', show_progress=False)
    detector = ViewDetector(*detector_files)
    assert [item.name for item in found] == ['001', '002', '010']
    for item, image in zip(found, fuse(*pairs), strict=True):
        np.testing.assert_array_equal(item.image, image)
        expected = detector(image)
        assert len(item.scores) == 5
        for key in ('boxes', 'scores', 'labels'):
            np.testing.assert_array_equal(getattr(item, key), expected[key])


def test_writes_boxes_on_the_fused_image_and_coco_results(detector_files, pairs, tmp_path):
    detector = make(detector_files, fusor='average')
    threshold = detector.score_thr = float(np.median(detector(*pairs)[0].scores))
    (first, *_) = found = detector(*pairs, tmp_path / 'out')
    drawn = np.array(Image.open(tmp_path / 'out' / '001.png'))
    kept = first.scores >= threshold
    assert 0 < kept.sum() < 5
    assert (drawn != first.image).any() and (drawn == first.image).mean() > 0.3
    np.testing.assert_array_equal(drawn, first.draw(threshold))
    outline = draw_boxes(np.zeros_like(first.image), first.boxes[kept])
    assert (drawn[outline.any(2)] != first.image[outline.any(2)]).any(1).mean() > 0.8
    results = json.loads((tmp_path / 'out' / 'predictions.bbox.json').read_text())
    numbers = json.loads((tmp_path / 'out' / 'images.json').read_text())
    assert [item['file_name'] for item in numbers['images']] == [
        '001.png',
        '002.png',
        '010.png',
    ]
    assert numbers['categories'] == [{'id': 1, 'name': 'person'}, {'id': 2, 'name': 'car'}]
    assert len(results) == sum(len(item.scores) for item in found)
    left, top, right, bottom = found[1].boxes[0].tolist()
    second = [item for item in results if item['image_id'] == 2]
    assert second[0]['bbox'] == pytest.approx([left, top, right - left, bottom - top])
    assert second[0]['category_id'] == found[1].labels[0] + 1
    detector(*pairs, tmp_path / 'out')  # Its own files may be replaced.
    (tmp_path / 'out' / 'images.json').write_text('{}')
    with pytest.raises(ValueError, match='was not made here'):
        detector(*pairs, tmp_path / 'out')


def test_numbers_of_a_ground_truth(detector_files, pairs, tmp_path):
    truth = {
        'images': [{'id': 7 + i, 'file_name': f'{n}.jpg'} for i, n in enumerate((10, 2, 1))],
        'categories': [{'id': 5, 'name': 'Car'}, {'id': 9, 'name': 'Lamp'}],
        'annotations': [],
    }
    for item, stem in zip(truth['images'], ('010', '002', '001'), strict=True):
        item['file_name'] = f'{stem}.jpg'
    path = tmp_path / 'truth.json'
    path.write_text(json.dumps(truth))
    found = make(detector_files, fusor='max')(*pairs, tmp_path / 'out', annotations=path)
    results = json.loads((tmp_path / 'out' / 'predictions.bbox.json').read_text())
    assert {item['category_id'] for item in results} == {5}
    cars = [(item.labels == 1).sum() for item in found]
    counts = [sum(item['image_id'] == number for item in results) for number in (9, 8, 7)]
    assert counts == cars and sum(cars) > 0
    truth['images'].pop()
    path.write_text(json.dumps(truth))
    with pytest.raises(ValueError, match='1 pair has none, such as 001'):
        make(detector_files, fusor='max')(*pairs, tmp_path / 'out', annotations=path)


def test_a_fused_detector_sees_what_mmdet_shows_it(detector_files, pairs, tmp_path):
    from mmdet.apis import inference_detector, init_detector

    config = tmp_path / 'fused.py'
    config.write_text(FUSED.replace('LoadImagePair', "LoadImagePair', visible_folder='rgb', "
                                    "infrared_folder='thermal"))  # fmt: skip
    # The network's checkpoint alone.
    model = init_detector(str(config), str(detector_files[1]), 'random', 'cpu', {})
    (found, *_) = make((config, detector_files[1]))(*pairs)
    expected = inference_detector(model, str(pairs[1] / '001.png')).pred_instances
    np.testing.assert_allclose(found.boxes, expected.bboxes.numpy(), atol=1e-4)
    np.testing.assert_allclose(found.scores, expected.scores.numpy(), atol=1e-6)
    # Where the infrared camera sees nothing, both show the visible luma.
    right = [[1, 0, 40], [0, 1, 0], [0, 0, 1]]
    other = tmp_path / 'moved.py'
    other.write_text(
        config.read_text().replace("='thermal'", f"='thermal', homography={right}")
    )
    shifted = init_detector(str(other), str(detector_files[1]), 'random', 'cpu', {})
    (moved, *_) = make((other, detector_files[1]))(*pairs, homography=right)
    expected = inference_detector(shifted, str(pairs[1] / '001.png')).pred_instances
    np.testing.assert_allclose(moved.scores, expected.scores.numpy(), atol=1e-6)
    assert not np.allclose(moved.scores, found.scores)
    plain = make(detector_files, fusor='max')(*pairs)[0]
    np.testing.assert_array_equal(found.image, plain.image)
    assert not np.allclose(found.boxes, plain.boxes)  # Padded otherwise.
    torch.save(model.state_dict(), tmp_path / 'whole.pth')
    again = make((config, tmp_path / 'whole.pth'), classes=['a', 'b'])(*pairs)[0]
    np.testing.assert_array_equal(found.boxes, again.boxes)
    with pytest.raises(ValueError, match='has a fusor of its own'):
        make((config, detector_files[1]), fusor='average')


def test_arrays(detector_files):
    rng = np.random.default_rng(0)
    ir, vi = (
        rng.integers(0, 256, (40, 60), np.uint8),
        rng.integers(0, 256, (40, 60, 3), np.uint8),
    )
    (found,) = make(detector_files, fusor='average', grey=True)(ir, vi)
    assert found.image.shape == (40, 60, 3)
    assert (found.image[..., 0] == found.image[..., 2]).all()


def test_a_checkpoint_of_the_network_alone(detector_files, tmp_path):
    from mmengine.runner import load_checkpoint

    from tsjnet_mm.apis import init_fusor
    from tsjnet_mm.models.downstream import FusedDetector

    model = FusedDetector(Config.fromfile(detector_files[0]).model, 'tsjnet-light')
    load_checkpoint(model, str(detector_files[1]), strict=True)
    expected = torch.load(detector_files[1])['state_dict']
    torch.testing.assert_close(model.model.state_dict(), expected, rtol=0, atol=0)
    light = init_fusor('tsjnet-light').state_dict()
    torch.testing.assert_close(model.fusor.state_dict(), light, rtol=0, atol=0)
