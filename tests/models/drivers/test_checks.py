"""What would train a fusor towards nothing is refused before the first step."""

import pytest
import torch

from tsjnet_mm.models.drivers import DetectionDriver, SegmentationDriver

OWN = {'classes': ('person', 'bicycle', 'car'), 'seg_classes': ('a', 'b', 'c', 'd')}


def save(model, path, change=None):
    state = model.state_dict()
    torch.save({'state_dict': {**state, **(change or {})}}, path)
    return str(path)


@pytest.fixture
def detector_weights(tiny_detector, tmp_path):
    return save(DetectionDriver(tiny_detector).model, tmp_path / 'detector.pth')


def test_a_frozen_driver_needs_weights(tiny_detector, tiny_segmentor, detector_weights):
    for kind, config in (
        (DetectionDriver, tiny_detector),
        (SegmentationDriver, tiny_segmentor),
    ):
        driver = kind(config)
        with pytest.raises(ValueError, match=r"random weights \(100%.*weights='published'"):
            driver.check(OWN)
        driver.init_weights()  # Random ones, of the config's initialisers.
        with pytest.raises(ValueError, match='frozen=False'):
            driver.check(OWN)
        kind(config, frozen=False).check(OWN)
        kind(config, allow_random=True).check(OWN)
    driver = DetectionDriver(tiny_detector, weights=detector_weights)
    with pytest.raises(ValueError, match='random weights'):
        driver.check(OWN)
    driver.init_weights()
    driver.check(OWN)


def test_weights_may_come_with_the_whole_model(tiny_detector):
    driver = DetectionDriver(tiny_detector)
    outer = torch.nn.ModuleDict({'detector': driver})
    outer.load_state_dict(outer.state_dict())
    driver.check(OWN)


def test_weights_of_a_backbone_alone_are_not_enough(tiny_detector, tmp_path):
    state = DetectionDriver(tiny_detector).model.backbone.state_dict()
    torch.save({'state_dict': state}, tmp_path / 'backbone.pth')
    driver = DetectionDriver(tiny_detector, weights=str(tmp_path / 'backbone.pth'))
    driver.init_weights()
    with pytest.raises(ValueError, match='random weights'):
        driver.check(OWN)


def test_most_of_the_weights_are_not_enough(tiny_detector, tmp_path):
    state = DetectionDriver(tiny_detector).model.state_dict()
    missing = [name for name in state if name.startswith('backbone.layer3')]
    share = 1 - sum(state[name].numel() for name in missing) / sum(
        value.numel() for value in state.values()
    )
    part = {name: value for name, value in state.items() if name not in missing}
    driver = DetectionDriver(tiny_detector)
    driver.model.load_state_dict(part, strict=False)
    assert 0.5 < share < 0.9
    with pytest.raises(ValueError, match=f'{1 - share:.0%} of them'):
        driver.check(OWN)


def test_weights_that_do_not_fit_are_named(tiny_detector, detector_weights):
    driver = DetectionDriver(tiny_detector, weights=detector_weights, num_classes=5)
    driver.init_weights()
    with pytest.raises(ValueError, match=r'bbox_head.retina_cls.weight: \(3, .* here') as told:
        driver.check({})
    assert 'num_classes' in str(told.value)
    # Loaded again, with weights that fit.
    driver.model.load_state_dict(driver.model.state_dict())
    driver.check({})


def test_other_classes_need_a_label_map(tiny_detector):
    driver = DetectionDriver(tiny_detector, frozen=False, num_classes=80)
    with pytest.raises(
        ValueError, match=r'has 80 classes, the data set 3 \(person, bicycle, car'
    ) as told:
        driver.check(OWN)
    assert 'a label_map' in str(told.value) and 'num_classes=3' in str(told.value)
    driver.label_map = torch.tensor([0, 1, 2])
    driver.check(OWN)
    DetectionDriver(tiny_detector, frozen=False).check(OWN)
    DetectionDriver(tiny_detector, frozen=False).check({})


def test_the_label_map_to_write_is_said_where_names_are_known():
    config = {'config': 'mmdet::yolox/yolox_tiny_8xb8-300e_coco.py', 'frozen': False}
    driver = DetectionDriver(**config)
    with pytest.raises(ValueError, match=r'label_map=\[2, 0, -1\]'):
        driver.check({'classes': ('car', 'person', 'lamp')})
    with pytest.raises(ValueError, match='give the driver a label_map'):
        driver.check({'classes': ('lamp', 'People')})
    # As many classes, of other names.
    driver.classes = ('person', 'bicycle', 'car')
    driver.model.bbox_head.num_classes = 3
    driver.check(OWN)
    with pytest.raises(ValueError, match=r'label_map=\[2, 1, 0\]'):
        driver.check({'classes': ('car', 'bicycle', 'person')})


@pytest.mark.parametrize(
    ('label_map', 'message'),
    [
        ([0, 1], 'has 2 entries, the data set 3 classes'),
        ([0, 1, 2, 2], 'has 4 entries'),
        ([0, 1, 3], 'must name some of .* 0 to 2'),
        ([-1, -1, -1], 'must name some of'),
        ([0, 1, -2], 'integers from -1 up'),
        ([0, 1, 1.5], 'integers from -1 up'),
        ([True, 0, 1], 'integers from -1 up'),
        ('012', 'integers from -1 up'),
    ],
)
def test_label_maps_that_cannot_be_meant(tiny_detector, label_map, message):
    with pytest.raises(ValueError, match=message):
        DetectionDriver(tiny_detector, frozen=False, label_map=label_map).check(OWN)


def test_a_segmentor_of_other_classes(tiny_segmentor):
    driver = SegmentationDriver(tiny_segmentor, frozen=False)
    driver.check(OWN)
    driver.check({})
    with pytest.raises(ValueError, match=r'4 classes, the data set 2 \(road, sky\).*=2'):
        driver.check({'seg_classes': ('road', 'sky')})
    driver.classes = ('a', 'b', 'd', 'c')
    with pytest.raises(ValueError, match=r'4 classes \(a, \.\.\.\)'):
        driver.check(OWN)


@pytest.mark.parametrize(
    ('config', 'message'),
    [
        ('mmdet::fast_rcnn/fast-rcnn_r50_fpn_1x_coco.py', 'needs `proposals`'),
        (
            'mmdet::soft_teacher/soft-teacher_faster-rcnn_r50-caffe_fpn_180k_semi-0.1-coco.py',
            'MultiBranchDataPreprocessor takes other batches',
        ),
    ],
)
def test_models_that_one_image_and_its_boxes_do_not_train(config, message):
    with pytest.raises(ValueError, match=f'cannot be a detection driver: .*{message}'):
        DetectionDriver(config=config)
