import pytest
import torch
from mmdet.structures import DetDataSample
from mmengine.config import ConfigDict
from mmengine.structures import InstanceData, PixelData
from mmseg.structures import SegDataSample

from tsjnet_mm.apis import init_fusor
from tsjnet_mm.models.downstream import FusedDetector, FusedSegmentor
from tsjnet_mm.registry import MODELS
from tsjnet_mm.utils import recolour

SIZES = ((64, 96), (48, 96))


@pytest.fixture
def images():
    """Two pairs of different sizes as LoadImagePair and mmdet's packing give them."""
    return [torch.randint(0, 256, (4, *size), dtype=torch.uint8) for size in SIZES]


def detection_samples():
    samples = []
    for size in SIZES:
        sample = DetDataSample(
            metainfo={'img_shape': size, 'ori_shape': size, 'scale_factor': (1.0, 1.0)}
        )
        sample.gt_instances = InstanceData(
            bboxes=torch.tensor([[10.0, 8.0, 50.0, 40.0]]), labels=torch.tensor([1])
        )
        sample.ignored_instances = InstanceData(
            bboxes=torch.zeros(0, 4), labels=torch.zeros(0, dtype=torch.int64)
        )
        samples.append(sample)
    return samples


def segmentation_samples():
    samples = []
    for size in SIZES:
        sample = SegDataSample(metainfo={'img_shape': size, 'ori_shape': size})
        sample.gt_sem_seg = PixelData(data=torch.randint(0, 4, (1, *size)))
        samples.append(sample)
    return samples


@pytest.fixture
def detector(tiny_detector):
    test_cfg = {
        'nms_pre': 50,
        'min_bbox_size': 0,
        'score_thr': 0.0,
        'nms': {'type': 'nms', 'iou_threshold': 0.5},
        'max_per_img': 5,
    }
    return ConfigDict({**tiny_detector, 'test_cfg': test_cfg})


@pytest.fixture
def segmentor(tiny_segmentor):
    preprocessor = {**tiny_segmentor['data_preprocessor'], 'size': (64, 96)}
    return ConfigDict({**tiny_segmentor, 'data_preprocessor': preprocessor})


def test_network_sees_the_fused_image_in_colour(detector, images):
    model = FusedDetector(detector, {'type': 'AverageFusor'})
    fused = model.fuse(images)
    assert [tuple(image.shape) for image in fused] == [(3, *size) for size in SIZES]
    for image, source in zip(fused, images, strict=True):
        visible = source[:3].flip(0)[None] / 255
        luma = MODELS.build({'type': 'AverageFusor'}).fuse(source[None, 3:] / 255, visible)
        expected = 255 * recolour(luma, visible)[0].flip(0)
        torch.testing.assert_close(image, expected, rtol=0, atol=1e-3)


def test_grey_appearance(detector, images):
    model = FusedDetector(detector, {'type': 'MaxFusor'}, appearance='grey')
    for image in model.fuse(images):
        assert image[0].equal(image[1]) and image[0].equal(image[2])
    with pytest.raises(ValueError, match="'grey' or 'colour', got 'rgb'"):
        FusedDetector(detector, {'type': 'MaxFusor'}, appearance='rgb')


def test_frozen_fusor_stays_as_it_is(detector, tiny_fusor, images):
    model = FusedDetector(detector, tiny_fusor).train()
    assert model.model.training
    assert not any(module.training for module in model.fusor.modules())
    before = {name: value.clone() for name, value in model.fusor.state_dict().items()}
    losses = model.train_step(
        {'inputs': images, 'data_samples': detection_samples()}, _optimizer(model)
    )
    assert {'loss_cls', 'loss_bbox'} < set(losses)
    torch.testing.assert_close(model.fusor.state_dict(), before, rtol=0, atol=0)
    assert not any(image.requires_grad for image in model.fuse(images))


def _optimizer(model):
    from mmengine.optim import OptimWrapper

    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    return OptimWrapper(torch.optim.SGD(trained, lr=0.01))


