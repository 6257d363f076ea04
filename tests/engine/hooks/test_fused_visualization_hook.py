from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmdet.structures import DetDataSample
from mmengine.structures import InstanceData

from tsjnet_mm.engine.hooks import FusedVisualizationHook


class Model(torch.nn.Linear):
    """Fuses by taking the infrared image thrice."""

    def __init__(self):
        super().__init__(1, 1)

    def fuse(self, images):
        return [image[3:].float().repeat(3, 1, 1) for image in images]


def sample(flip=False):
    found = DetDataSample(
        metainfo={
            'img_path': 'data/vi/7.png',
            'ori_shape': (10, 20),
            'img_shape': (32, 48),  # With margins.
            'scale_factor': (2.0, 2.0),
            'flip': flip,
        }
    )
    found.pred_instances = InstanceData(bboxes=torch.zeros(1, 4), scores=torch.ones(1))
    return found


@pytest.mark.parametrize('augmented', [False, True])
def test_draws_on_the_image_that_the_network_saw(augmented, tmp_path):
    inputs = torch.full((4, 32, 48), 99, dtype=torch.uint8)
    inputs[3, :20, :40] = 200
    inputs[3, :20, 20:40] = 50
    batch = {'inputs': [inputs], 'data_samples': [sample()]}
    model = Model()
    if augmented:
        model = SimpleNamespace(module=model)
        batch = {
            'inputs': [[inputs.flip(2)], [inputs]],
            'data_samples': [[sample(True)], [sample()]],
        }
    drawn = []
    runner = SimpleNamespace(
        model=model,
        work_dir=str(tmp_path),
        timestamp='now',
        iter=0,
        visualizer=SimpleNamespace(add_datasample=lambda *args, **kw: drawn.append((args, kw))),
    )
    hook = FusedVisualizationHook(draw=True, score_thr=0.7, test_out_dir='shown')
    hook.after_test_iter(runner, 0, batch, [sample()])
    (((name, image), options),) = drawn
    assert name == 'test_img' and options['pred_score_thr'] == 0.7
    assert options['out_file'] == str(tmp_path / 'now' / 'shown' / '7.png')
    expected = np.full((10, 20, 3), 200, np.uint8)
    expected[:, 10:] = 50
    columns = [*range(9), *range(11, 20)]  # Between them the resizing mixes.
    np.testing.assert_array_equal(image[:, columns], expected[:, columns])
    FusedVisualizationHook().after_test_iter(runner, 0, batch, [sample()])
    assert len(drawn) == 1


def test_other_models_are_refused():
    runner = SimpleNamespace(model=torch.nn.Linear(1, 1), iter=0)
    hook = FusedVisualizationHook(draw=True)
    with pytest.raises(TypeError, match='Linear is none'):
        hook.after_val_iter(runner, 0, {'inputs': [], 'data_samples': []}, [sample()])
