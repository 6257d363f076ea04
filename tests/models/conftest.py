import pytest
import torch
from mmengine.registry import DefaultScope
from mmengine.structures import InstanceData, PixelData

from tsjnet_mm.structures import FusionDataSample


@pytest.fixture(autouse=True)
def scope():
    """Nested configs resolve as under the Runner."""
    with DefaultScope.overwrite_default_scope('tsjnet_mm'):
        yield


@pytest.fixture
def pair_batch():
    """A batch of two pairs of 64x96 as a model's preprocessor gives it."""
    generator = torch.Generator().manual_seed(0)
    height, width = 64, 96
    samples = []
    for label in (0, 2):
        sample = FusionDataSample(
            metainfo={
                'img_path': f'{label}.png',
                'img_shape': (height, width),
                'ori_shape': (height, width),
                'batch_input_shape': (height, width),
                'pad_shape': (height, width),
                'scale_factor': (1.0, 1.0),
                'flip': False,
            }
        )
        sample.gt_instances = InstanceData(
            bboxes=torch.tensor([[10.0, 8.0, 50.0, 60.0]]), labels=torch.tensor([label])
        )
        mask = torch.zeros(1, height, width, dtype=torch.int64)
        mask[:, 8:60, 10:50] = label + 1
        mask[:, :2] = 255
        sample.gt_sem_seg = PixelData(data=mask)
        samples.append(sample)
    return {
        'inputs': {
            'ir': torch.rand(2, 1, height, width, generator=generator),
            'vi': torch.rand(2, 3, height, width, generator=generator),
        },
        'data_samples': samples,
    }


@pytest.fixture
def tiny_detector():
    """Config of a small one-stage detector (RetinaNet)."""
    return {
        'type': 'RetinaNet',
        'data_preprocessor': {
            'type': 'DetDataPreprocessor',
            'mean': [123.675, 116.28, 103.53],
            'std': [58.395, 57.12, 57.375],
            'bgr_to_rgb': True,
            'pad_size_divisor': 32,
        },
        'backbone': {
            'type': 'ResNet',
            'depth': 18,
            'base_channels': 8,
            'out_indices': (1, 2),
            'norm_eval': False,
        },
        'neck': {'type': 'FPN', 'in_channels': [16, 32], 'out_channels': 8, 'num_outs': 2},
        'bbox_head': {
            'type': 'RetinaHead',
            'num_classes': 3,
            'in_channels': 8,
            'feat_channels': 8,
            'stacked_convs': 1,
            'anchor_generator': {
                'type': 'AnchorGenerator',
                'octave_base_scale': 4,
                'scales_per_octave': 1,
                'ratios': [1.0],
                'strides': [8, 16],
            },
            'bbox_coder': {'type': 'DeltaXYWHBBoxCoder'},
            'loss_cls': {'type': 'FocalLoss', 'use_sigmoid': True},
            'loss_bbox': {'type': 'L1Loss'},
        },
        'train_cfg': {
            'assigner': {
                'type': 'MaxIoUAssigner',
                'pos_iou_thr': 0.3,
                'neg_iou_thr': 0.2,
                'min_pos_iou': 0,
            },
            'sampler': {'type': 'PseudoSampler'},
            'allowed_border': -1,
            'pos_weight': -1,
            'debug': False,
        },
    }


@pytest.fixture
def tiny_segmentor():
    """Config of a small segmentor (FCN)."""
    return {
        'type': 'EncoderDecoder',
        'data_preprocessor': {
            'type': 'SegDataPreProcessor',
            'mean': [123.675, 116.28, 103.53],
            'std': [58.395, 57.12, 57.375],
            'bgr_to_rgb': True,
        },
        'backbone': {
            'type': 'ResNetV1c',
            'depth': 18,
            'base_channels': 8,
            'stem_channels': 8,
            'norm_cfg': {'type': 'BN'},
        },
        'decode_head': {
            'type': 'FCNHead',
            'in_channels': 64,
            'in_index': 3,
            'channels': 8,
            'num_convs': 1,
            'num_classes': 4,
            'norm_cfg': {'type': 'BN'},
            'loss_decode': {'type': 'CrossEntropyLoss', 'avg_non_ignore': True},
        },
        'train_cfg': {},
        'test_cfg': {'mode': 'whole'},
    }