@pytest.mark.parametrize('task', ['detection', 'segmentation'])
def test_losses_train_the_fusor(task, detector, segmentor, tiny_fusor, images):
    if task == 'detection':
        model = FusedDetector(detector, tiny_fusor, frozen=False)
        samples = detection_samples
    else:
        model = FusedSegmentor(segmentor, tiny_fusor, frozen=False)
        samples = segmentation_samples
    # Weight maps that depend on the features: from the initial ones, changes are rounded away.
    torch.nn.init.normal_(model.fusor.decoder.output.gains[-1].weight, std=0.1)
    model.train()
    before = {name: value.clone() for name, value in model.fusor.named_parameters()}
    optimizer = _optimizer(model)
    history = []
    for _ in range(6):
        losses = model.train_step({'inputs': images, 'data_samples': samples()}, optimizer)
        history.append(losses['loss'].item())
    assert history[-1] < history[0]
    changed = [
        name for name, value in model.fusor.named_parameters() if not value.equal(before[name])
    ]
    assert len(changed) > 0.9 * len(before)


def test_predicts_as_the_network_does_on_the_fused_images(detector, segmentor, images):
    model = FusedDetector(detector, {'type': 'AverageFusor'}).eval()
    samples = detection_samples()
    found = model.test_step({'inputs': images, 'data_samples': samples})
    direct = model.model.test_step(
        {'inputs': model.fuse(images), 'data_samples': detection_samples()}
    )
    assert len(found[0].pred_instances) == 5
    for one, other in zip(found, direct, strict=True):
        assert one.pred_instances.bboxes.equal(other.pred_instances.bboxes)

    model = FusedSegmentor(segmentor, {'type': 'AverageFusor'}).eval()
    found = model.test_step({'inputs': images[:1], 'data_samples': segmentation_samples()[:1]})
    assert found[0].pred_sem_seg.data.shape == (1, *SIZES[0])


def test_hooks_find_the_networks_parts(detector, tiny_fusor):
    model = FusedDetector(detector, tiny_fusor)
    assert model.bbox_head is model.model.bbox_head
    model.bbox_head.use_l1 = True  # as mmdet's YOLOXModeSwitchHook does
    assert model.model.bbox_head.use_l1
    with pytest.raises(AttributeError, match='no attribute'):
        _ = model.decode_head


def test_top_level_preprocessor_goes_to_the_network(segmentor, tiny_fusor):
    preprocessor = segmentor.pop('data_preprocessor')
    model = FusedSegmentor(segmentor, tiny_fusor, data_preprocessor=preprocessor)
    assert model.model.data_preprocessor.size == (64, 96)
    assert type(model.data_preprocessor).__name__ == 'BaseDataPreprocessor'


def test_loads_the_weights_of_a_joint_model(detector, tiny_fusor, tmp_path):
    fusor = MODELS.build(tiny_fusor)
    state = {f'fusor.{name}': value for name, value in fusor.state_dict().items()}
    torch.save({'state_dict': state}, tmp_path / 'joint.pth')
    model = FusedDetector(detector, tiny_fusor, fusor_weights=str(tmp_path / 'joint.pth'))
    model.init_weights()
    torch.testing.assert_close(model.fusor.state_dict(), fusor.state_dict(), rtol=0, atol=0)

    torch.save({'decoder.weight': torch.zeros(1)}, tmp_path / 'other.pth')
    model = FusedDetector(detector, tiny_fusor, fusor_weights=str(tmp_path / 'other.pth'))
    with pytest.raises(ValueError, match=r'other\.pth does not fit TSJNet'):
        model.init_weights()


def test_a_published_fusor_has_its_weights(detector):
    expected = init_fusor('tsjnet-light').state_dict()
    model = FusedDetector(detector, 'tsjnet-light')
    assert any(
        (value != expected[name]).any() for name, value in model.fusor.state_dict().items()
    )
    model.init_weights()
    torch.testing.assert_close(model.fusor.state_dict(), expected, rtol=0, atol=0)


def test_a_named_network_takes_a_file_of_its_weights(detector, tmp_path):
    with pytest.warns(UserWarning, match='random weights'):
        expected = init_fusor('densefuse').state_dict()
    torch.save(expected, tmp_path / 'densefuse.pth')
    model = FusedDetector(detector, 'densefuse', fusor_weights=str(tmp_path / 'densefuse.pth'))
    model.init_weights()
    torch.testing.assert_close(model.fusor.state_dict(), expected, rtol=0, atol=0)
    model = FusedDetector(detector, 'seafusion', fusor_weights=str(tmp_path / 'densefuse.pth'))
    with pytest.raises(ValueError, match=r'densefuse\.pth: not the weights of seafusion'):
        model.init_weights()


def test_images_without_infrared_are_refused(detector, tiny_fusor):
    model = FusedDetector(detector, tiny_fusor)
    with pytest.raises(ValueError, match=r'LoadImagePair'):
        model([torch.zeros(3, 32, 32)])
