import numpy as np
import pytest
import torch
from mmdet.structures import DetDataSample
from mmengine.config import Config
from mmengine.registry import DefaultScope
from PIL import Image

from tsjnet_mm.apis import config_dir
from tsjnet_mm.demo import fusor_choice as demo_models
from tsjnet_mm.demo import upload_fusion as demo
from tsjnet_mm.demo import uploads as demo_uploads
from tsjnet_mm.demo.options import Options
from tsjnet_mm.registry import MODELS, SCOPE
from tsjnet_mm.utils.model_index import ready_models


def test_models_are_built_once_and_named(tiny_fusor, tmp_path):
    config = tmp_path / 'tiny.py'
    config.write_text(f'model = {tiny_fusor!r}\n')
    with DefaultScope.overwrite_default_scope(SCOPE):
        torch.save(MODELS.build(tiny_fusor).state_dict(), tmp_path / 'w.pth')
    given = [(str(config), str(tmp_path / 'w.pth'))] * 2
    models = demo_models.DemoModels([*given, ('max', None)], device='cpu')
    assert models.names == ['tiny', 'tiny (w.pth)', *ready_models()]
    assert models.default == 'tiny'
    assert models['average'] is models['average'] and models['tiny'] is models['tiny']
    assert not models.has_detector('tiny') and not models.has_detector('laplacian')
    assert demo_models.DemoModels([('max', None)], 'cpu').default == 'max'
    alone = demo_models.DemoModels(device='cpu')
    assert alone.default == 'tsjnet-driven' and alone.names == models.names[2:]
    with pytest.raises(KeyError):
        models['other']


@pytest.fixture
def joint(tiny_fusor, tmp_path):
    """Config and checkpoint of a tiny fusor with a small detector, and the whole model."""
    path = config_dir() / '_base_' / 'models' / 'detector_faster-rcnn_r18_fpn.py'
    detector = Config.fromfile(path).detector.to_dict()
    config = {'type': 'JointFusor', 'fusor': tiny_fusor, 'detector': detector}
    (tmp_path / 'joint.py').write_text(f'model = {config!r}\n')
    with DefaultScope.overwrite_default_scope(SCOPE):
        model = MODELS.build(Config({'model': config}).model)
    meta = {'dataset_meta': {'classes': ('person', 'bicycle', 'car')}}
    torch.save({'state_dict': model.state_dict(), 'meta': meta}, tmp_path / 'joint.pth')
    return tmp_path / 'joint.py', tmp_path / 'joint.pth', model.eval()


def test_detections_are_those_of_the_trained_detector(joint, tmp_path):
    config, weights, model = joint
    models = demo_models.DemoModels([(config, weights)], device='cpu', precision='fp32')
    assert models.has_detector('joint')
    scene = demo_uploads.collect_examples(tmp_path)[-1][1:]
    fusion = demo.fuse_upload(models, 'joint', *scene, tmp_path, Options(grey=True))
    network = model.detector.model
    grey = torch.from_numpy(np.array(Image.open(fusion.fused)))
    sample = DetDataSample(metainfo={'img_shape': grey.shape, 'ori_shape': grey.shape})
    with torch.no_grad():
        batch = {'inputs': [grey.expand(3, -1, -1)], 'data_samples': [sample]}
        batch = network.data_preprocessor(batch)
        found = network.predict(batch['inputs'], batch['data_samples'], rescale=False)[0]
    expected = found.pred_instances.numpy()
    assert len(expected.scores) > 0
    assert np.allclose(fusion.detections.boxes, expected.bboxes, atol=0.05)
    assert np.allclose(fusion.detections.scores, expected.scores, atol=1e-4)
    assert set(fusion.detections.names()) <= {'person', 'bicycle', 'car'}
    drawn, count = demo.draw_detections(fusion, 0.0)
    assert count == len(expected.scores) and Image.open(drawn).size == (640, 480)
    assert not np.array_equal(np.asarray(Image.open(drawn))[..., 0], grey.numpy())
    nothing, count = demo.draw_detections(fusion, 1.0)
    assert count == 0
    assert np.array_equal(np.asarray(Image.open(nothing))[..., 0], grey.numpy())


def test_detector_needs_its_weights(joint, tmp_path):
    config, weights, model = joint
    torch.save(model.fusor.state_dict(), tmp_path / 'fusor.pth')
    assert demo_models.load_detector(config, tmp_path / 'fusor.pth', 'cpu') is None
    assert demo_models.load_detector('laplacian', weights, 'cpu') is None
    state = {'detector.model.other': torch.zeros(1)}
    torch.save(state, tmp_path / 'wrong.pth')
    with pytest.raises(ValueError, match='does not fit the detector'):
        demo_models.load_detector(config, tmp_path / 'wrong.pth', 'cpu')


def test_classes_of_a_detector_with_a_label_map(joint):
    driver = joint[2].detector
    driver.label_map = torch.tensor([2, -1, 0])
    detector = demo_models.FusedImageDetector(driver, ('person', 'bicycle', 'car'), 'cpu')
    assert detector.classes == {2: 'person', 0: 'car'}
    found = demo_models.Detections(
        np.zeros((3, 4)), np.array([0.9, 0.5, 0.1]), np.array([0, 1, 2]), detector.classes
    )
    assert found.names() == ['car', 'class 1', 'person']
    assert found.above(0.5).names() == ['car', 'class 1']
