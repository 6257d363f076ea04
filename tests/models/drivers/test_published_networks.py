"""YOLOX-nano and ESPNetv2 compute what their authors' files compute, on real images."""


import numpy as np
import pytest
import torch
from mmengine.config import Config
from PIL import Image

from tsjnet_mm.apis import config_dir
from tsjnet_mm.cli.convert_driver import build_network, convert_yolox
from tsjnet_mm.registry import MODELS
from tsjnet_mm.utils import rgb_to_luma


def driver_of(file, key, network):
    config = Config.fromfile(config_dir() / '_base_' / 'models' / f'{file}.py')[key]
    driver = MODELS.build({**config, 'weights': None})
    driver.model.load_state_dict(network)
    return driver


def images(real_data, count, size=None):
    paths = sorted((real_data / 'MSRS' / 'train' / 'vi').iterdir())[:: 34 // count][:count]
    for path in paths:
        image = Image.open(path).convert('RGB')
        yield np.asarray(image if size is None else image.resize(size, Image.BILINEAR))


def inputs_of(driver, rgb):
    """What the network gets of a visible image that is the fused image, too."""
    from tsjnet_mm.structures import FusionDataSample

    visible = torch.tensor(rgb).permute(2, 0, 1)[None] / 255
    sample = FusionDataSample(metainfo={'img_shape': rgb.shape[:2], 'ori_shape': rgb.shape[:2]})
    inputs, _ = driver.prepare(rgb_to_luma(visible), visible, [sample])
    return inputs


@pytest.mark.slow
def test_yolox_nano_equals_its_onnx_file(real_data):
    onnxruntime = pytest.importorskip('onnxruntime')
    path = real_data / 'drivers' / 'yolox_nano_coco.onnx'
    session = onnxruntime.InferenceSession(path, providers=['CPUExecutionProvider'])
    driver = driver_of(
        'detector_yolox-nano',
        'detector',
        convert_yolox(path, build_network('yolox-nano')),
    )
    head = driver.model.bbox_head
    best = []
    for small in images(real_data, 3, (416, 312)):
        padded = np.full((416, 416, 3), 114, np.uint8)
        padded[:312] = small
        blob = np.ascontiguousarray(padded[..., ::-1].transpose(2, 0, 1)[None], np.float32)
        (raw,) = torch.tensor(session.run(None, {'images': blob})[0])
        # The driver pads by itself, to 416x320: the file takes 416x416 alone.
        inputs = inputs_of(driver, padded)
        assert inputs_of(driver, small).shape == (1, 3, 320, 416)
        torch.testing.assert_close(
            inputs_of(driver, small)[..., 312:, :].unique().item(), 114.0
        )
        with torch.no_grad():
            outputs = driver.model(inputs, mode='tensor')
        classes, boxes, objects = (
            torch.cat([part[0].flatten(1).T for part in level]) for level in outputs
        )
        priors = torch.cat(
            head.prior_generator.grid_priors(
                [part.shape[-2:] for part in outputs[0]], device='cpu', with_stride=True
            )
        )
        scores = classes.sigmoid() * objects.sigmoid()
        torch.testing.assert_close(scores, raw[:, 5:] * raw[:, 4:5], rtol=0, atol=1e-3)
        centres = raw[:, :2] * priors[:, 2:] + priors[:, :2]
        sides = raw[:, 2:4].exp() * priors[:, 2:]
        expected = torch.cat([centres - sides / 2, centres + sides / 2], 1)
        found = head._bbox_decode(priors, boxes[None])[0]
        torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-3)
        best.append(scores.max().item())
    assert max(best) > 0.5  # It sees something: a wrong preprocessing gives scores near 0.
