import numpy as np
import pytest
import torch
from mmengine.config import Config

from tsjnet_mm.labels import ViewDetector, merge_views


@pytest.fixture
def tiny_detector(detector_files):
    return detector_files


def view(boxes, scores, labels):
    return {
        'boxes': np.array(boxes, np.float32).reshape(-1, 4),
        'scores': np.array(scores, np.float32),
        'labels': np.array(labels),
    }


def test_two_views_make_a_box_more_certain():
    found = merge_views(
        [view([[0, 0, 10, 10]], [0.6], [1]), view([[1, 0, 11, 10]], [0.3], [1])], iou=0.5
    )
    assert found['scores'] == pytest.approx([1 - 0.4 * 0.7])
    np.testing.assert_allclose(found['boxes'], [[1 / 3, 0, 10 + 1 / 3, 10]], rtol=1e-5)
    assert found['views'].tolist() == [2]
    assert found['labels'].tolist() == [1]


def test_classes_and_far_boxes_are_not_merged():
    found = merge_views(
        [
            view([[0, 0, 10, 10], [40, 40, 60, 60]], [0.6, 0.9], [0, 0]),
            view([[0, 0, 10, 10]], [0.7], [1]),
        ]
    )
    assert found['scores'] == pytest.approx([0.9, 0.7, 0.6])
    assert found['labels'].tolist() == [0, 1, 0]
    assert found['views'].tolist() == [1, 1, 1]
    assert found['boxes'][0].tolist() == [40, 40, 60, 60]


def test_a_view_supports_a_box_once():
    found = merge_views([view([[0, 0, 10, 10], [0, 1, 10, 10]], [0.5, 0.5], [0, 0])])
    assert found['scores'] == pytest.approx([0.5])


def test_nothing_found():
    found = merge_views([view([], [], []), view([], [], [])])
    assert found['boxes'].shape == (0, 4)
    assert found['scores'].shape == found['labels'].shape == (0,)


def test_detector_finds_boxes_in_pixels_of_the_image(tiny_detector):
    detector = ViewDetector(*tiny_detector)
    assert detector.classes == ['person', 'car']
    image = np.random.default_rng(0).uniform(0, 1, (48, 96, 3)).astype(np.float32)
    found = detector(image)
    assert 0 < len(found['scores']) <= 5
    assert found['boxes'].shape == (len(found['scores']), 4)
    assert found['boxes'].min() >= 0
    assert found['boxes'][:, 2].max() <= 96
    assert found['boxes'][:, 2].max() > 64
    assert set(found['labels']) <= {0, 1}


def test_weights_that_do_not_fit(tiny_detector):
    config, checkpoint = tiny_detector
    content = torch.load(checkpoint)
    content['state_dict'].pop('bbox_head.retina_cls.bias')
    torch.save(content, checkpoint)
    with pytest.raises(ValueError, match=r'does not fit .*: 1 weight is missing'):
        ViewDetector(config, checkpoint)


def test_a_file_that_is_no_config_of_a_detector(tiny_detector):
    config, checkpoint = tiny_detector
    config.write_text('x = 1\n')
    with pytest.raises(ValueError, match='has no model'):
        ViewDetector(config, checkpoint)


def test_classes_must_be_known_and_as_many(tiny_detector):
    config, checkpoint = tiny_detector
    assert ViewDetector(config, checkpoint, ['a', 'b']).classes == ['a', 'b']
    with pytest.raises(ValueError, match='finds 2 classes, but 1 are named'):
        ViewDetector(config, checkpoint, ['a'])
    torch.save(torch.load(checkpoint)['state_dict'], checkpoint)
    with pytest.raises(ValueError, match='--detector-classes'):
        ViewDetector(config, checkpoint)


def test_checkpoints_that_would_run_code_are_refused(tiny_detector, hostile, trap):
    config, _ = tiny_detector
    with pytest.raises(ValueError, match='is refused'):
        ViewDetector(config, hostile)
    assert not trap.exists()


def test_detector_of_a_joint_model(tiny_detector, tmp_path):
    config, checkpoint = tiny_detector
    model = Config.fromfile(config).model.to_dict()
    joint = tmp_path / 'joint.py'
    joint.write_text(
        f"model = dict(type='JointFusor', fusor=dict(), detector=dict(model={model!r}))\n"
    )
    content = torch.load(checkpoint)
    content['state_dict'] = {
        'fusor.weight': torch.zeros(1),
        **{f'detector.model.{key}': value for key, value in content['state_dict'].items()},
    }
    torch.save(content, tmp_path / 'joint.pth')
    found = ViewDetector(joint, tmp_path / 'joint.pth')(np.zeros((64, 64, 3), np.float32))
    assert len(found['scores'])
    joint.write_text("model = dict(type='JointFusor', fusor=dict())\n")
    with pytest.raises(ValueError, match='has no detector'):
        ViewDetector(joint, tmp_path / 'joint.pth')
