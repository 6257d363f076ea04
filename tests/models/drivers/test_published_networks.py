"""YOLOX-nano and ESPNetv2 compute what their authors' files compute, on real images."""

import numpy as np
import pytest
import torch
from PIL import Image

from tsjnet_mm.cli.convert_driver import build_driver, convert_espnet, convert_yolox
from tsjnet_mm.structures import FusionDataSample
from tsjnet_mm.utils import rgb_to_luma

#: Logits of the authors' code (EdgeNets, 2b232d3) at three pixels (y, x) of a pair of MSRS.
PIXELS = [(240, 320), (400, 100), (60, 600)]
LOGITS = [
    [1.96284, 4.35705, 1.49684, 1.71813, 2.65075, 1.0813, -3.44968, -1.47137, 4.92868, 4.93497,
     -2.38393, 0.4508, -1.55546, -1.25305, -3.58401, -2.95378, -4.54631, -1.03918, 0.60684,
     -1.58473],
    [8.11253, 6.43507, -3.93787, 0.45393, 2.29691, 2.3554, -5.99979, -0.24058, 1.79458, 7.75902,
     0.14373, -3.53378, -0.85499, 0.17035, -6.13964, -2.307, -3.872, -1.85825, 1.0959,
     -1.03065],
    [-3.55801, -2.61038, 5.78721, 6.21443, 4.64, 0.97501, -1.84155, 0.3113, 3.84274, -1.17794,
     -2.83754, -0.82853, -6.3113, 2.87151, 1.59275, 3.61978, 2.09717, -6.0286, -4.47269,
     -1.67297],
]  # fmt: skip


def images(real_data, count, size=None):
    paths = sorted((real_data / 'MSRS' / 'train' / 'vi').iterdir())[:: 34 // count][:count]
    for path in paths:
        image = Image.open(path).convert('RGB')
        yield np.asarray(image if size is None else image.resize(size, Image.BILINEAR))


def inputs_of(driver, rgb):
    """What the network gets of a visible image that is the fused image, too."""
    visible = torch.tensor(rgb).permute(2, 0, 1)[None] / 255
    sample = FusionDataSample(metainfo={'img_shape': rgb.shape[:2], 'ori_shape': rgb.shape[:2]})
    inputs, _ = driver.prepare(rgb_to_luma(visible), visible, [sample])
    return inputs


@pytest.mark.slow
def test_yolox_nano_equals_its_onnx_file(real_data):
    onnxruntime = pytest.importorskip('onnxruntime')
    path = real_data / 'drivers' / 'yolox_nano_coco.onnx'
    session = onnxruntime.InferenceSession(path, providers=['CPUExecutionProvider'])
    driver = build_driver('yolox-nano')
    driver.model.load_state_dict(convert_yolox(path, driver.model))
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


@pytest.mark.slow
def test_espnetv2_equals_the_authors_code(real_data):
    driver = build_driver('espnetv2')
    path = real_data / 'drivers' / 'espnetv2_s_2.0_cityscapes.pth'
    driver.model.load_state_dict(convert_espnet(path, driver.model))
    rgb = np.asarray(Image.open(real_data / 'MSRS' / 'train' / 'vi' / '00001D.png'))
    with torch.no_grad():
        half = driver.model(inputs_of(driver, rgb), mode='tensor')
    logits = torch.nn.functional.interpolate(
        half, rgb.shape[:2], mode='bilinear', align_corners=True
    )
    for (y, x), expected in zip(PIXELS, LOGITS, strict=True):
        torch.testing.assert_close(
            logits[0, :, y, x], torch.tensor(expected), rtol=0, atol=1e-4
        )
