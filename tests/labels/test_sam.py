import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from tsjnet_mm.labels import SamMasks


class Inputs(dict):
    def to(self, device):
        return self


class Processor:
    """Has the interface of SamProcessor; hands the image and the boxes through."""

    def __call__(self, image, input_boxes, return_tensors):
        assert return_tensors == 'pt'
        assert image.dtype == np.uint8
        size = torch.tensor([image.shape[:2]])
        return Inputs(
            pixel_values=torch.from_numpy(image.copy())[None],
            input_boxes=torch.tensor(input_boxes),
            original_sizes=size,
            reshaped_input_sizes=size,
        )

    def post_process_masks(self, masks, original_sizes, reshaped_input_sizes):
        return [mask > 0 for mask in masks]


class Model(torch.nn.Module):
    """Has the interface of SamModel; an object is what is bright in its box and 4 px around."""

    def forward(self, pixel_values, input_boxes, multimask_output):
        assert not multimask_output
        bright = pixel_values[0, ..., 0] > 100
        masks, scores = [], []
        for left, top, right, bottom in input_boxes[0].int().tolist():
            place = torch.zeros_like(bright)
            place[max(top - 4, 0) : bottom + 4, max(left - 4, 0) : right + 4] = True
            masks.append((bright & place).float() - 0.5)
            scores.append(0.9 if (bright & place).any() else 0.1)
        return SimpleNamespace(
            pred_masks=torch.stack(masks)[None, :, None],
            iou_scores=torch.tensor(scores)[None, :, None],
        )


@pytest.fixture
def maker():
    return SamMasks(model=Model(), processor=Processor(), max_shift=0.1)


@pytest.mark.parametrize('offset', [(0, 0), (8, -6)])
def test_takes_the_view_that_shows_the_object(maker, night_scene, offset):
    ir, vi, mask, box = night_scene(offset)
    (found,) = maker(ir, vi, [box], ['person'])
    assert found.method == 'sam ir'
    assert (found.mask & mask).sum() / (found.mask | mask).sum() > 0.9
    assert 0.8 < found.quality <= 0.9


def test_visible_object_cut_off_at_its_box(maker):
    ir, vi = np.zeros((40, 50), np.float32), np.zeros((40, 50, 3), np.float32)
    vi[10:30, 10:30] = 1
    (found,) = maker(ir, vi, [[12, 10, 28, 30]], ['car'])
    assert found.method == 'sam vi'
    assert found.mask.sum() == 16 * 20
    assert found.quality == pytest.approx(0.9)


def test_nothing_found_has_no_quality(maker):
    ir, vi = np.zeros((40, 50), np.float32), np.zeros((40, 50, 3), np.float32)
    (found,) = maker(ir, vi, [[12, 10, 28, 30]], ['car'])
    assert not found.mask.any()
    assert found.quality == 0
    assert maker(ir, vi, [], []) == []


def test_without_the_package_it_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, 'transformers', None)
    with pytest.raises(ImportError, match=r'pip install transformers.*--method grabcut'):
        SamMasks(tmp_path)


def test_without_weights_it_says_what_is_expected(monkeypatch, tmp_path):
    package = SimpleNamespace(SamModel=None, SamProcessor=None)
    monkeypatch.setitem(sys.modules, 'transformers', package)
    (tmp_path / 'pytorch_model.bin').touch()
    with pytest.raises(FileNotFoundError, match=r'model\.safetensors'):
        SamMasks(tmp_path)


def test_real_model_with_random_weights(tmp_path, night_scene):
    transformers = pytest.importorskip('transformers')
    config = transformers.SamConfig(
        vision_config={
            'hidden_size': 16,
            'output_channels': 16,
            'num_hidden_layers': 1,
            'num_attention_heads': 2,
            'image_size': 64,
            'patch_size': 16,
            'mlp_dim': 16,
            'window_size': 2,
            'global_attn_indexes': [0],
            'num_pos_feats': 8,
        },
        prompt_encoder_config={'hidden_size': 16, 'image_size': 64, 'patch_size': 16},
        mask_decoder_config={
            'hidden_size': 16,
            'mlp_dim': 16,
            'num_attention_heads': 2,
            'num_hidden_layers': 1,
            'iou_head_hidden_dim': 16,
        },
    )
    transformers.SamModel(config).save_pretrained(tmp_path)
    images = transformers.SamImageProcessor(
        size={'longest_edge': 64},
        pad_size={'height': 64, 'width': 64},
        mask_size={'longest_edge': 16},
        mask_pad_size={'height': 16, 'width': 16},
    )
    transformers.SamProcessor(images).save_pretrained(tmp_path)
    ir, vi, _, box = night_scene()
    found = SamMasks(tmp_path)(ir, vi, [box, [3, 3, 30, 20]], ['person', 'car'])
    assert len(found) == 2
    for item in found:
        assert item.mask.shape == ir.shape
        assert item.mask.dtype == bool
        assert 0 <= item.quality <= 1
